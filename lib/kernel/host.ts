import { constants, hostname, release } from 'node:os';
import { SyscallError } from '../errors.js';
import { checkedOptions, FUNCTION, type OptionKinds } from '../options.js';
import { type NodeExposure, nodeExposure } from './node-exposure.js';
import { type PerfEvents, readPerfEvents } from './perf-events.js';
import { numberOf, textOf } from './proc-files.js';
import { readProcStatus } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import { readProcessTable } from './process-table.js';
import type { PtraceScope } from './ptrace-scope.js';
import { factsOf, unseenProcess } from './read-process-facts.js';
import { readSecurityModules, type SecurityModules } from './security-modules.js';
import { UserNamespaces, type UserNs } from './user-namespace.js';
import { readPtraceScope } from './yama.js';

/** The facts about a host that the tracing rules use. */
export interface HostFacts extends SecurityModules {
  /** As `uname -r` prints it. */
  kernelRelease: string;
  yama: PtraceScope;
  /** The facts for mode `perf`. Missing for other modes and in older snapshots: then unknown. */
  perfEvents?: PerfEvents;
  /** fs.suid_dumpable */
  suidDumpable: number | null;
  /** By id: each user namespace in which a process was seen, and the namespaces above. */
  userNsParents: Record<string, UserNs>;
  /** kernel.core_pattern */
  corePattern: string | null;
  /** The observer's credentials. A fact that the observer may not see is unknown. */
  observedAs: { uid: number | null; capEffective: string | null; userNs: string | null };
}

/** A host at one moment, as data that can be saved and used elsewhere: `lines()` and `read()`. */
export interface Snapshot {
  /** The host's name for itself. */
  name: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  host: HostFacts;
  processes: ProcessFacts[];
  /** The exposure of each Node process, by pid. */
  nodes: ReadonlyMap<number, NodeExposure>;
}

/** What the tracing rules read of a snapshot. */
export type SnapshotFacts = Pick<Snapshot, 'host' | 'processes'>;

/** Called with the number of processes read so far, and their total. */
export type OnProgress = (done: number, total: number) => void;

function hostFacts(namespaces: UserNamespaces, self: ProcessFacts | null, asksPerf: boolean): HostFacts {
  return {
    kernelRelease: release(),
    yama: readPtraceScope(),
    ...readSecurityModules(),
    ...(asksPerf && { perfEvents: readPerfEvents() }),
    suidDumpable: numberOf('/proc/sys/fs/suid_dumpable'),
    userNsParents: namespaces.seen,
    corePattern: textOf('/proc/sys/kernel/core_pattern'),
    observedAs: {
      uid: self?.uids.effective ?? null,
      capEffective: self?.capEffective ?? null,
      userNs: namespaces.own,
    },
  };
}

const { ENOENT } = constants.errno;

/** The processes that observe() reads; all by default. */
export interface ObserveOptions {
  /** Only these processes, the leader of each thread, and the facts about ancestors that ancestry needs. */
  pids?: readonly number[];
  onProgress?: OnProgress;
}

const OPTIONS: OptionKinds<ObserveOptions> = {
  pids: { wanted: 'an array of pids', accepts: Array.isArray },
  onProgress: FUNCTION,
};

function wholeHost(onProgress?: OnProgress): Omit<Snapshot, 'name' | 'takenAt'> {
  const namespaces = new UserNamespaces();
  const { processes, nodes } = readProcessTable(null, namespaces, true, onProgress);
  // This process itself always exists, so an empty list is an error. An empty host would look safe.
  if (processes.length === 0) {
    const because = '/proc lists no process: mount it (mount -t proc proc /proc)';
    throw new SyscallError(ENOENT, { syscall: 'readdir', because });
  }
  const self = processes.find(({ pid }) => pid === process.pid) ?? null;
  return { host: hostFacts(namespaces, self, true), processes, nodes };
}

function someProcesses(pids: readonly number[]): Omit<Snapshot, 'name' | 'takenAt'> {
  const nodes = new Map<number, NodeExposure>();
  for (const pid of pids) {
    const exposure = nodeExposure(pid);
    if (exposure !== null) nodes.set(pid, exposure);
  }
  return { ...observeProcesses(pids), nodes };
}

/**
 * Reads what this process can see of the host and of its processes, without touching any. A process that ends meanwhile
 * is left out. For a process that /proc lists but hides (hidepid=1), only the pid is known.
 *
 * Applies to: the host, and all processes that /proc lists, or those that `pids` names.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_state(); fs/proc/base.c, task_dump_owner()
 *
 * @throws SystemError `ENOENT`, `EACCES` if /proc can't be listed
 * @throws SyscallError `ENOENT` if /proc lists no process
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`, `ERR_TRACEGATE_INVALID_PID`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @throws what `onProgress` throws
 * @example
 * ```js
 * import { observe } from 'tracegate/snapshot';
 *
 * const { host, processes, nodes } = observe();
 * console.log(host.observedAs.uid === process.getuid()); // true
 * console.log(processes.some(({ pid }) => pid === process.pid)); // true
 * console.log(nodes.get(process.pid).flags); // []
 * ```
 */
export function observe(options: ObserveOptions = {}): Snapshot {
  const { pids, onProgress } = checkedOptions(options, OPTIONS);
  const takenAt = new Date().toISOString();
  return {
    name: hostname(),
    takenAt,
    ...(pids === undefined ? wholeHost(onProgress) : someProcesses(pids)),
  };
}

/** Only the facts that ancestry needs, which take a third of the time. */
function ancestorFacts(pid: number): ProcessFacts | null {
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen') return seen.state === 'absent' ? null : unseenProcess(pid);
  const { ppid, tgid, startTime, comm, kind } = seen.facts;
  return { ...unseenProcess(pid), ppid, tgid, startTime, comm, kind };
}

/** Adds the ancestors of a process, up to the first that is known already. */
function addAncestors(from: ProcessFacts, found: Map<number, ProcessFacts>): void {
  for (let at: ProcessFacts | null = from; at?.ppid; ) {
    const known = found.get(at.ppid);
    if (known !== undefined) return;
    at = ancestorFacts(at.ppid);
    if (at !== null) found.set(at.pid, at);
  }
}

/**
 * As {@link observe} for these processes. The result also has the leader of each thread, and the facts about
 * ancestors that ancestry needs.
 *
 * @param asksAncestry whether the ancestors are wanted: only ptrace_scope 1 uses them
 * @param asksPerf whether {@link HostFacts.perfEvents} is wanted: only mode `perf` uses it, and it may take a few forks
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 */
export function observeProcesses(
  pids: readonly number[],
  asksAncestry: (yama: PtraceScope) => boolean = () => true,
  asksPerf = true,
): SnapshotFacts {
  const namespaces = new UserNamespaces();
  const found = new Map<number, ProcessFacts>();
  const look = (pid: number) => {
    const facts = found.has(pid) ? null : factsOf(pid, namespaces);
    if (facts === null) return;
    found.set(pid, facts);
    if (facts.tgid !== null && facts.tgid !== pid) look(facts.tgid);
  };
  for (const pid of pids) look(pid);
  const self = found.get(process.pid) ?? factsOf(process.pid, namespaces);
  const host = hostFacts(namespaces, self, asksPerf);
  if (asksAncestry(host.yama)) for (const facts of [...found.values()]) addAncestors(facts, found);
  return { host, processes: [...found.values()] };
}
