// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, SpawnOptions, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { badOption } from '../errors.js';
import { isError } from '../is-error.js';
import { launcherWord } from './launch-options.js';
import { nativeProgram } from './native.js';
import { hasStreams, hideStreams } from './node-internals.js';
import { remedyForRefusal } from './permission-model.js';
import { startFailure } from './stranger.js';

/** An environment as spawn() takes it: undefined values are left out, and other values become strings. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment in the form of /proc/PID/environ. */
function environmentBlock(env: Environment): Buffer {
  if (env === null || typeof env !== 'object') throw badOption('env', 'an object of strings', env);
  const lines: string[] = [];
  for (const name in env) {
    if (env[name] === undefined) continue;
    const line = `${name}=${env[name]}`;
    // The message names only the variable, because the value may be a secret.
    if (line.includes('\0')) throw badOption('env', 'without null characters in each variable', name);
    lines.push(`${line}\0`);
  }
  return Buffer.from(lines.join(''));
}

/** Adds a pipe after the given streams, and returns the pipe's number. */
export function withPipe(stdio: StdioOptions): { stdio: StdioOptions; pipe: number } {
  const given = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const padded = [...given, ...Array(Math.max(0, 3 - given.length)).fill('pipe')];
  return { stdio: [...padded, 'pipe'] as StdioOptions, pipe: padded.length };
}

/**
 * spawn() of tracegate-launch.
 *
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 */
export function startLauncher(words: readonly string[], options: SpawnOptions): ChildProcess {
  const launcher = nativeProgram('tracegate-launch');
  try {
    return spawn(launcher, words, options);
  } catch (error) {
    throw isError(error) && remedyForRefusal(error) !== null
      ? startFailure(error, 'tracegate-launch')
      : error;
  }
}

/**
 * Starts tracegate-launch with an empty environment. The launcher reads the program's environment from a pipe after it
 * has closed itself. From its exec on, other processes of the uid can read the environment that a process was started
 * with.
 *
 * @param words the launcher's options, and the command
 */
export function spawnLauncher(
  words: readonly string[],
  { env = process.env, stdio = 'pipe', ...options }: SpawnOptions,
): ChildProcess {
  const block = environmentBlock(env);
  const streams = withPipe(stdio);
  const child = startLauncher([launcherWord('environment', `${streams.pipe}:${block.length}`), ...words], {
    ...options,
    env: {},
    stdio: streams.stdio,
  });
  if (!hasStreams(child)) return child;
  const pipe = child.stdio[streams.pipe] as Writable;
  pipe.on('error', () => {}); // the launcher has ended early, and its exit code says why
  pipe.end(block, () => pipe.destroy());
  // The pipe belongs to the launcher, not to the command, so the caller doesn't see it.
  hideStreams(child, streams.pipe);
  return child;
}
