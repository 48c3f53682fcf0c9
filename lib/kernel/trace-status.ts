import { anyTracer, readOtherThreads, type TracedThread } from './other-threads.js';
import { isHeadless } from './probe-outcome.js';
import { tryProcFile } from './proc-files.js';
import { rightsOf, tracerIn } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import { factsOf } from './read-process-facts.js';

/** Whether a process allows tracing, and which process traces it. Null: not seen. */
export interface TraceStatus {
  pid: number;
  /** Field 22 of /proc/PID/stat. Together with the pid it identifies the process. */
  startTime: number | null;
  comm: string | null;
  /** A program runs in a process of the kind `user`, and in no other one. */
  kind: ProcessFacts['kind'];
  /**
   * `disabled`: the process is not dumpable. A traced process is `traced`, dumpable or not. `not-traceable`: a kernel thread, or
   * a zombie without other threads, to which no process attaches.
   */
  status: 'disabled' | 'enabled' | 'traced' | 'not-traceable' | 'no-such-process' | 'unknown';
  /** The tracer of the process, or of one of its threads. 0: none (or one that this pid namespace can't name). */
  tracerPid: number | null;
  /** The traced threads of the process, except `pid` itself; null where they aren't seen. */
  tracedThreads: readonly TracedThread[] | null;
  /** Whether this flag lets other processes of the uid trace the process; null where the flag is not seen. */
  dumpable: boolean | null;
  /**
   * As FreeBSD's procctl(PROC_TRACE_STATUS): -1 disabled, 0 enabled and untraced, or the tracer's pid. Null: unknown, not
   * traceable, or no such process.
   */
  procctl: number | null;
}

const noSuchProcess = (pid: number): TraceStatus => ({
  pid,
  startTime: null,
  comm: null,
  kind: 'unknown',
  tracedThreads: null,
  status: 'no-such-process',
  tracerPid: null,
  dumpable: null,
  procctl: null,
});

function statusOf(
  facts: ProcessFacts,
): Omit<TraceStatus, 'pid' | 'startTime' | 'comm' | 'kind' | 'tracedThreads'> {
  const { kind, dumpable } = facts;
  const tracerPid = anyTracer(facts.tracerPid, facts.tracedThreads);
  if ((kind === 'kernel-thread' || kind === 'zombie') && !isHeadless(facts))
    return { status: 'not-traceable', tracerPid, dumpable, procctl: null };
  if (tracerPid === null) return { status: 'unknown', tracerPid, dumpable, procctl: null };
  if (tracerPid !== 0) return { status: 'traced', tracerPid, dumpable, procctl: tracerPid };
  if (dumpable === null) return { status: 'unknown', tracerPid, dumpable, procctl: null };
  return dumpable
    ? { status: 'enabled', tracerPid, dumpable, procctl: 0 }
    : { status: 'disabled', tracerPid, dumpable, procctl: -1 };
}

/**
 * Whether a process allows tracing by its dumpable flag, and which process traces it. Everybody may ask, and the process
 * is not touched. A tracer from before the process opted out is reported as `'traced'`. The tracer of a single thread
 * counts too, because threads share the memory. A pid that no process has gets the status `'no-such-process'`.
 *
 * Applies to: this process or another, of any uid.
 *
 * Kernel: fs/proc/array.c, task_state(); fs/proc/base.c, task_dump_owner()
 *
 * @param pid this process by default
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/procctl.md
 * @example
 * ```js
 * import { traceStatus } from 'tracegate';
 *
 * const { pid, tracerPid } = traceStatus();
 * console.log(pid === process.pid, tracerPid); // true 0
 * ```
 */
export function traceStatus(pid: number = process.pid): TraceStatus {
  const facts = factsOf(pid);
  if (facts === null) return noSuchProcess(pid);
  const { startTime, comm, kind, tracedThreads } = facts;
  return { pid, startTime, comm, kind, tracedThreads, ...statusOf(facts) };
}

/** The tracer of this process, or of one of its threads. Null: unknown. */
export function ownTracer(): number | null {
  const status = tryProcFile(process.pid, 'status');
  if (status.state !== 'read') return null;
  const others = readOtherThreads(process.pid, rightsOf(status.text));
  return anyTracer(tracerIn(status.text), others?.traced ?? null);
}
