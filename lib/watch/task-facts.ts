import { readFileSync, statSync } from 'node:fs';
import type { Task } from '../kernel/access-events.js';
import { labelOf } from '../kernel/lsm-label.js';
import { NO_OTHER_THREADS } from '../kernel/other-threads.js';
import { isSystemError, linkOf, textOf } from '../kernel/proc-files.js';
import { kindOf, type ProcStatus, parseStat, procStatusOf } from '../kernel/proc-status.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { factsFrom, type OtherFacts, unseenProcess } from '../kernel/read-process-facts.js';
import type { UserNamespaces } from '../kernel/user-namespace.js';

/** A thread of an event, as /proc shows it right after. */
export interface SeenTask {
  facts: ProcessFacts;
  program: string | null;
  /** The text of /proc/PID/cgroup. */
  cgroups: string | null;
  /** The thread that traces it; 0: none. Null: not seen. */
  tracerTid: number | null;
}

const NO_RIGHTS = {
  capPermitted: null,
  capEffective: null,
  capInheritable: null,
  capBounding: null,
  dumpable: null,
  memoryUserNs: null,
  seccomp: null,
  noNewPrivs: null,
  lsmLabel: null,
} satisfies Partial<ProcessFacts>;

/** What the event itself tells of a thread. */
function unseenTask({ pid, tid, startTime, comm, uid }: Task): SeenTask {
  const unseen = unseenProcess(tid);
  const facts: ProcessFacts = {
    ...unseen,
    tgid: pid,
    startTime,
    comm,
    uids: { ...unseen.uids, effective: uid },
    tracerPid: 0,
    tracerTgid: 0,
    tracedThreads: [],
    threadRights: [],
  };
  return { facts, program: null, cgroups: null, tracerTid: null };
}

/** As the kernel writes a name into /proc/PID/status. Kernel: fs/proc/array.c, proc_task_name() */
const escaped = (comm: string): string => comm.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** Reads a file that must be there; the caller handles an error of the system. */
const read = (path: string): string => readFileSync(path, 'utf8');

/** What the rules read of a status, as text: memory and counts change all the time. Null: the thread ends. */
function steadyIn(statusText: string): string | null {
  const [state, memory, threads, rest] = ['\nState:', '\nVmPeak:', '\nThreads:', '\nSpeculation_'].map(word =>
    statusText.indexOf(word),
  );
  if (
    state === undefined ||
    memory === undefined ||
    threads === undefined ||
    state < 0 ||
    memory < 0 ||
    threads < 0
  )
    return null;
  const ids = statusText.indexOf('\n', state + 1);
  const end = rest === undefined || rest < 0 ? undefined : rest;
  return statusText.slice(0, state) + statusText.slice(ids, memory) + statusText.slice(threads, end);
}

interface Known {
  /** All that the facts follow from. */
  from: readonly (string | number | null)[];
  seen: SeenTask;
}

/** More than the processes that take part in accesses at one time. The oldest is forgotten first. */
const MOST_KNOWN = 1000;

/** Reads the facts of threads. What it knows of a thread is used again while the kernel shows the same of it. */
export class TaskReader {
  readonly #known = new Map<string, Known>();

  /**
   * The facts of a thread right after an event. They are of the process that the event names, by pid and start time. If the
   * thread has another name or effective uid by now, its rights aren't known. If it has ended, only what the event says is known.
   *
   * A few files are read once each, and nothing of other threads: the decision was about this one.
   */
  seen(task: Task, namespaces: UserNamespaces): SeenTask {
    try {
      return this.#look(task, namespaces) ?? unseenTask(task);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return unseenTask(task);
    }
  }

  #look(task: Task, namespaces: UserNamespaces): SeenTask | null {
    const { pid, tid, startTime, comm, uid } = task;
    const directory = `/proc/${pid}/task/${tid}`;
    const statusText = read(`${directory}/status`);
    const owner = statSync(`${directory}/environ`);
    const program = linkOf(`${directory}/exe`);
    const link = linkOf(`${directory}/ns/user`);
    const id = link?.startsWith('user:[') ? link.slice(6, -1) : null;
    const userNs = id === null ? namespaces.of(tid) : namespaces.byLink(tid, id, []);
    const lsmLabel = labelOf(tid);
    const statText = tid === pid ? null : read(`${directory}/stat`);
    // The start time is read last: if it is that of the event, all reads before were about the same process.
    const leaderText = read(`/proc/${pid}/stat`);
    const leader = parseStat(leaderText);
    if (leader.startTime !== startTime) return null;
    const steady = tid === pid && id !== null ? steadyIn(statusText) : null;
    const from = [
      steady,
      owner.uid,
      owner.gid,
      program,
      id,
      userNs.userNs,
      lsmLabel,
      leader.comm,
      leader.ppid,
    ];
    from.push(leader.flags, startTime, comm, uid);
    const known = this.#known.get(`${pid}`);
    if (steady !== null && known !== undefined && from.every((each, at) => each === known.from[at]))
      return known.seen;
    const status = procStatusOf(statText ?? leaderText, statusText);
    const facts = factsOf(
      task,
      status,
      leader.comm,
      statusText,
      {
        owner: status.kind === 'user' ? { uid: owner.uid, gid: owner.gid } : null,
        userNs,
        lsmLabel,
        otherThreads: NO_OTHER_THREADS,
      },
      namespaces,
    );
    const seen = { facts, program, cgroups: textOf(`/proc/${pid}/cgroup`), tracerTid: status.tracerPid };
    if (steady !== null) {
      this.#known.delete(`${pid}`);
      this.#known.set(`${pid}`, { from, seen });
      if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
    }
    return seen;
  }
}

function factsOf(
  { startTime, comm, uid }: Task,
  status: ProcStatus,
  leaderComm: string,
  statusText: string,
  others: OtherFacts,
  namespaces: UserNamespaces,
): ProcessFacts {
  const seen = factsFrom({ ...status, tracerPid: 0 }, others, namespaces);
  // The thread ends, or it has executed another program or changed its ids, since the event.
  const isEnding = seen.kind === 'zombie' || seen.kind === 'exiting';
  const isSame =
    status.uids.effective === uid && comm !== null && statusText.startsWith(`Name:\t${escaped(comm)}\n`);
  const unseenIds = { real: null, effective: null, saved: null, fs: null };
  return {
    ...seen,
    startTime,
    comm: leaderComm,
    ...(isEnding && { kind: 'unknown', dumpable: null, memoryUserNs: null }),
    ...(!isSame && { ...NO_RIGHTS, uids: { ...unseenIds, effective: uid }, gids: unseenIds }),
  };
}

/** The facts of a process that ancestry needs. Null: it has ended. */
function relative(pid: number): ProcessFacts | null {
  try {
    const stat = parseStat(read(`/proc/${pid}/stat`));
    const { ppid, startTime, comm } = stat;
    return { ...unseenProcess(pid), ppid, tgid: pid, startTime, comm, kind: kindOf(stat) };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
}

/** The ancestors of a process, from its parent up to pid 1, to one that isn't seen, or to `until`. */
export function ancestorsOf({ ppid }: ProcessFacts, until: number | null): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (let at = ppid; at !== null && at !== 0 && at !== until; ) {
    const parent = relative(at);
    // A pid was reused on the way up.
    if (parent === null || found.some(({ pid }) => pid === at)) break;
    found.push(parent);
    at = parent.ppid;
  }
  return found;
}

/** Null: it has ended. */
export const startTimeOf = (pid: number): number | null => relative(pid)?.startTime ?? null;

export const isRunning = (pid: number, startTime: number): boolean => startTimeOf(pid) === startTime;

/** A process or a thread, with its process. Null: it has ended. */
export function processOf(tid: number): ProcessFacts | null {
  try {
    const status = procStatusOf(read(`/proc/${tid}/stat`), read(`/proc/${tid}/status`));
    const { ppid, tgid, startTime, comm, kind } = status;
    return { ...unseenProcess(tid), ppid, tgid, startTime, comm, kind };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return null;
  }
}

/** Clock ticks since boot, as start times count them. Kernel: fs/proc/uptime.c; USER_HZ is 100 */
export function ticksNow(): number {
  return Math.ceil(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
}
