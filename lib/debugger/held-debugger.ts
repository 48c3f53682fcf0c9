// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { badOption } from '../errors.js';
import { type Environment, spawnLauncher, withPipe } from '../kernel/launcher.js';
import { refused, SPAWN_OPTIONS } from '../kernel/spawn-options.js';
import { descriptorOf } from './socket-descriptor.js';

/** How each takes the pid to attach to. */
const WORDS_FOR: Readonly<Record<string, readonly string[]>> = {
  gdb: ['-p', '{}'],
  lldb: ['-p', '{}'],
  strace: ['-p', '{}'],
  ltrace: ['-p', '{}'],
  gcore: ['{}'],
};

/** The words of a debugger's command line, with `{}` where the pid belongs. */
function wordsOf(command: string, args: readonly string[]): readonly string[] {
  if (typeof command !== 'string' || command === '') throw badOption('command', 'a program', command);
  if (!Array.isArray(args)) throw badOption('args', 'an array of strings', args);
  if (args.some(word => word.includes('{}'))) return args;
  const own = WORDS_FOR[basename(command)];
  if (own === undefined) {
    const known = Object.keys(WORDS_FOR).join(', ');
    throw badOption('args', `words with {} where the pid belongs (only ${known} are known without)`, args);
  }
  return [...own, ...args];
}

/** The exit codes of native/launch/failure.h, and what spawn() itself would say. */
const NOT_STARTED = new Map([
  [126, 'EACCES'],
  [127, 'ENOENT'],
]);

function notStarted(command: string, exitCode: number): Error {
  const code = NOT_STARTED.get(exitCode) ?? 'EIO';
  const message = `spawn ${command} ${code}: its standard error says why`;
  return Object.assign(new Error(message), { code, syscall: `spawn ${command}`, path: command });
}

/** What a debugger asks of its user. While it runs, its environment is open to its uid, and ours need not be. */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|SHELL|PWD|TERM|COLORTERM|COLUMNS|LINES|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|DISPLAY|XDG_.*|DEBUGINFOD_.*)$/;

const debuggerEnvironment = (): Environment =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => KEPT.test(name)));

/**
 * Those of `spawn()`, but for `shell`, `argv0` and `signal`; standard streams are inherited by default. `env`: by default what
 * a debugger asks of its user (PATH, HOME, TERM, LANG, XDG_… and the like), and not the rest of ours.
 */
export type DebuggerSpawnOptions = Omit<SpawnOptions, 'shell' | 'argv0' | 'signal'>;

/** What may be given of these, for who takes more beside them. */
export const HELD_SPAWN_OPTIONS = {
  ...SPAWN_OPTIONS,
  shell: refused('left out'),
  argv0: refused('left out'),
};

/** A debugger that does not run yet: its pid is there, and can be let in. */
export interface HeldDebugger {
  process: ChildProcess;
  pid: number;
  /** Of what holds it: it starts with a DebuggingOrder from there, and ends without. */
  descriptor: number;
  /** Closes that, which others may have a duplicate of. */
  letGo(): void;
  /** Lets it start, with the pid of whom it debugs for `{}`. */
  start(pid: number): void;
  /** Has it end without having run; throws what kept it from starting, if that is so. */
  drop(): Promise<void>;
}

/**
 * Starts a debugger and holds it: native/launch/hold.h.
 *
 * @param launcher further options of tracegate-launch
 */
export async function holdDebugger(
  command: string,
  args: readonly string[],
  { stdio = 'inherit', env = debuggerEnvironment(), ...options }: DebuggerSpawnOptions,
  launcher: readonly string[] = [],
): Promise<HeldDebugger> {
  const words = wordsOf(command, args);
  const streams = withPipe(stdio);
  const launching = [`--hold-fd=${streams.pipe}`, ...launcher, '--', command, ...words];
  const child = spawnLauncher(launching, { ...options, env, stdio: streams.stdio });
  await once(child, 'spawn');
  const hold = child.stdio[streams.pipe] as Socket;
  hold.on('error', () => {}); // its end shows in its exit
  const drop = async () => {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const ended = hasEnded ? null : once(child, 'exit');
    hold.destroy();
    await ended;
    if (NOT_STARTED.has(child.exitCode ?? 0)) throw notStarted(command, child.exitCode ?? 0);
  };
  // A byte says that it has found its program.
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
    // native/debugger/debugging_order.h
    start: pid => void hold.end(new Uint8Array(Int32Array.of(pid, 0, 0, 0).buffer)),
    drop,
  };
}
