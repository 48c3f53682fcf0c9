import type { Snapshot } from '../../kernel/host.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { indexOf } from '../../policy/reach/process-classes.js';
import { hostEdges } from './edge-counts.js';
import { mapHost } from './map-host.js';
import type { ByScope, EdgeCounts, HostMap } from './map-types.js';
import { type Program, programsOf } from './programs.js';
import { effectiveScope } from './states.js';

/** One side of a comparison. */
export interface DiffSide {
  name: string;
  takenAt: string;
  scope: HostMap['scope'];
  traceable: number;
  /** The counts at the side's own ptrace_scope. */
  edges: { certain: number; possible: number };
  edgesByScope: ByScope;
}

/** A program of a uid, and the number of processes that may trace its most exposed process. */
export interface DiffProgram {
  comm: string | null;
  uid: number | null;
  /** Null: that side has no such program. */
  before: { certain: number; possible: number } | null;
  after: { certain: number; possible: number } | null;
}

/** What changed between two maps. */
export interface MapDiff {
  before: DiffSide;
  after: DiffSide;
  /**
   * Programs that more processes may trace now, by the lower or the upper bound, and new programs that a process may trace.
   * The largest change is first.
   */
  moreExposed: DiffProgram[];
  /** Programs of which one bound has fallen and no bound has grown. */
  lessExposed: DiffProgram[];
  /** Programs that have CAP_SYS_PTRACE over everything now, but not before. */
  newPtraceCapable: { comm: string | null; uid: number | null }[];
  /** Programs that had CAP_SYS_PTRACE over everything before, but not now. */
  gonePtraceCapable: { comm: string | null; uid: number | null }[];
}

type Exposures = Map<string, { program: Program; tracers: EdgeCounts }>;

interface Side {
  side: DiffSide;
  exposures: Exposures;
  ptraceCapable: Map<string, Program>;
}

const keyOf = ({ comm, class: cls }: Program) => `${cls.facts.uids.real} ${comm}`;

const isMore = (one: EdgeCounts, other: EdgeCounts, at: keyof ByScope): boolean =>
  one.certain[at] !== other.certain[at]
    ? one.certain[at] > other.certain[at]
    : one.possible[at] > other.possible[at];

function sideOf(snapshot: Snapshot, scope: PtraceScopeValue | undefined): Side {
  const map = mapHost(snapshot, scope === undefined ? {} : { scope });
  const at = effectiveScope(map.scope);
  const index = indexOf(snapshot);
  const edges = hostEdges(index);
  const exposures: Exposures = new Map();
  const ptraceCapable = new Map<string, Program>();
  for (const program of programsOf(index, edges)) {
    const key = keyOf(program);
    const { tracers } = program.mostExposed;
    const known = exposures.get(key);
    if (known === undefined || isMore(tracers, known.tracers, at)) exposures.set(key, { program, tracers });
    if (edges.ptraceCapable.has(program.class)) ptraceCapable.set(key, program);
  }
  return {
    side: {
      name: map.name,
      takenAt: map.takenAt,
      scope: map.scope,
      traceable: map.traceable,
      edges: { certain: map.edgesByScope[at], possible: map.possibleEdgesByScope[at] },
      edgesByScope: map.edgesByScope,
    },
    exposures,
    ptraceCapable,
  };
}

const identity = ({ comm, class: cls }: Program) => ({ comm, uid: cls.facts.uids.real });

function exposureIn({ exposures, side }: Side, key: string): DiffProgram['before'] {
  const found = exposures.get(key);
  if (found === undefined) return null;
  const at = effectiveScope(side.scope);
  return { certain: found.tracers.certain[at], possible: found.tracers.possible[at] };
}

/** The change in the number of processes that may trace the program. The change is negative only if no bound has grown. */
function change({ before, after }: DiffProgram): number {
  const atLeast = (after?.certain ?? 0) - (before?.certain ?? 0);
  const atMost = atLeast + (after?.possible ?? 0) - (before?.possible ?? 0);
  return atLeast > 0 || atMost > 0 ? Math.max(atLeast, atMost) : Math.min(atLeast, atMost);
}

const missing = (of: Side, from: Side) =>
  [...of.ptraceCapable]
    .filter(([key]) => !from.ptraceCapable.has(key))
    .map(([, program]) => identity(program));

/**
 * Compares two snapshots, of one host or of two hosts, or one snapshot at two values of ptrace_scope. Programs are matched by
 * name and uid.
 *
 * Applies to: pure data.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` for another ptrace_scope than 0, 1, 2 and 3
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the relatives of the processes take too many steps
 * @see docs/map.md
 * @example
 * ```js
 * import { diffHosts } from 'tracegate/map';
 * import { observe } from 'tracegate/snapshot';
 *
 * const snapshot = { ...observe(), name: 'web-1' };
 * const { before, after, moreExposed } = diffHosts([snapshot, 0], [snapshot, 2]);
 * console.log(before.scope, after.scope, moreExposed); // 0 2 []
 * ```
 */
export function diffHosts(
  [before, beforeScope]: readonly [Snapshot, PtraceScopeValue?],
  [after, afterScope]: readonly [Snapshot, PtraceScopeValue?],
): MapDiff {
  const a = sideOf(before, beforeScope);
  const b = sideOf(after, afterScope);
  const programs = [...new Set([...a.exposures.keys(), ...b.exposures.keys()])].flatMap(key => {
    const found = b.exposures.get(key) ?? a.exposures.get(key);
    if (found === undefined) return [];
    return [{ ...identity(found.program), before: exposureIn(a, key), after: exposureIn(b, key) }];
  });
  const by = (sign: 1 | -1) =>
    programs.filter(one => change(one) * sign > 0).sort((one, other) => (change(other) - change(one)) * sign);
  return {
    before: a.side,
    after: b.side,
    moreExposed: by(1),
    lessExposed: by(-1),
    newPtraceCapable: missing(b, a),
    gonePtraceCapable: missing(a, b),
  };
}
