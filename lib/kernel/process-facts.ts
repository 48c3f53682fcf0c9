import { statSync } from 'node:fs';
import { getDumpable } from './dumpable.js';
import { assertPid } from './pid.js';
import { isSystemError, tryProcFile } from './proc-files.js';
import { type Ids, type ProcessKind, type ProcStatus, readProcStatus } from './proc-status.js';
import { type Owner, UserNamespaces } from './user-namespace.js';

/** As {@link Ids}; null where it is an id that our own user namespace doesn't have. */
export type SeenIds = { [Key in keyof Ids]: number | null };

/** What the tracing rules look at in a process. What can't be seen is null or `'unknown'`. */
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
    threads: null,
    lsmLabel: null,
    declaredTracer: 'unknown',
  };
}

/** The owner of a file of /proc/PID that is the process' own. */
function ownerOf(pid: number, namespaces: UserNamespaces): Owner | null {
  try {
    const { uid, gid } = statSync(`/proc/${pid}/environ`);
    return { uid: namespaces.idSeen(uid), gid: namespaces.idSeen(gid) };
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

const IDS = ['uid', 'gid'] as const;

/** Unless an id of the two is seen to differ. */
const mayBe = (owner: Owner, other: Owner) =>
  IDS.every(id => owner[id] === null || other[id] === null || owner[id] === other[id]);

/**
 * Who owns a file of /proc/PID tells whether it is dumpable: its effective uid and gid own it while it is, otherwise
 * the root of its memory's user namespace. Where both look alike, null. `roots` are those of the namespaces that the
 * memory may belong to, with null for what isn't seen.
 *
 * Kernel: fs/proc/base.c, task_dump_owner()
 */
export function dumpableFromOwner(owner: Owner, effective: Owner, roots: readonly Owner[]): boolean | null {
  if (!mayBe(owner, effective)) return false;
  const isItsOwn = IDS.some(id => owner[id] !== null && owner[id] === effective[id]);
  return isItsOwn && !roots.some(root => mayBe(owner, root)) ? true : null;
}

/** The namespace of the memory: the process' own or one above it, whose root owns the files of /proc/PID. */
function memoryNamespace(owner: Owner, chain: readonly string[], namespaces: UserNamespaces): string | null {
  const top = namespaces.seen[chain.at(-1) ?? ''];
  if (top?.parent !== 'none') return null;
  const possible = chain.filter(id => mayBe(owner, namespaces.rootOf(id)));
  return possible.length === 1 ? (possible[0] ?? null) : null;
}

type Memory = Pick<ProcessFacts, 'dumpable' | 'memoryUserNs'>;

function memoryOf(status: ProcStatus, userNs: string | null, namespaces: UserNamespaces): Memory {
  const unknown = { dumpable: null, memoryUserNs: null };
  // The others have no memory, and root owns their files.
  if (status.kind !== 'user') return unknown;
  const owner = ownerOf(status.pid, namespaces);
  if (owner === null) return unknown;
  const chain = userNs === null ? [] : namespaces.chain(userNs);
  const isWhole = namespaces.seen[chain.at(-1) ?? '']?.parent === 'none';
  const roots = isWhole ? chain.map(id => namespaces.rootOf(id)) : [{ uid: null, gid: null }];
  const effective = {
    uid: namespaces.idSeen(status.uids.effective),
    gid: namespaces.idSeen(status.gids.effective),
  };
  const dumpable =
    status.pid === process.pid ? getDumpable() === 'user' : dumpableFromOwner(owner, effective, roots);
  return {
    dumpable,
    memoryUserNs: dumpable ? null : memoryNamespace(owner, chain, namespaces),
  };
}

/** Which modules a kernel runs is settled at its boot: that none labels need be found out only once. */
let isWithoutLabels = false;

/** fs/proc/base.c, proc_pid_attr_read(): EINVAL where no module gives labels. */
function labelOf(pid: number): string | null {
  if (isWithoutLabels) return '';
  const read = tryProcFile(pid, 'attr/current');
  if (read.state === 'read') return read.text.replace(/[\0\n]+$/, '');
  isWithoutLabels = read.state === 'hidden' && read.code === 'EINVAL';
  return isWithoutLabels ? '' : null;
}

/** The tracer's process: /proc/TID says it also of a thread that isn't listed. */
function processOfThread(tid: number): number | null {
  if (tid === 0) return 0;
  const seen = readProcStatus(tid);
  return seen.state === 'seen' ? seen.facts.tgid : null;
}

/** Whether it runs or sleeps, and with how many threads, is nothing that the rules look at. */
const steady = (status: ProcStatus) => JSON.stringify({ ...status, state: '', threads: 0 });

const seenIds = ({ real, effective, saved, fs }: Ids, namespaces: UserNamespaces): SeenIds => ({
  real: namespaces.idSeen(real),
  effective: namespaces.idSeen(effective),
  saved: namespaces.idSeen(saved),
  fs: namespaces.idSeen(fs),
});

function lookAt(status: ProcStatus, namespaces: UserNamespaces): ProcessFacts {
  const { pid, ppid, tgid, startTime, comm, kind } = status;
  const { capPermitted, capEffective, capInheritable, capBounding } = status;
  const userNs = namespaces.of(pid);
  // In a stop for a tracer that we can't name.
  const tracerPid = status.tracerPid === 0 && status.state === 't' ? null : status.tracerPid;
  return {
    pid,
    ppid,
    tgid,
    startTime,
    comm,
    kind,
    uids: seenIds(status.uids, namespaces),
    gids: seenIds(status.gids, namespaces),
    userNs,
    ...memoryOf(status, userNs, namespaces),
    capPermitted,
    capEffective,
    capInheritable,
    capBounding,
    seccomp: status.seccomp,
    noNewPrivs: status.noNewPrivs,
    tracerPid,
    tracerTgid: tracerPid === null ? null : processOfThread(tracerPid),
    threads: status.threads,
    lsmLabel: labelOf(pid),
    declaredTracer: 'unknown',
  };
}

/** How often a process that changes while we look is looked at again. */
const LOOKS = 3;

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
    // It changes all the time: what was read beside its status may be of another moment.
    if (look === LOOKS && after.state === 'seen' && after.facts.startTime === before.facts.startTime) {
      return { ...facts, userNs: null, memoryUserNs: null, dumpable: null, lsmLabel: null };
    }
    before = look === LOOKS ? { state: 'absent' } : after;
  }
}
