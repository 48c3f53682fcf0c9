// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { badOption } from '../errors.js';
import { launcherWord } from '../kernel/launch-options.js';
import { type Environment, spawnLauncher, withPipe } from '../kernel/launcher.js';
import { nativeProgram } from '../kernel/native.js';
import { descriptorOf } from '../kernel/node-internals.js';
import { refused, SPAWN_OPTIONS } from '../kernel/spawn-options.js';
import { DEBUGGERS, findDebugger } from '../policy/debuggers.js';

/** The names of the debuggers that need no `{}` among the arguments. */
const knownNames = (): string =>
  Object.entries(DEBUGGERS)
    .flatMap(([name, { takesMore }]) => (takesMore ? [name] : []))
    .join(', ');

/** The words of a debugger's command line, with `{}` where the pid belongs. */
function wordsOf(command: string, args: readonly string[]): readonly string[] {
  if (typeof command !== 'string' || command === '') throw badOption('command', 'a program', command);
  if (!Array.isArray(args)) throw badOption('args', 'an array of strings', args);
  if (args.some(word => word.includes('{}'))) return args;
  const known = findDebugger(basename(command));
  if (!known?.takesMore || known.attach === null) {
    throw badOption(
      'args',
      `words with {} where the pid belongs (only ${knownNames()} are known without)`,
      args,
    );
  }
  return [...known.attach.split(' '), ...args];
}

/** The exit codes of native/launch/failure.h, and the error codes that spawn() would give. */
const NOT_STARTED = new Map([
  [126, 'EACCES'],
  [127, 'ENOENT'],
]);

function notStarted(command: string, exitCode: number): Error {
  const code = NOT_STARTED.get(exitCode) ?? 'EIO';
  const message = `spawn ${command} ${code}: its standard error says why`;
  return Object.assign(new Error(message), { code, syscall: `spawn ${command}`, path: command });
}

/** Environment variables that a debugger needs. Neighbours can read its environment, so the rest of ours is left out. */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|SHELL|PWD|TERM|COLORTERM|COLUMNS|LINES|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|DISPLAY|XDG_.*|DEBUGINFOD_.*)$/;

const debuggerEnvironment = (): Environment =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name)));

/**
 * The options of `spawn()` without `shell`, `argv0` and `signal`. Standard streams are inherited by default. The default `env`
 * has only variables that a debugger needs, such as PATH, HOME, TERM, LANG and XDG_….
 */
export type DebuggerSpawnOptions = Omit<SpawnOptions, 'shell' | 'argv0' | 'signal'>;

/** The checks of these options, for functions that take further options too. */
export const HELD_SPAWN_OPTIONS = {
  ...SPAWN_OPTIONS,
  shell: refused('left out'),
  argv0: refused('left out'),
};

/** A debugger that has a pid but doesn't run yet, so that its pid can be declared first. */
export interface HeldDebugger {
  process: ChildProcess;
  pid: number;
  /** The descriptor that holds the debugger. A DebuggingOrder on it starts the debugger; its end ends the debugger. */
  descriptor: number;
  /** Closes the descriptor. Native code may hold a duplicate, and then the debugger stays held. */
  letGo(): void;
  /** Starts the debugger with the pid of its target in place of `{}`. */
  start(pid: number): void;
  /** Ends the debugger before it has run. @throws Error `EACCES` or `ENOENT` if the program could not be started */
  drop(): Promise<void>;
}

/** Starts a debugger and holds it before its program runs. See native/launch/hold.h. */
export async function holdDebugger(
  command: string,
  args: readonly string[],
  { stdio = 'inherit', env = debuggerEnvironment(), ...options }: DebuggerSpawnOptions,
): Promise<HeldDebugger> {
  const words = wordsOf(command, args);
  const streams = withPipe(stdio);
  const launching = [launcherWord('hold-fd', streams.pipe), '--', command, ...words];
  const child = spawnLauncher(launching, { ...options, env, stdio: streams.stdio });
  return held(command, child, streams.pipe);
}

/**
 * As {@link holdDebugger}, for a command in the syntax of the shell, with our environment. The shell becomes the launcher, which
 * then has the words that the shell has made. SIGTERM ends the debugger when this process ends.
 */
export function holdCommandLine(line: string): Promise<HeldDebugger> {
  const streams = withPipe('inherit');
  const launching = [
    nativeProgram('tracegate-launch'),
    launcherWord('hold-fd', streams.pipe),
    launcherWord('die-with-parent'),
    '--',
  ];
  const child = spawn('sh', ['-c', `exec "$@" ${line}`, 'sh', ...launching], { stdio: streams.stdio });
  return held(line, child, streams.pipe);
}

/** @param pipe the number of the pipe on which the launcher waits */
async function held(command: string, child: ChildProcess, pipe: number): Promise<HeldDebugger> {
  await once(child, 'spawn');
  const hold = child.stdio[pipe] as Socket;
  hold.on('error', () => {}); // the child's exit follows
  const drop = async () => {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const ended = hasEnded ? null : once(child, 'exit');
    hold.destroy();
    await ended;
    if (NOT_STARTED.has(child.exitCode ?? 0)) throw notStarted(command, child.exitCode ?? 0);
  };
  // The launcher sends a byte when it has found the debugger's program.
  await Promise.race([once(hold, 'data'), once(child, 'exit')]);
  if (child.exitCode !== null || child.signalCode !== null) {
    await drop();
    throw notStarted(command, child.exitCode ?? 0);
  }
  return {
    process: child,
    pid: child.pid ?? 0,
    descriptor: descriptorOf(hold),
    letGo: () => void hold.destroy(),
    // The layout of native/debugger/debugging_order.h.
    start: pid => void hold.end(new Uint8Array(Int32Array.of(pid, 0, 0, 0).buffer)),
    drop,
  };
}
