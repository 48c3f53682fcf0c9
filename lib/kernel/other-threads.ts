import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { isSystemError, tryProcFile } from './proc-files.js';
import { type Ids, type Rights, readProcStatus, rightsOf, tracerIn } from './proc-status.js';

/** A traced thread. Its tracer can read the memory of the whole process. */
export interface TracedThread {
  tid: number;
  /** The tracing thread. */
  tracerPid: number;
  /** The process of the tracing thread; null where the process isn't seen. */
  tracerTgid: number | null;
}

/** A thread whose {@link Rights} differ from those of the first thread. All threads of a process share its memory. */
export interface ThreadRights<IdsOfIt = Ids> extends Rights<IdsOfIt> {
  tid: number;
}

/** The facts about the threads of a process other than the first. */
export interface OtherThreads {
  traced: readonly TracedThread[];
  /** One thread for each set of rights that differs from the first thread's. */
  differing: readonly ThreadRights[];
}

export const NO_OTHER_THREADS: OtherThreads = { traced: [], differing: [] };

/** The tracer of the first thread, or of another thread. 0: no thread is traced; null: unknown. */
export function anyTracer(
  tracerPid: number | null,
  tracedThreads: readonly TracedThread[] | null,
): number | null {
  if (tracerPid !== null && tracerPid !== 0) return tracerPid;
  const [thread] = tracedThreads ?? [];
  return thread?.tracerPid ?? (tracedThreads === null ? null : tracerPid);
}

type TargetRights = Pick<Rights<object>, 'uids' | 'gids'> & { capPermitted: string | null };

/** Whether the access check can give another answer for the second thread. The check uses no other rights of a target. */
export const differAsTargets = (one: TargetRights, other: TargetRights): boolean =>
  one.capPermitted !== other.capPermitted ||
  !isDeepStrictEqual(one.uids, other.uids) ||
  !isDeepStrictEqual(one.gids, other.gids);

/** The process of a thread. /proc doesn't list threads, but has a directory /proc/TID for each. */
export function processOfThread(tid: number): number | null {
  if (tid === 0) return 0;
  const seen = readProcStatus(tid);
  return seen.state === 'seen' ? seen.facts.tgid : null;
}

const tracedThread = (tid: number, tracerPid: number): TracedThread => ({
  tid,
  tracerPid,
  tracerTgid: processOfThread(tracerPid),
});

/**
 * The threads of a process, except the thread `pid` itself. Null where they aren't seen. A thread that ends meanwhile is
 * left out.
 *
 * Kernel: fs/proc/array.c, task_state(), task_cap() and task_seccomp()
 *
 * @param first the rights of the thread `pid`
 */
export function readOtherThreads(pid: number, first: Rights): OtherThreads | null {
  let tids: number[];
  try {
    tids = readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
  const traced: TracedThread[] = [];
  const differing: ThreadRights[] = [];
  const kinds = [first];
  for (const tid of tids.filter(each => each !== pid)) {
    const status = tryProcFile(pid, `task/${tid}/status`);
    if (status.state !== 'read') continue;
    const tracerPid = tracerIn(status.text);
    if (tracerPid === null) return null;
    if (tracerPid !== 0) traced.push(tracedThread(tid, tracerPid));
    const rights = rightsOf(status.text);
    if (!kinds.some(kind => isDeepStrictEqual(kind, rights))) {
      kinds.push(rights);
      differing.push({ tid, ...rights });
    }
  }
  return { traced, differing };
}
