import type { Snapshot } from '../../kernel/host.js';
import { anyTracer } from '../../kernel/other-threads.js';
import { isHeadless } from '../../kernel/probe-outcome.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { type PtraceScope, yamaDemand } from '../../kernel/ptrace-scope.js';

/**
 * Which processes without CAP_SYS_PTRACE may trace a process. `open-to-uid`: every process of its uid and gid.
 * `open-to-ancestors`: its ancestors and its declared tracer. `closed`: none.
 */
export type ScanStatus =
  | 'open-to-uid'
  | 'open-to-ancestors'
  | 'closed'
  | 'traced'
  | 'not-traceable'
  | 'unknown';

export const SCAN_STATUSES = [
  'open-to-uid',
  'open-to-ancestors',
  'closed',
  'traced',
  'not-traceable',
  'unknown',
] as const satisfies readonly ScanStatus[];

/** `armed`: SIGUSR1 opens the inspector of this Node. `open`: the inspector is open. */
export type InspectorState = 'armed' | 'open' | null;

/** The status by the facts of the process and by ptrace_scope alone. Other processes don't matter. */
export function scanStatus(facts: ProcessFacts, yama: PtraceScope): ScanStatus {
  const { kind, dumpable, declaredTracer } = facts;
  const tracerPid = anyTracer(facts.tracerPid, facts.tracedThreads);
  if (isHeadless(facts)) return 'unknown';
  if (kind === 'kernel-thread' || kind === 'zombie') return 'not-traceable';
  if (tracerPid !== null && tracerPid !== 0) return 'traced';
  const demand = yamaDemand(yama);
  const isClosed = dumpable === false || demand === 'capability' || demand === 'impossible';
  if (isClosed) return tracerPid === null ? 'unknown' : 'closed';
  if (dumpable === null || tracerPid === null || demand === null) return 'unknown';
  return demand === 'relation' && declaredTracer !== 'any' ? 'open-to-ancestors' : 'open-to-uid';
}

export function inspectorState({ nodes }: Pick<Snapshot, 'nodes'>, pid: number): InspectorState {
  const node = nodes.get(pid);
  if (node === undefined) return null;
  // --inspect-port and --inspect-publish-uid only configure the inspector, and don't open it.
  if (node.flags.some(flag => /^--inspect(-brk|-wait)?(=|$)/.test(flag))) return 'open';
  return node.sigusr1 === 'handled' ? 'armed' : null;
}
