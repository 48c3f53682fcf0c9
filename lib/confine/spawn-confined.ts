// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, ChildProcessWithoutNullStreams, SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { environmentOf } from '../deny/spawn-denied.js';
import { TracegateError } from '../errors.js';
import { CONFINE_WAYS, type ConfineWay, DENY_WAYS, type DenyWay, launcherWords } from '../kernel/launch.js';
import { LAUNCH_OPTIONS } from '../kernel/launch-options.js';
import { spawnLauncher, withPipe } from '../kernel/launcher.js';
import { hasStreams, hideStreams } from '../kernel/node-internals.js';
import { readProcStatus } from '../kernel/proc-status.js';
import { confinedProcesses } from '../kernel/security-modules.js';
import { checkCommand, NO_ARGV0, refused, SPAWN_OPTIONS } from '../kernel/spawn-options.js';
import { checkedOptions, type OptionKinds, oneOf } from '../options.js';
import type { ConfineReport } from './report.js';

/** The options of Node's `spawn()` without `shell` and `argv0`. */
export interface SpawnConfinedOptions extends Omit<SpawnOptions, 'shell' | 'argv0'> {
  /**
   * What to close. `available` (default): all that this kernel's Landlock can close, at least tracing. `all`: tracing, signals and
   * abstract sockets. `signals` and `abstract-sockets`: these with tracing. `best-effort`: as `available`, and without Landlock
   * the command starts unconfined.
   */
  confine?: ConfineWay;
  /** Closes the command to its neighbours too, as spawnDenied() does. */
  deny?: DenyWay;
  /** Sets `RLIMIT_CORE` to 1, also for programs that the command executes. */
  core?: 'off';
}

/** A child with the launcher's report about its confinement. */
export type Confined<Child> = Child & {
  /**
   * What is closed. It is there before the command runs, and is rejected with `ERR_TRACEGATE_NOT_CONFINED` if the command could
   * not be confined and was not started.
   */
  readonly report: Promise<ConfineReport>;
};

/** Node would apply `shell` and `argv0` to the launcher instead of the command, so both are refused. */
const OPTIONS: OptionKinds<SpawnOptions & SpawnConfinedOptions> = {
  ...SPAWN_OPTIONS,
  shell: refused("left out: name the shell as the command, such as 'sh' with ['-c', …]"),
  argv0: NO_ARGV0,
  confine: oneOf(CONFINE_WAYS),
  deny: oneOf(DENY_WAYS),
  core: oneOf(LAUNCH_OPTIONS.core.values),
};

async function reportFrom(stream: Readable, command: string): Promise<ConfineReport> {
  const line = await text(stream).catch(() => '');
  if (line !== '') return JSON.parse(line);
  throw new TracegateError(
    'ERR_TRACEGATE_NOT_CONFINED',
    `${command} could not be confined and was not started: its standard error says why`,
  );
}

/** Notes the domain for explain(), until the command ends. This process has not reaped the child yet, so the pid is its own. */
function note(child: ChildProcess, report: Promise<ConfineReport>): void {
  const seen = child.pid === undefined ? null : readProcStatus(child.pid);
  if (seen?.state !== 'seen') return;
  const { pid, startTime } = seen.facts;
  report.then(
    ({ closed }) => {
      const isRunning = child.exitCode === null && child.signalCode === null;
      if (isRunning && closed.includes('tracing')) confinedProcesses.set(pid, startTime);
    },
    () => {},
  );
  child.once('exit', () => confinedProcesses.delete(pid));
}

/**
 * `spawn()` of node:child_process for a program that can't trace, read or signal any process outside of its own tree: a Landlock
 * domain, at every ptrace_scope, without Yama and without root. Files, network and named sockets stay as they are: this is no
 * sandbox. docs/confine.md shows what stays open, and what to combine it with.
 *
 * The pid, standard streams, IPC, signals and exit codes are those of the command. The command and all that it starts get
 * no_new_privs: sudo and other set-id programs give no rights.
 *
 * The launcher reports a failure on the child's standard error, with the exit codes of env(1): 127 the command was not
 * found, 126 it is not executable, 125 it could not be confined and was not started.
 *
 * Applies to: a new process, and all that it starts.
 *
 * Kernel: security/landlock/task.c, hook_ptrace_access_check(), hook_task_kill()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`; `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 * @throws what spawn() throws, such as a TypeError for a wrong `cwd`
 * @see docs/confine.md
 * @example
 * ```js
 * import { spawnConfined } from 'tracegate';
 *
 * const child = spawnConfined('sh', ['-c', `cat /proc/${process.pid}/environ`], {
 *   stdio: ['ignore', 'inherit', 'ignore'],
 * });
 * const { closed } = await child.report;
 * console.log(closed.includes('tracing')); // true
 * // cat could not read our environment.
 * child.on('close', code => console.log(code)); // 1
 * ```
 */
export function spawnConfined(
  command: string,
  args?: readonly string[],
  options?: SpawnConfinedOptions & { stdio?: 'pipe' },
): Confined<ChildProcessWithoutNullStreams>;
export function spawnConfined(
  command: string,
  args: readonly string[],
  options: SpawnConfinedOptions,
): Confined<ChildProcess>;
export function spawnConfined(
  command: string,
  args: readonly string[] = [],
  options: SpawnConfinedOptions = {},
): Confined<ChildProcess> {
  checkCommand(command, args);
  const {
    confine = LAUNCH_OPTIONS.confine.implied,
    deny,
    core,
    stdio = 'pipe',
    env = process.env,
    ...rest
  } = checkedOptions(options, OPTIONS);
  const streams = withPipe(stdio);
  const words = launcherWords({
    confine,
    'report-fd': streams.pipe,
    ...(deny !== undefined && { deny }),
    ...(core !== undefined && { core }),
  });
  const child = spawnLauncher([...words, command, ...args], {
    ...rest,
    stdio: streams.stdio,
    env: deny === undefined ? env : environmentOf(command, env),
  });
  const report = hasStreams(child)
    ? reportFrom(child.stdio[streams.pipe] as Readable, command)
    : Promise.reject(new TracegateError('ERR_TRACEGATE_NOT_CONFINED', `${command} could not be spawned`));
  // Who doesn't ask for the report must not end by its failure: the exit code says it too.
  report.catch(() => {});
  note(child, report);
  hideStreams(child, streams.pipe);
  return Object.assign(child, { report });
}
