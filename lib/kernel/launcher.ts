// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, SpawnOptions, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { badOption } from '../errors.js';
import { builtLauncher } from './native.js';

/** As spawn() takes it: what is undefined is left out, and what isn't a string becomes one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** As /proc/PID/environ has it. */
function environmentBlock(env: Environment): Buffer {
  if (env === null || typeof env !== 'object') throw badOption('env', 'an object of strings', env);
  const lines: string[] = [];
  for (const name in env) {
    if (env[name] === undefined) continue;
    const line = `${name}=${env[name]}`;
    // Not its value, which may be a secret.
    if (line.includes('\0')) throw badOption('env', 'without null characters in each variable', name);
    lines.push(`${line}\0`);
  }
  return Buffer.from(lines.join(''));
}

/** All streams, with a pipe behind them, and its number. */
export function withPipe(stdio: StdioOptions): { stdio: StdioOptions; pipe: number } {
  const given = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const padded = [...given, ...Array(Math.max(0, 3 - given.length)).fill('pipe')];
  return { stdio: [...padded, 'pipe'] as StdioOptions, pipe: padded.length };
}

/**
 * Starts tracegate-launch with an empty environment, and hands it that of the program by a pipe, which it reads once it has
 * closed itself: what a process is started with is open to others of its uid from its exec on.
 *
 * @param words its options, and the command
 */
export function spawnLauncher(
  words: readonly string[],
  { env = process.env, stdio = 'pipe', ...options }: SpawnOptions,
): ChildProcess {
  const block = environmentBlock(env);
  const streams = withPipe(stdio);
  const child = spawn(builtLauncher(), [`--environment=${streams.pipe}:${block.length}`, ...words], {
    ...options,
    env: {},
    stdio: streams.stdio,
  });
  // Without descriptors there are none.
  const pipe = child.stdio?.[streams.pipe] as Writable | undefined;
  pipe?.on('error', () => {}); // it has ended before: its exit code says why
  pipe?.end(block, () => pipe.destroy());
  // It is not the command's.
  if (pipe !== undefined) (child.stdio as unknown[]).length = streams.pipe;
  return child;
}
