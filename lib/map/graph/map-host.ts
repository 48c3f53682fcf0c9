import { capabilityNames } from '../../kernel/capabilities.js';
import type { Snapshot } from '../../kernel/host.js';
import type { PtraceScope, PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { scopeOf } from '../../kernel/ptrace-scope.js';
import { checkedOptions, type OptionKinds, SCOPE } from '../../options.js';
import { mayBeActive } from '../../policy/access/other-lsm.js';
import { runningTracers } from '../../policy/access/running-tracers.js';
import { appendTo } from '../../policy/reach/append-to.js';
import { type HostIndex, indexOf, type ProcessClass } from '../../policy/reach/process-classes.js';
import { Bounds, ReachCounter } from '../../policy/reach/reach.js';
import { adviceFor } from './advice.js';
import { type ClassEdge, type HostEdges, hostEdges } from './edge-counts.js';
import type { ByScope, Dangerous, Exposed, HostMap, MapClass, MapProgram } from './map-types.js';
import { inspectorState } from './process-status.js';
import { type Program, programsOf } from './programs.js';
import { SECRET_KEEPERS } from './secret-keepers.js';
import { isWhole } from './states.js';

const isMixed = ({ facts: { uids, gids } }: ProcessClass) =>
  [uids, gids].some(({ real, effective, saved }) => real !== effective || real !== saved);

function mapClass(cls: ProcessClass, programs: readonly Program[], { ptraceCapable }: HostEdges): MapClass {
  const { uids, gids, userNs, dumpable, capPermitted, lsmLabel } = cls.facts;
  return {
    id: cls.id,
    size: cls.members.length,
    programs: programs.map(({ comm, members }) => ({
      comm,
      count: members.length,
      pid: members[0]?.pid ?? 0,
    })),
    uid: uids.real,
    gid: gids.real,
    hasMixedIds: isMixed(cls),
    userNs,
    dumpable,
    capabilities: capPermitted === null ? null : capabilityNames(BigInt(`0x${capPermitted}`)),
    isPtraceCapable: ptraceCapable.has(cls),
    lsmLabel,
  };
}

const mapProgram = ({ comm, class: cls, members }: Program, pid: number): MapProgram => ({
  comm,
  pid,
  count: members.length,
  class: cls.id,
});

const sum = ({ certain, possible }: { certain: number; possible: number }): number => certain + possible;

/** The most entries of a list, by default. */
const LISTED = 50;

function exposedOf(programs: readonly Program[], scope: keyof ByScope, most: number): Exposed[] {
  const open = programs
    .map((program): Open => {
      const { node, tracers } = program.mostExposed;
      return { program, pid: node.pid, tracers, keepsSecrets: SECRET_KEEPERS.has(program.comm ?? '') };
    })
    .filter(({ tracers: { certain, possible } }) => certain[0] + possible[0] > 0);
  return first(open, most, (a, b) => moreExposed(a, b, scope)).map(
    ({ program, pid, tracers, keepsSecrets }) => ({ ...mapProgram(program, pid), tracers, keepsSecrets }),
  );
}

type Open = Pick<Exposed, 'pid' | 'tracers' | 'keepsSecrets'> & { program: Program };

/** Returns the first values in order. For a long list this is faster than a sort of all values. */
function first<T>(values: readonly T[], most: number, compare: (a: T, b: T) => number): T[] {
  let kept: T[] = [];
  let worst: T | undefined;
  for (const value of values) {
    if (worst !== undefined && compare(worst, value) <= 0) continue;
    kept.push(value);
    if (kept.length < 2 * most) continue;
    kept = kept.sort(compare).slice(0, most);
    worst = kept.at(-1);
  }
  return kept.sort(compare).slice(0, most);
}

/** Orders programs: first those that keep secrets and are surely open, then by the number of tracers. */
function moreExposed(a: Open, b: Open, scope: keyof ByScope): number {
  const losesSecrets = ({ keepsSecrets, tracers }: Open) =>
    Number(keepsSecrets && tracers.certain[scope] > 0);
  return (
    losesSecrets(b) - losesSecrets(a) ||
    b.tracers.certain[scope] - a.tracers.certain[scope] ||
    Number(b.keepsSecrets) - Number(a.keepsSecrets) ||
    b.tracers.possible[scope] - a.tracers.possible[scope] ||
    a.pid - b.pid
  );
}

/** The number of programs whose reach is computed. */
const CANDIDATES = 150;

/**
 * The classes from which a ptrace-capable process can be reached by edges between classes. Such a process may trace every
 * process.
 */
function towardsPtraceCapable(
  edges: readonly ClassEdge[],
  ptraceCapable: HostEdges['ptraceCapable'],
  scope: keyof ByScope,
): Set<ProcessClass> {
  const sources = new Map<ProcessClass, ClassEdge[]>();
  for (const edge of edges) {
    if (edge.counts.certain[scope] + edge.counts.possible[scope] === 0) continue;
    appendTo(sources, edge.to, edge);
  }
  const found = new Set(ptraceCapable);
  for (const cls of found) for (const { from } of sources.get(cls) ?? []) found.add(from);
  return found;
}

/**
 * The programs with the widest reach, without ptrace-capable processes. The candidates are the programs that reach such a
 * process, and those with most edges.
 */
function dangerousOf(
  index: HostIndex,
  programs: readonly Program[],
  edges: readonly ClassEdge[],
  ptraceCapable: HostEdges['ptraceCapable'],
  scope: keyof ByScope,
  yama: PtraceScope,
): Dangerous[] {
  const direct = new Map<ProcessClass, number>();
  for (const { from, counts } of edges) {
    const all = sum({ certain: counts.certain[scope], possible: counts.possible[scope] });
    direct.set(from, (direct.get(from) ?? 0) + all / from.members.length);
  }
  const towards = towardsPtraceCapable(edges, ptraceCapable, scope);
  const expected = ({ class: cls }: Program) =>
    (towards.has(cls) ? index.nodes.size : 0) + (direct.get(cls) ?? 0);
  const candidates = programs
    .filter(program => !ptraceCapable.has(program.class))
    .map(program => ({ program, expects: expected(program) }))
    .filter(({ expects }) => expects > 0);
  const counter = new ReachCounter(index, yama);
  return first(candidates, CANDIDATES, (a, b) => b.expects - a.expects)
    .map(({ program }) => {
      // The member with most children stands for the program, since at ptrace_scope 1 relatives count.
      const node = program.members.reduce((most, one) =>
        one.children.length > most.children.length ? one : most,
      );
      return { ...mapProgram(program, node.pid), reaches: { ...counter.of(node) } };
    })
    .filter(({ reaches }) => sum(reaches) > 0)
    .sort((a, b) => b.reaches.certain - a.reaches.certain || b.reaches.possible - a.reaches.possible)
    .slice(0, LISTED)
    .map(one => ({ ...one, confined: confinedCounts(index, one.pid, yama) }));
}

const confinedCounts = (index: HostIndex, pid: number, yama: PtraceScope): Dangerous['confined'] =>
  mayBeActive(index.host, 'landlock') ? new Bounds(index, pid, yama, true).counts : null;

function inspectorsOf(snapshot: Snapshot): HostMap['inspectors'] {
  return snapshot.processes.flatMap(({ pid, comm }) => {
    const state = inspectorState(snapshot, pid);
    return state === null ? [] : [{ pid, comm, by: state === 'open' ? 'command line' : 'SIGUSR1' } as const];
  });
}

function refusedTracers(snapshot: Snapshot, now: PtraceScopeValue): HostMap['refusedTracers'] {
  const at = (scope: 1 | 2 | 3) =>
    scope <= now
      ? []
      : runningTracers(snapshot, scope).map(({ pid, comm, target, reattach }) => ({
          pid,
          comm,
          target,
          reattach,
        }));
  return { 1: at(1), 2: at(2), 3: at(3) };
}

/** What a map is for. */
export interface MapOptions {
  /** The ptrace_scope of the map; by default the value in the snapshot. */
  scope?: PtraceScopeValue;
  /** The most exposed programs in the list; 50 by default. */
  exposed?: number;
}

const OPTIONS: OptionKinds<MapOptions> = {
  scope: SCOPE,
  exposed: {
    wanted: 'a whole number from 0 on, or Infinity',
    accepts: value =>
      value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) >= 0),
  },
};

/**
 * Makes the map of a host from a snapshot, without I/O. The map has the classes of processes, the edges between classes at each
 * ptrace_scope, the most exposed programs, the programs with the widest reach, and the most effective changes.
 *
 * Edges of processes with CAP_SYS_PTRACE over everything are not counted, since such a process may trace every other up to
 * scope 2. A host may have more than a million edges between classes. The map then only counts the edges, and `edges` and
 * `dangerous` are null.
 *
 * Applies to: pure data.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); security/yama/yama_lsm.c, yama_ptrace_access_check()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the relatives of the processes take too many steps
 * @see docs/map.md
 * @example
 * ```js
 * import { mapHost } from 'tracegate/map';
 * import { observe } from 'tracegate/snapshot';
 *
 * const snapshot = { ...observe(), name: 'web-1' };
 * const map = mapHost(snapshot, { scope: 1 });
 * console.log(map.name, map.scope, map.traceable <= map.processes); // web-1 1 true
 * ```
 */
export function mapHost(snapshot: Snapshot, options: MapOptions = {}): HostMap {
  const { scope, exposed = LISTED } = checkedOptions(options, OPTIONS);
  const index = indexOf(snapshot);
  const yama = scope === undefined ? snapshot.host.yama : scopeOf(scope);
  // If ptrace_scope is unknown or absent, the weakest value counts.
  const effective = yama.state === 'present' ? yama.value : 0;
  const edges = hostEdges(index);
  const { edges: listed } = edges;
  const programs = programsOf(index, edges);
  const byClass = new Map<ProcessClass, Program[]>(index.classes.map(cls => [cls, []]));
  for (const program of programs) byClass.get(program.class)?.push(program);
  return {
    name: snapshot.name,
    takenAt: snapshot.takenAt,
    scope: yama.state === 'present' ? yama.value : yama.state,
    processes: snapshot.processes.length,
    traceable: index.traceable,
    isWhole: isWhole(snapshot),
    classes: index.classes.map(cls => mapClass(cls, byClass.get(cls) ?? [], edges)),
    edges: listed?.map(({ from, to, counts }) => ({ from: from.id, to: to.id, ...counts })) ?? null,
    edgesByScope: edges.total.certain,
    possibleEdgesByScope: edges.total.possible,
    exposed: exposedOf(programs, effective, exposed),
    dangerous: listed && dangerousOf(index, programs, listed, edges.ptraceCapable, effective, yama),
    advice: adviceFor(programs, yama),
    // The tracers that a scope stricter than the map's would refuse.
    refusedTracers: refusedTracers({ ...snapshot, host: { ...snapshot.host, yama } }, effective),
    inspectors: inspectorsOf(snapshot),
  };
}
