import { statSync } from 'node:fs';
import { SyscallError } from '../errors.js';
import { getDumpable } from './dumpable.js';
import { assertPid } from './pid.js';
import { isSystemError, readProcFile } from './proc-files.js';
import { type ProcStatus, readProcStatus } from './proc-status.js';

export interface TraceStatus {
  pid: number;
  startTime: number | null;
  comm: string | null;
  status: 'disabled' | 'enabled' | 'traced' | 'unknown';
  /** 0: nobody traces it (or a tracer that this pid namespace can't name). */
  tracerPid: number | null;
  dumpable: boolean | null;
  /** As FreeBSD's procctl(PROC_TRACE_STATUS): -1 disabled, 0 enabled and untraced, or the tracer's pid. */
  procctl: number | null;
}

const ESRCH = 3;

/** The user namespace's root as we see it: the id that 0 is mapped to, by /proc/PID/uid_map. */
export function parseNamespaceRoot(uidMap: string): number | null {
  for (const line of uidMap.split('\n')) {
    const [inside, outside] = line.trim().split(/\s+/).map(Number);
    if (inside === 0 && outside !== undefined) return outside;
  }
  return null;
}

/**
 * Who owns a file of /proc/PID tells it: the process' effective uid while it is dumpable, otherwise the root of its
 * memory's user namespace. So for a process that runs as that root both look alike, and in another user namespace than
 * ours its root (or that of a namespace between) could be anyone: null. What has no memory (any more) root owns too.
 *
 * Kernel: fs/proc/base.c, task_dump_owner()
 */
export function dumpableFromOwner(
  owner: number,
  effectiveUid: number,
  sameNamespace: boolean,
  namespaceRoot: number | null,
): boolean | null {
  if (owner !== effectiveUid) return false;
  return sameNamespace && effectiveUid !== namespaceRoot ? true : null;
}

function dumpableFromOutside(facts: ProcStatus): boolean | null {
  // The others have no memory to be dumped.
  if (facts.kind !== 'user') return null;
  try {
    const map = readProcFile(facts.pid, 'uid_map');
    const { uid } = statSync(`/proc/${facts.pid}/environ`);
    return dumpableFromOwner(
      uid,
      facts.uids.effective,
      map === readProcFile(process.pid, 'uid_map'),
      parseNamespaceRoot(map),
    );
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

function statusOf(
  tracerPid: number,
  dumpable: boolean | null,
): Omit<TraceStatus, 'pid' | 'startTime' | 'comm'> {
  if (tracerPid !== 0) return { status: 'traced', tracerPid, dumpable, procctl: tracerPid };
  if (dumpable === null) return { status: 'unknown', tracerPid, dumpable, procctl: null };
  return dumpable
    ? { status: 'enabled', tracerPid, dumpable, procctl: 0 }
    : { status: 'disabled', tracerPid, dumpable, procctl: -1 };
}

/**
 * Whether a process can be traced as far as its own switch goes, and who traces it, seen by anybody and without
 * touching it. A tracer that was there before the process opted out is reported as `'traced'`.
 *
 * Kernel: fs/proc/array.c, task_state(); fs/proc/base.c, task_dump_owner()
 *
 * @param pid this process by default
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SyscallError `ESRCH` if no process has that pid
 */
export function traceStatus(pid: number = process.pid): TraceStatus {
  assertPid(pid);
  const seen = readProcStatus(pid);
  if (seen.state === 'absent') {
    throw new SyscallError(ESRCH, { syscall: 'open', pid, because: `no process has pid ${pid}` });
  }
  const blank = { pid, startTime: null, comm: null, tracerPid: null, dumpable: null, procctl: null };
  if (seen.state === 'hidden') return { ...blank, status: 'unknown' };

  const { startTime, comm, tracerPid } = seen.facts;
  const dumpable = pid === process.pid ? getDumpable() === 'user' : dumpableFromOutside(seen.facts);
  // The owner was read after the rest: it may be that of the next process with this pid, of one that has just given up
  // its memory, or of other ids than were compared.
  const again = readProcStatus(pid);
  if (again.state !== 'seen' || again.facts.startTime !== startTime) {
    throw new SyscallError(ESRCH, { syscall: 'open', pid, because: `process ${pid} ended meanwhile` });
  }
  const isSteady = again.facts.kind === 'user' && again.facts.uids.effective === seen.facts.uids.effective;
  return { pid, startTime, comm, ...statusOf(tracerPid, isSteady ? dumpable : null) };
}
