// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type {
  ChildProcess,
  ChildProcessWithoutNullStreams,
  SpawnOptions,
  SpawnOptionsWithoutStdio,
} from 'node:child_process';
import { basename } from 'node:path';
import { badOption } from '../errors.js';
import { spawnLauncher } from '../kernel/launcher.js';
import { refused, SPAWN_OPTIONS } from '../kernel/spawn-options.js';
import { checkedOptions, type OptionKinds, oneOf } from '../options.js';
import { denyingNodeOptions } from './children.js';
import { DENY_MODES, type DenyMode, launcherWords } from './launch.js';

interface Denial {
  /** `sealed` (default), `detached` or `preload`: docs/launch.md says what each closes. */
  deny?: DenyMode;
  /** RLIMIT_CORE 1 too, also for what it executes. */
  core?: 'off';
}

/** Node's own, but for `shell` and `argv0`. */
export type SpawnDeniedOptions = Omit<SpawnOptions, 'shell' | 'argv0'> & Denial;
type WithoutStdio = Omit<SpawnOptionsWithoutStdio, 'shell' | 'argv0'> & Denial;

/** `shell` and `argv0`: what Node would do with them is not what the command would get, as the launcher stands between. */
const OPTIONS: OptionKinds<SpawnOptions & Denial> = {
  ...SPAWN_OPTIONS,
  shell: refused('left out: what a sealed shell executes is open again, so name the program'),
  argv0: refused("left out: the command's own name is its argv[0]"),
  deny: oneOf(DENY_MODES),
  core: oneOf(['off']),
};

const isNode = (command: string) => command === process.execPath || /^node(js)?$/.test(basename(command));

/**
 * `spawn()` of node:child_process, of a command that other processes of its uid can't trace, read, or get a core of: from its
 * first instruction on (`sealed`, `detached`). What starts it gets the environment only once it has closed itself. The pid is the command's, and so are standard streams, IPC, signals and exit codes. A
 * Node gets `--import tracegate/deny` by NODE_OPTIONS as well, for what only it can close.
 *
 * What can't be done as asked shows as from env(1), with a line on the child's standard error: exit code 127 not found, 126 not
 * executable, 125 not closed, and so not started.
 *
 * Kernel: fs/exec.c, would_dump()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`, and what spawn() throws
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function spawnDenied(
  command: string,
  args?: readonly string[],
  options?: WithoutStdio,
): ChildProcessWithoutNullStreams;
export function spawnDenied(
  command: string,
  args: readonly string[],
  options: SpawnDeniedOptions,
): ChildProcess;
export function spawnDenied(
  command: string,
  args: readonly string[] = [],
  options: SpawnDeniedOptions = {},
): ChildProcess {
  if (typeof command !== 'string' || command === '') throw badOption('command', 'a program', command);
  if (command === '/proc/self/exe')
    throw badOption('command', "a program's own path: /proc/self/exe would be the launcher", command);
  if (!Array.isArray(args)) throw badOption('args', 'an array of strings', args);
  const { deny = 'sealed', core, ...rest } = checkedOptions(options, OPTIONS);
  const { env = process.env } = rest;
  const words = launcherWords({ deny, ...(core !== undefined && { core }) });
  return spawnLauncher([...words, command, ...args], {
    ...rest,
    ...(isNode(command) && { env: { ...env, NODE_OPTIONS: denyingNodeOptions(env.NODE_OPTIONS) } }),
  });
}
