import { statSync } from 'node:fs';
import { labelOf } from './lsm-label.js';
import { NO_OTHER_THREADS, type OtherThreads, processOfThread, readOtherThreads } from './other-threads.js';
import { assertPid } from './pid.js';
import { isSystemError } from './proc-files.js';
import { type Ids, LOOKS, type ProcStatus, type Rights, readProcStatus, rightsIn } from './proc-status.js';
import type { ProcessFacts, SeenIds } from './process-facts.js';
import { type MemorySource, memoryOf } from './process-memory.js';
import { UserNamespaces } from './user-namespace.js';

const NO_IDS: SeenIds = { real: null, effective: null, saved: null, fs: null };

/** A process without any visible fact, as hidepid hides them. */
export function unseenProcess(pid: number): ProcessFacts {
  return {
    pid,
    ppid: null,
    tgid: null,
    startTime: null,
    comm: null,
    kind: 'unknown',
    uids: NO_IDS,
    gids: NO_IDS,
    userNs: null,
    userNsRuledOut: null,
    memoryUserNs: null,
    capPermitted: null,
    capEffective: null,
    capInheritable: null,
    capBounding: null,
    dumpable: null,
    seccomp: null,
    noNewPrivs: null,
    tracerPid: null,
    tracerTgid: null,
    tracedThreads: null,
    threadRights: null,
    threads: null,
    lsmLabel: null,
    declaredTracer: 'unknown',
  };
}

/** The facts that are read in addition to the status of a process. */
export interface OtherFacts extends MemorySource {
  lsmLabel: string | null;
  /** Null where the threads aren't seen. */
  otherThreads: OtherThreads | null;
}

function ownerOf(pid: number): OtherFacts['owner'] {
  try {
    const { uid, gid } = statSync(`/proc/${pid}/environ`);
    return { uid, gid };
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** The status without the fields that change all the time. The rules don't use those fields. */
const steady = (status: ProcStatus) => JSON.stringify({ ...status, state: '', threads: 0 });

function seenIds(ids: Ids, namespaces: UserNamespaces): SeenIds {
  if (namespaces.isInitial) return ids;
  const { real, effective, saved, fs } = ids;
  return {
    real: namespaces.idSeen(real),
    effective: namespaces.idSeen(effective),
    saved: namespaces.idSeen(saved),
    fs: namespaces.idSeen(fs),
  };
}

function seenRights({ uids, gids, ...rights }: Rights, namespaces: UserNamespaces): Rights<SeenIds> {
  return { ...rights, uids: seenIds(uids, namespaces), gids: seenIds(gids, namespaces) };
}

/** Combines the status with the other facts. The process of a tracing thread is looked up here. */
export function factsFrom(
  status: ProcStatus,
  otherFacts: OtherFacts,
  namespaces: UserNamespaces,
): ProcessFacts {
  const { pid, ppid, tgid, startTime, comm, kind, threads } = status;
  const { userNs, lsmLabel, otherThreads } = otherFacts;
  const { dumpable, memoryUserNs, userNsRuledOut } = memoryOf(status, otherFacts, namespaces);
  // The state `t` with tracer 0: the tracer has no pid in our pid namespace.
  const tracerPid = status.tracerPid === 0 && status.state === 't' ? null : status.tracerPid;
  return {
    pid,
    ppid,
    tgid,
    startTime,
    comm,
    kind,
    ...seenRights(rightsIn(status), namespaces),
    userNs: userNs.userNs,
    userNsRuledOut,
    dumpable,
    memoryUserNs,
    tracerPid,
    tracerTgid: tracerPid === null ? null : processOfThread(tracerPid),
    tracedThreads: otherThreads?.traced ?? null,
    threadRights:
      otherThreads?.differing.map(({ tid, ...rights }) => ({ tid, ...seenRights(rights, namespaces) })) ??
      null,
    threads,
    lsmLabel,
    declaredTracer: 'unknown',
  };
}

function lookAt(status: ProcStatus, namespaces: UserNamespaces): ProcessFacts {
  const { pid, kind, threads } = status;
  const userNs = namespaces.of(pid);
  // A process of another kind has no memory, and root owns its files.
  const owner = kind === 'user' ? ownerOf(pid) : null;
  const otherThreads = threads > 1 ? readOtherThreads(pid, rightsIn(status)) : NO_OTHER_THREADS;
  return factsFrom(status, { owner, userNs, lsmLabel: labelOf(pid), otherThreads }, namespaces);
}

/**
 * Reads what this process can see of another, without touching it. Null: no process has the pid. It is normal that a
 * process ends meanwhile. Its ids, capabilities, parent and tracer are of one moment.
 *
 * Applies to: this process or another, of any uid.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_state(); fs/proc/base.c, task_dump_owner(); fs/nsfs.c, ns_ioctl()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import { factsOf } from 'tracegate/snapshot';
 *
 * console.log(factsOf(process.pid).kind); // user
 * console.log(factsOf(2 ** 22 + 1)); // null
 * ```
 */
export function factsOf(pid: number): ProcessFacts | null;
/** @internal with the namespaces that were seen before */
export function factsOf(pid: number, namespaces: UserNamespaces): ProcessFacts | null;
export function factsOf(pid: number, namespaces = new UserNamespaces()): ProcessFacts | null {
  assertPid(pid);
  let before = readProcStatus(pid);
  for (let look = 1; ; look++) {
    if (before.state === 'absent') return null;
    if (before.state === 'hidden') return unseenProcess(pid);
    const facts = lookAt(before.facts, namespaces);
    if (pid === process.pid) return facts; // this process doesn't change during its own look
    const after = readProcStatus(pid);
    if (after.state === 'seen' && steady(before.facts) === steady(after.facts)) return facts;
    if (look === LOOKS) {
      if (after.state === 'absent') return null;
      const isSame = after.state === 'seen' && after.facts.inode === before.facts.inode;
      // The process changes all the time, so the facts besides its status may be of another moment.
      return isSame
        ? { ...facts, userNs: null, userNsRuledOut: null, memoryUserNs: null, dumpable: null, lsmLabel: null }
        : unseenProcess(pid);
    }
    before = after;
  }
}
