// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node it is any. */
import type { ChildProcess } from 'node:child_process';
import { checkedOptions, type OptionKinds } from '../options.js';
import {
  type AllowDebuggerOptions,
  allowDebugger,
  type DebuggerGrant,
  GRANT_OPTIONS,
} from './allow-debugger.js';
import { type DebuggerSpawnOptions, HELD_SPAWN_OPTIONS, holdDebugger } from './held-debugger.js';

/** The options of `spawn()` for the debugger, and those of allowDebugger(). */
export type SpawnDebuggerOptions = DebuggerSpawnOptions & Omit<AllowDebuggerOptions, 'startTime'>;

/** A debugger that runs, and its grant. */
export interface DebuggerProcess {
  process: ChildProcess;
  /** The grant ends with the debugger. */
  grant: DebuggerGrant;
}

const OPTIONS: OptionKinds<SpawnDebuggerOptions> = {
  ...HELD_SPAWN_OPTIONS,
  ttl: GRANT_OPTIONS.ttl,
  signal: GRANT_OPTIONS.signal,
  allowSameUid: GRANT_OPTIONS.allowSameUid,
  whenBusy: GRANT_OPTIONS.whenBusy,
};

/**
 * Starts a debugger with this process's pid for `{}`, and grants only that debugger access. The debugger waits until it is the
 * declared tracer, so its attach can't come too early. If the grant is refused, the debugger never runs. The grant ends with
 * the debugger.
 *
 * While a debugger has this process stopped, nobody reads a pipe from the debugger. Let the debugger inherit its streams, or
 * redirect them to a file.
 *
 * Applies to: this process, with all its threads.
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found()
 *
 * @param args `{}` stands for the pid of this process; gdb, lldb, strace, ltrace and gcore need no `{}`
 * @throws what {@link allowDebugger} throws; the debugger has not run then
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 * @throws Error `ENOENT` or `EACCES` if the program can't be started; what spawn() throws
 * @see docs/debugger.md
 * @example
 * ```js
 * import { spawnDebugger } from 'tracegate/debugger';
 *
 * const options = { allowSameUid: true, stdio: 'ignore' };
 * const { grant } = await spawnDebugger('cat', ['/proc/{}/maps'], options); // or gdb, without {}
 * console.log(await grant.done); // { by: 'debugger-ended', stillTracedBy: null }
 * ```
 */
export async function spawnDebugger(
  command: string,
  args: readonly string[] = [],
  options: SpawnDebuggerOptions = {},
): Promise<DebuggerProcess> {
  const { ttl, signal, allowSameUid, whenBusy, ...spawning } = checkedOptions(options, OPTIONS);
  const held = await holdDebugger(command, args, spawning);
  try {
    const granting = {
      ...(ttl !== undefined && { ttl }),
      ...(signal !== undefined && { signal }),
      ...(allowSameUid !== undefined && { allowSameUid }),
      ...(whenBusy !== undefined && { whenBusy }),
    };
    const grant = await allowDebugger(held.pid, granting);
    held.start(process.pid);
    return { process: held.process, grant };
  } catch (error) {
    await held.drop();
    throw error;
  }
}
