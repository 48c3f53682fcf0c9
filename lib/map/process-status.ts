import { anyTracer } from '../kernel/other-threads.js';
import { isHeadless } from '../kernel/probe-outcome.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { PtraceScope } from '../kernel/yama.js';
import type { NamedSnapshot } from './host-map.js';

/**
 * How a process stands to those without CAP_SYS_PTRACE over it: `open-to-uid` to every process of its uid and gid,
 * `open-to-ancestors` to those above it and to whom it declares, `closed` to all.
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

/** A Node whose inspector is a signal away, or open. */
export type InspectorState = 'armed' | 'open' | null;

/** As far as it itself and the scope tell, whatever other processes there are. */
export function scanStatus(facts: ProcessFacts, yama: PtraceScope): ScanStatus {
  const { kind, dumpable, declaredTracer } = facts;
  const tracerPid = anyTracer(facts.tracerPid, facts.tracedThreads);
  if (isHeadless(facts)) return 'unknown';
  if (kind === 'kernel-thread' || kind === 'zombie') return 'not-traceable';
  if (tracerPid !== null && tracerPid !== 0) return 'traced';
  const scope = yama.state === 'present' ? yama.value : null;
  if (dumpable === false || (scope !== null && scope >= 2)) return tracerPid === null ? 'unknown' : 'closed';
  if (dumpable === null || tracerPid === null || yama.state === 'unknown') return 'unknown';
  return scope === 1 && declaredTracer !== 'any' ? 'open-to-ancestors' : 'open-to-uid';
}

export function inspectorState({ nodes }: Pick<NamedSnapshot, 'nodes'>, pid: number): InspectorState {
  const node = nodes.get(pid);
  if (node === undefined) return null;
  // --inspect-port and --inspect-publish-uid say where, and open nothing.
  if (node.flags.some(flag => /^--inspect(-brk|-wait)?(=|$)/.test(flag))) return 'open';
  return node.sigusr1 === 'handled' ? 'armed' : null;
}
