import { constants, release } from 'node:os';
import { SyscallError } from '../errors.js';
import type { NodeExposure } from './node-exposure.js';
import { type PerfEvents, readPerfEvents } from './perf-events.js';
import { numberOf, textOf } from './proc-files.js';
import { readProcStatus } from './proc-status.js';
import { factsOf, type ProcessFacts, unseenProcess } from './process-facts.js';
import { readProcessTable } from './process-table.js';
import { readSecurityModules, type SecurityModules } from './security-modules.js';
import { UserNamespaces, type UserNs } from './user-namespace.js';
import { type PtraceScope, readPtraceScope } from './yama.js';

/** What of the host the tracing rules look at. */
export interface HostFacts extends SecurityModules {
  kernelRelease: string;
  yama: PtraceScope;
  /** What mode `perf` asks for. Missing where another mode was asked, and in older facts: then unknown. */
  perfEvents?: PerfEvents;
  /** fs.suid_dumpable */
  suidDumpable: number | null;
  /** By the id of each user namespace that a process was seen in, and those above it. */
  userNsParents: Record<string, UserNs>;
  /** kernel.core_pattern */
  corePattern: string | null;
  /** Who looked: what he may not see is unknown. */
  observedAs: { uid: number | null; capEffective: string | null; userNs: string | null };
}

/** A host at one moment, as data: it can be saved, and looked at elsewhere. */
export interface Snapshot {
  host: HostFacts;
  processes: ProcessFacts[];
}

export interface SnapshotWithNodes extends Snapshot {
  nodes: Map<number, NodeExposure>;
}

/** Is told how many of the listed processes have been looked at. */
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

function observe(asksNodes: boolean, onProgress?: OnProgress): SnapshotWithNodes {
  const namespaces = new UserNamespaces();
  const { processes, nodes } = readProcessTable(null, namespaces, asksNodes, onProgress);
  // There is always ourselves: an empty host would be taken for a safe one.
  if (processes.length === 0) {
    const because = '/proc lists no process: mount it (mount -t proc proc /proc)';
    throw new SyscallError(ENOENT, { syscall: 'readdir', because });
  }
  const self = processes.find(({ pid }) => pid === process.pid) ?? null;
  return { host: hostFacts(namespaces, self, true), processes, nodes };
}

/**
 * What can be seen of this host and all its processes by us as we are, without touching one. A process that ends
 * meanwhile is left out; one that /proc lists and hides (hidepid=1) has no fact but its pid.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_state(); fs/proc/base.c, task_dump_owner()
 *
 * @throws SystemError or SyscallError `ENOENT`, `EACCES` if there is no /proc to be listed
 */
export function observeHost(): Snapshot {
  const { host, processes } = observe(false);
  return { host, processes };
}

/**
 * As {@link observeHost}, and what those have open that are seen to be a Node, by their pid, in the same pass.
 *
 * @throws SystemError or SyscallError `ENOENT`, `EACCES` if there is no /proc to be listed
 */
export const observeHostAndNodes = (onProgress?: OnProgress): SnapshotWithNodes => observe(true, onProgress);

/** Of an ancestor what ancestry takes, which is a third of the work. */
function ancestorFacts(pid: number): ProcessFacts | null {
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen') return seen.state === 'absent' ? null : unseenProcess(pid);
  const { ppid, tgid, startTime, comm, kind } = seen.facts;
  return { ...unseenProcess(pid), ppid, tgid, startTime, comm, kind };
}

/** The way up from a process that is found already. */
function addAncestors(from: ProcessFacts, found: Map<number, ProcessFacts>): void {
  for (let at: ProcessFacts | null = from; at?.ppid; ) {
    const known = found.get(at.ppid);
    if (known !== undefined) return;
    at = ancestorFacts(at.ppid);
    if (at !== null) found.set(at.pid, at);
  }
}

/**
 * As {@link observeHost}, of these processes, with a thread's leader, and of their ancestors what tells that they are.
 *
 * @param asksAncestry whether the ancestors are wanted: only ptrace_scope 1 asks for them
 * @param asksPerf whether {@link HostFacts.perfEvents} is wanted: only mode `perf` asks for it, and it may take a few forks
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 */
export function observeProcesses(
  pids: readonly number[],
  asksAncestry: (yama: PtraceScope) => boolean = () => true,
  asksPerf = true,
): Snapshot {
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
