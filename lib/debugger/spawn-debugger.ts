// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, SpawnOptions, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Writable } from 'node:stream';
import { badOption } from '../errors.js';
import { builtLauncher } from '../kernel/native.js';
import { type AllowDebuggerOptions, allowDebugger, type DebuggerGrant } from './allow-debugger.js';

/** Those of `spawn()`, but for `shell` and `argv0`; standard streams are inherited by default. */
export type SpawnDebuggerOptions = Omit<SpawnOptions, 'shell' | 'argv0' | 'signal'> &
  Omit<AllowDebuggerOptions, 'startTime'>;

export interface DebuggerProcess {
  process: ChildProcess;
  /** Ends with it. */
  grant: DebuggerGrant;
}

/** How each takes the pid to attach to. */
const WORDS_FOR: Readonly<Record<string, readonly string[]>> = {
  gdb: ['-p', '{}'],
  lldb: ['-p', '{}'],
  strace: ['-p', '{}'],
  ltrace: ['-p', '{}'],
  gcore: ['{}'],
};

function wordsOf(command: string, args: readonly string[], pid: number): string[] {
  const isNamed = args.some(word => word.includes('{}'));
  const own = isNamed ? [] : WORDS_FOR[basename(command)];
  if (own === undefined) {
    const known = Object.keys(WORDS_FOR).join(', ');
    throw badOption('args', `words with {} where the pid belongs (only ${known} are known without)`, args);
  }
  return [...own, ...args].map(word => word.replaceAll('{}', `${pid}`));
}

/** The exit codes of native/launch_failure.h, and what spawn() itself would say. */
const NOT_STARTED = new Map([
  [126, 'EACCES'],
  [127, 'ENOENT'],
]);

function notStarted(command: string, exitCode: number): Error {
  const code = NOT_STARTED.get(exitCode);
  const message = `spawn ${command} ${code}: its standard error says why`;
  return Object.assign(new Error(message), { code, syscall: `spawn ${command}`, path: command });
}

/** With a pipe behind the others; its number is the descriptor's. */
function withHold(stdio: StdioOptions): { stdio: StdioOptions; hold: number } {
  const given = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const padded = [...given, ...Array(Math.max(0, 3 - given.length)).fill('pipe')];
  return { stdio: [...padded, 'pipe'] as StdioOptions, hold: padded.length };
}

/**
 * Starts a debugger of this process, with its pid filled in for `{}`, and lets in it alone. It is held until it has been
 * declared, so there is no race; where it may not be let in, it never runs. The grant ends with it.
 *
 * While a debugger has this process stopped, nothing reads what it writes to a pipe: inherit its streams, or send them to a file.
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found()
 *
 * @throws what {@link allowDebugger} and spawn() throw
 */
export async function spawnDebugger(
  command: string,
  args: readonly string[] = [],
  options: SpawnDebuggerOptions = {},
): Promise<DebuggerProcess> {
  if (typeof command !== 'string' || command === '') throw badOption('command', 'a program', command);
  if (!Array.isArray(args)) throw badOption('args', 'an array of strings', args);
  const words = wordsOf(command, args, process.pid);
  const { ttl, signal, acceptWider, whenBusy, stdio = 'inherit', ...spawning } = options;
  for (const name of ['shell', 'argv0'] as const) {
    if (name in spawning) throw badOption(name, 'left out', (spawning as SpawnOptions)[name]);
  }
  const streams = withHold(stdio);
  const launching = [`--hold-fd=${streams.hold}`, '--', command, ...words];
  const child = spawn(builtLauncher(), launching, { ...spawning, stdio: streams.stdio });
  const hold = child.stdio[streams.hold] as Writable;
  hold.on('error', () => {}); // its end shows in its exit
  await once(child, 'spawn');
  try {
    const granting = {
      ...(ttl !== undefined && { ttl }),
      ...(signal !== undefined && { signal }),
      ...(acceptWider !== undefined && { acceptWider }),
      ...(whenBusy !== undefined && { whenBusy }),
    };
    const grant = await allowDebugger(child.pid ?? 0, granting);
    hold.end('x');
    return { process: child, grant };
  } catch (error) {
    const ended = child.exitCode === null ? once(child, 'exit') : null;
    hold.destroy();
    await ended;
    throw NOT_STARTED.has(child.exitCode ?? 0) ? notStarted(command, child.exitCode ?? 0) : error;
  }
}
