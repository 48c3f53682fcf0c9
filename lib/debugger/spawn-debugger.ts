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

export type SpawnDebuggerOptions = DebuggerSpawnOptions & Omit<AllowDebuggerOptions, 'startTime'>;

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
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found()
 *
 * @throws what {@link allowDebugger} and spawn() throw
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
