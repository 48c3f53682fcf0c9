// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type {
  ChildProcess,
  ChildProcessWithoutNullStreams,
  SpawnOptions,
  SpawnOptionsWithoutStdio,
} from 'node:child_process';
import { DENY_WAYS, type DenyWay, launcherWords } from '../kernel/launch.js';
import { LAUNCH_OPTIONS } from '../kernel/launch-options.js';
import { type Environment, spawnLauncher } from '../kernel/launcher.js';
import { isNodeProgram } from '../kernel/node-internals.js';
import { checkCommand, NO_ARGV0, refused, SPAWN_OPTIONS } from '../kernel/spawn-options.js';
import { checkedOptions, type OptionKinds, oneOf } from '../options.js';
import { denyingNodeOptions } from './children.js';

/** The options of Node's `spawn()` without `shell` and `argv0`. */
export interface SpawnDeniedOptions extends Omit<SpawnOptions, 'shell' | 'argv0'> {
  /** How the launcher closes the program: `sealed` (default), `detached` or `preload`. See docs/launch.md. */
  deny?: DenyWay;
  /** Sets `RLIMIT_CORE` to 1 too, also for programs that the command executes. */
  core?: 'off';
}

/** Node would apply `shell` and `argv0` to the launcher instead of the command, so both are refused. */
const OPTIONS: OptionKinds<SpawnOptions & SpawnDeniedOptions> = {
  ...SPAWN_OPTIONS,
  shell: refused('left out: what a sealed shell executes is open again, so name the program'),
  argv0: NO_ARGV0,
  deny: oneOf(DENY_WAYS),
  core: oneOf(LAUNCH_OPTIONS.core.values),
};

const isNode = (command: string) => command === process.execPath || isNodeProgram(command);

/** The environment of a closed command: a Node closes what only Node itself can close. */
export const environmentOf = (command: string, env: Environment): Environment =>
  isNode(command) ? { ...env, NODE_OPTIONS: denyingNodeOptions(env.NODE_OPTIONS) } : env;

/**
 * `spawn()` of node:child_process for a closed program: neighbours can't attach to the command, read its memory or get its
 * core. The modes `sealed` and `detached` close the command from its first instruction. The launcher gets the environment
 * only after the launcher has closed itself.
 *
 * The pid, standard streams, IPC, signals and exit codes are those of the command. A Node also gets
 * `--import tracegate/deny` in NODE_OPTIONS, for the channels that only Node itself can close.
 *
 * The launcher reports a failure on the child's standard error, with the exit codes of env(1): 127 the command was not
 * found, 126 it is not executable, 125 it could not be closed and was not started.
 *
 * Applies to: a new process, and with `preload` also what that process executes.
 *
 * Kernel: fs/exec.c, would_dump()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`; `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 * @throws what spawn() throws, such as a TypeError for a wrong `cwd`
 * @see docs/launch.md
 * @example
 * ```js
 * import { once } from 'node:events';
 * import { probe, spawnDenied } from 'tracegate';
 *
 * const child = spawnDenied('cat');
 * child.stdin.write('ready');
 * await once(child.stdout, 'data'); // cat runs now
 * const { outcome } = await probe(child.pid, { as: 'stranger' });
 * console.log(outcome); // denied
 * child.stdin.end();
 * ```
 */
export function spawnDenied(
  command: string,
  args?: readonly string[],
  options?: SpawnDeniedOptions & Pick<SpawnOptionsWithoutStdio, 'stdio'>,
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
  checkCommand(command, args);
  const { deny = LAUNCH_OPTIONS.deny.implied, core, ...rest } = checkedOptions(options, OPTIONS);
  const { env = process.env } = rest;
  const words = launcherWords({ deny, ...(core !== undefined && { core }) });
  return spawnLauncher([...words, command, ...args], { ...rest, env: environmentOf(command, env) });
}
