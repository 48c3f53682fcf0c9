import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { isSystemError, tryProcFile } from './proc-files.js';
import { type Ids, type Rights, readProcStatus, rightsOf, statusLine } from './proc-status.js';

/** A thread that is traced. Its tracer can read the memory of the whole process. */
export interface TracedThread {
  tid: number;
  /** The thread that traces it. */
  tracerPid: number;
  /** The process of that thread; null where it isn't seen. */
  tracerTgid: number | null;
}

/** A thread with other {@link Rights} than the first thread of its process. All of them share its memory. */
export interface ThreadRights<IdsOfIt = Ids> extends Rights<IdsOfIt> {
  tid: number;
}

/** What is told of the threads of a process beside its first one. */
export interface OtherThreads {
  traced: readonly TracedThread[];
  /** One thread of each kind of rights that the first thread has not. */
  differing: readonly ThreadRights[];
}

export const NO_OTHER_THREADS: OtherThreads = { traced: [], differing: [] };

/** The tracer of the first thread, or of another one; 0: no thread is traced; null: that isn't seen. */
export function anyTracer(
  tracerPid: number | null,
  tracedThreads: readonly TracedThread[] | null,
): number | null {
  if (tracerPid !== null && tracerPid !== 0) return tracerPid;
  const [thread] = tracedThreads ?? [];
  return thread?.tracerPid ?? (tracedThreads === null ? null : tracerPid);
}

type TargetRights = Pick<Rights<object>, 'uids' | 'gids'> & { capPermitted: string | null };

/** Whether the access check may say another thing of the two: of a target it looks at nothing else that threads may have apart. */
export const differAsTargets = (one: TargetRights, other: TargetRights): boolean =>
  one.capPermitted !== other.capPermitted ||
  !isDeepStrictEqual(one.uids, other.uids) ||
  !isDeepStrictEqual(one.gids, other.gids);

/** The process of a thread: /proc doesn't list a thread, and has a /proc/TID for it. */
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
 * The threads of the process of `pid`, but the thread `pid` itself; null where they aren't seen. A thread that ends
 * meanwhile is left out.
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
    const tracerPid = Number(statusLine(status.text, 'TracerPid'));
    if (tracerPid !== 0) traced.push(tracedThread(tid, tracerPid));
    const rights = rightsOf(status.text);
    if (!kinds.some(kind => isDeepStrictEqual(kind, rights))) {
      kinds.push(rights);
      differing.push({ tid, ...rights });
    }
  }
  return { traced, differing };
}
