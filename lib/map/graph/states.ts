import type { Snapshot } from '../../kernel/host.js';
import type { ByScope, HostMap, MapEdge } from './map-types.js';
import { listedEdges } from './unlisted.js';

/**
 * The state of a class. `capable`: its processes have CAP_SYS_PTRACE over everything. For the other classes, processes that
 * aren't ptrace-capable surely may trace a member (`open`), possibly may (`unknown`), or may not (`closed`).
 */
export type ClassState = 'open' | 'unknown' | 'closed' | 'capable';

export type StateByScope = Record<0 | 1 | 2 | 3, ClassState>;

export const SCOPES = [0, 1, 2, 3] as const;

export type Scope = (typeof SCOPES)[number];

/** The scope whose edges count. If ptrace_scope is unknown or Yama is absent, the weakest scope counts. */
export const effectiveScope = (scope: HostMap['scope']): Scope =>
  scope === 'absent' || scope === 'unknown' ? 0 : scope;

/** @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the map doesn't list its edges */
export function classStates(map: HostMap): StateByScope[] {
  const states = map.classes.map(({ isPtraceCapable }): StateByScope => {
    const state = isPtraceCapable ? 'capable' : 'closed';
    return { 0: state, 1: state, 2: state, 3: 'closed' };
  });
  for (const { to, certain, possible } of listedEdges(map)) {
    const cls = states[to];
    if (cls === undefined) continue;
    for (const scope of SCOPES) {
      if (cls[scope] === 'capable') continue;
      if (certain[scope] > 0) cls[scope] = 'open';
      else if (possible[scope] > 0 && cls[scope] === 'closed') cls[scope] = 'unknown';
    }
  }
  return states;
}

/** The most edges that a picture shows. */
export const STRONGEST = 30;

/** The edges between two classes with most pairs, at each scope. Certain pairs count before possible pairs. */
export function strongest(edges: readonly MapEdge[]): {
  strongest: Record<Scope, MapEdge[]>;
  between: ByScope;
} {
  const found: Record<Scope, MapEdge[]> = { 0: [], 1: [], 2: [], 3: [] };
  const between: ByScope = { 0: 0, 1: 0, 2: 0, 3: 0 };
  for (const scope of SCOPES) {
    const shown = edges.filter(
      ({ from, to, certain, possible }) => from !== to && certain[scope] + possible[scope] > 0,
    );
    between[scope] = shown.length;
    found[scope] = shown
      .sort((a, b) => b.certain[scope] - a.certain[scope] || b.possible[scope] - a.possible[scope])
      .slice(0, STRONGEST);
  }
  return { strongest: found, between };
}

/** Each pid namespace has a process 1. If /proc doesn't list it, hidepid also hides other processes. */
export const isWhole = ({ processes }: Pick<Snapshot, 'processes'>): boolean =>
  processes.some(({ pid }) => pid === 1);

export const PART =
  "process 1 isn't seen: /proc hides other users' processes here (hidepid), and this is a part of the host; root sees it whole";
