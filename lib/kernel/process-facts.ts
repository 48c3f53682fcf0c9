import { statSync } from 'node:fs';
import { labelOf } from './lsm-label.js';
import {
  NO_OTHER_THREADS,
  type OtherThreads,
  processOfThread,
  readOtherThreads,
  type ThreadRights,
  type TracedThread,
} from './other-threads.js';
import { assertPid } from './pid.js';
import { isSystemError } from './proc-files.js';
import {
  type Ids,
  LOOKS,
  type ProcessKind,
  type ProcStatus,
  type Rights,
  readProcStatus,
  rightsIn,
} from './proc-status.js';
import { memoryOf } from './process-memory.js';
import { type RuledOutUserNs, UserNamespaces, type UserNsSeen } from './user-namespace.js';

/** As {@link Ids}, and of several processes where they are equal; null where it is an id that our own user namespace doesn't have. */
export type SeenIds = { readonly [Key in keyof Ids]: number | null };

/** What the tracing rules look at in a process, or in one of its threads. What can't be seen is null or `'unknown'`. */
export interface ProcessFacts {
  pid: number;
  /** Of `real_parent`: 0 if there is none in our pid namespace. */
  ppid: number | null;
  /** The thread-group leader's pid: another than `pid` if that is a thread's. */
  tgid: number | null;
  /** Field 22 of stat, in clock ticks since boot. With the pid it identifies the process. */
  startTime: number | null;
  comm: string | null;
  kind: ProcessKind | 'unknown';
  uids: SeenIds;
  gids: SeenIds;
  /** The id of its user namespace. */
  userNs: string | null;
  /** Where that isn't seen, the namespace of whoever looked, if the process is certainly in another one. */
  userNsRuledOut: RuledOutUserNs | null;
  /** Of the user namespace that its memory belongs to, unless it is dumpable: then it isn't seen. */
  memoryUserNs: string | null;
  /** Hexadecimal masks. */
  capPermitted: string | null;
  capEffective: string | null;
  /** Of what an exec may regain: P'(permitted) of uid 0 is inheritable | bounding (capabilities(7)). */
  capInheritable: string | null;
  capBounding: string | null;
  dumpable: boolean | null;
  seccomp: 'none' | 'strict' | 'filter' | null;
  noNewPrivs: boolean | null;
  /** The thread that traces it; 0 if none does (or none that our pid namespace can name). */
  tracerPid: number | null;
  /** The process to which that thread belongs; 0 likewise. */
  tracerTgid: number | null;
  /** Which other threads of its process are traced; null where they aren't seen. */
  tracedThreads: readonly TracedThread[] | null;
  /** Of the other threads of its process one of each kind whose rights aren't these; null where they aren't seen. */
  threadRights: readonly ThreadRights<SeenIds>[] | null;
  threads: number | null;
  /** As /proc/PID/attr/current says it, such as AppArmor's `unconfined`; empty where no security module labels. */
  lsmLabel: string | null;
  /** What it gave to PR_SET_PTRACER, which can't be read: `'unknown'`, unless one knows it otherwise. */
  declaredTracer: number | 'any' | 'none' | 'unknown';
}

const NO_IDS: SeenIds = { real: null, effective: null, saved: null, fs: null };

/** A process of which nothing is seen, as hidepid hides them. */
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

/** What is read of a process beside its status. */
export interface Beside {
  /** Of a file of /proc/PID that is its own, as that shows it; null where it isn't seen. */
  owner: { uid: number; gid: number } | null;
  userNs: UserNsSeen;
  lsmLabel: string | null;
  /** Null where they aren't seen. */
  otherThreads: OtherThreads | null;
}

function ownerOf(pid: number): Beside['owner'] {
  try {
    const { uid, gid } = statSync(`/proc/${pid}/environ`);
    return { uid, gid };
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** Whether it runs or sleeps, and with how many threads, is nothing that the rules look at. */
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

/** The facts that the two tell together. Of a tracer it looks up which process' thread that is. */
export function factsFrom(status: ProcStatus, beside: Beside, namespaces: UserNamespaces): ProcessFacts {
  const { pid, ppid, tgid, startTime, comm, kind, threads } = status;
  const { userNs, lsmLabel, otherThreads } = beside;
  const { dumpable, memoryUserNs, userNsRuledOut } = memoryOf(status, beside, namespaces);
  // In a stop for a tracer that we can't name.
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
  // The others have no memory, and root owns their files.
  const owner = kind === 'user' ? ownerOf(pid) : null;
  const otherThreads = threads > 1 ? readOtherThreads(pid, rightsIn(status)) : NO_OTHER_THREADS;
  return factsFrom(status, { owner, userNs, lsmLabel: labelOf(pid), otherThreads }, namespaces);
}

/**
 * What can be seen of a process by us as we are, without touching it; null if no process has the pid. That it ends while
 * one looks is normal. The parts are of one moment as far as its ids, capabilities, parent and tracer go.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_state(); fs/proc/base.c, task_dump_owner()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 */
export function factsOf(pid: number, namespaces = new UserNamespaces()): ProcessFacts | null {
  assertPid(pid);
  let before = readProcStatus(pid);
  for (let look = 1; ; look++) {
    if (before.state === 'absent') return null;
    if (before.state === 'hidden') return unseenProcess(pid);
    const facts = lookAt(before.facts, namespaces);
    if (pid === process.pid) return facts; // nothing of ours changes while we look
    const after = readProcStatus(pid);
    if (after.state === 'seen' && steady(before.facts) === steady(after.facts)) return facts;
    if (look === LOOKS) {
      if (after.state === 'absent') return null;
      const isSame = after.state === 'seen' && after.facts.inode === before.facts.inode;
      // It changes all the time: what was read beside its status may be of another moment.
      return isSame
        ? { ...facts, userNs: null, userNsRuledOut: null, memoryUserNs: null, dumpable: null, lsmLabel: null }
        : unseenProcess(pid);
    }
    before = after;
  }
}
