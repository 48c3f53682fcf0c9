import type { ProcessFacts } from '../../kernel/process-facts.js';
import { scopeOf } from '../../kernel/ptrace-scope.js';
import { threadsOf } from '../../policy/access/threads.js';
import type { Access } from '../../policy/access/yama-decision.js';
import { yamaDecision } from '../../policy/access/yama-decision.js';
import { mayHavePowerIn, rulesOver } from '../../policy/reach/assumable-credentials.js';
import { ACCESSES, classAccessOf, codeOf, FACTS, placeOf } from '../../policy/reach/class-access.js';
import { codeIn, targetIn } from '../../policy/reach/known-answers.js';
import {
  admits,
  type HostIndex,
  type ProcessClass,
  type ProcessNode,
} from '../../policy/reach/process-classes.js';
import { addCounts, noCounts } from './counts.js';
import type { EdgeCounts } from './map-types.js';
import { addRelatives } from './relatives.js';
import { MOST_EDGES } from './unlisted.js';

const YAMAS = [scopeOf(0), scopeOf(1), scopeOf(2), scopeOf(3)] as const;

/** A way: a number for a combination of the access and of whether the target admits the tracer as a stranger. */
const WAYS = ACCESSES.length * FACTS.length;
const wayOf = (access: number, isAdmitted: number) => access * FACTS.length + isAdmitted;
const accessIn = (way: number): Access | undefined => ACCESSES[Math.floor(way / FACTS.length)];

/** The counts of a single pair, by its way. */
const ONE_PAIR: readonly EdgeCounts[] = Array.from({ length: WAYS }, (_, way) => {
  const counts = noCounts();
  const access = accessIn(way);
  const isRelated = FACTS[way % FACTS.length] ?? null;
  for (const [scope, yama] of YAMAS.entries()) {
    const fact = access === undefined ? false : yamaDecision(yama, access, isRelated);
    if (fact !== false) counts[fact ? 'certain' : 'possible'][scope as 0] = 1;
  }
  return counts;
});

/** The pairs of a tracer of one class and a target of another, or of the same, class. */
export interface ClassEdge {
  from: ProcessClass;
  to: ProcessClass;
  access: Access;
  /** The number of pairs. Edges with equal counts may share this object. */
  counts: EdgeCounts;
}

export interface HostEdges {
  /** The classes that surely have CAP_SYS_PTRACE over the initial user namespace and all others. Their edges aren't counted. */
  ptraceCapable: ReadonlySet<ProcessClass>;
  /** Null if there are more than {@link MOST_EDGES} edges, which are then only counted. */
  edges: readonly ClassEdge[] | null;
  /** The number of processes that may trace a process of the class. */
  incoming: ReadonlyMap<ProcessClass, EdgeCounts>;
  /** The number of those processes that could surely no longer trace a process that isn't dumpable. */
  removedByOptOut: ReadonlyMap<ProcessClass, EdgeCounts>;
  /**
   * For each process, the tracers of `incoming` and `removedByOptOut` that are certain at ptrace_scope 1 because of a
   * relation. By the classes alone these tracers would be possible, or refused.
   */
  relatives: ReadonlyMap<ProcessNode, EdgeCounts>;
  total: EdgeCounts;
}

function ptraceCapableOf({ host, classes }: HostIndex): Set<ProcessClass> {
  const initial = Object.keys(host.userNsParents).find(id => host.userNsParents[id]?.parent === 'none');
  if (initial === undefined) return new Set();
  // The initial user namespace has no creator, so only a capability gives power over it.
  const mayRule = (facts: ProcessFacts) => mayHavePowerIn(facts, host.userNsParents).below !== false;
  const rules = (facts: ProcessFacts) => mayRule(facts) && rulesOver(facts, initial, host.userNsParents);
  return new Set(classes.filter(({ facts }) => threadsOf(facts).some(rules)));
}

/** The number of pairs between the members of two classes. */
const pairsOf = (from: ProcessClass, to: ProcessClass) =>
  from.members.length * (to.members.length - (from === to ? 1 : 0));

/** Shares one counts object between all edges with the same way and number of pairs. */
class AlikeCounts {
  readonly #known = new Map<number, EdgeCounts>();

  of(way: number, pairs: number): EdgeCounts {
    const key = pairs * WAYS + way;
    let counts = this.#known.get(key);
    if (counts === undefined) {
      counts = noCounts();
      addCounts(counts, ONE_PAIR[way] ?? counts, pairs);
      this.#known.set(key, counts);
    }
    return counts;
  }
}

const NO_ACCESS = ACCESSES[0] as Access;

/** The edges from one class, without the effect of relations. */
export function edgesFrom(index: HostIndex, from: ProcessClass): ClassEdge[] {
  const alike = new AlikeCounts();
  return classAccessOf(index)
    .rowsOf(from)
    .flatMap(({ target, access }) =>
      target.classes.flatMap(to => {
        const pairs = pairsOf(from, to);
        const way = wayOf(codeOf(access), placeOf(admits(to, from)));
        return pairs === 0 ? [] : [{ from, to, access, counts: alike.of(way, pairs) }];
      }),
    );
}

const counted = new WeakMap<HostIndex, HostEdges>();

/** Counts the pairs of processes of which the first may trace the second, at each ptrace_scope. Each index is counted once. */
export function hostEdges(index: HostIndex): HostEdges {
  const made = counted.get(index);
  if (made !== undefined) return made;
  const edges = countEdges(index);
  counted.set(index, edges);
  return edges;
}

/** Adds up the counts of one column of a table. The table has a row for each way, and its cells are numbers of pairs. */
function sumOf(tallies: Float64Array, column: number, counts: (way: number) => boolean): EdgeCounts {
  const columns = tallies.length / WAYS;
  const sum = noCounts();
  for (let way = 0; way < WAYS; way++) {
    const pairs = tallies[way * columns + column] as number;
    if (pairs > 0 && counts(way)) addCounts(sum, ONE_PAIR[way] as EdgeCounts, pairs);
  }
  return sum;
}

/** Counts the edges between classes, and lists them unless there are too many. */
class EdgeCounter {
  /** Null if there are too many edges for a list. */
  edges: ClassEdge[] | null = [];
  /** For each way, and then for each target class, the number of processes that may trace a process of the class. */
  readonly tracers: Float64Array;
  /** The number of pairs of each way. */
  readonly pairs = new Float64Array(WAYS);
  readonly #index: HostIndex;
  readonly #most: number;
  readonly #alike = new AlikeCounts();
  readonly #sizes: Float64Array;
  /** For each class, whether it admits a stranger. The second array is for tracers whose ancestors aren't all seen. */
  readonly #admits: readonly [Uint8Array, Uint8Array];

  constructor(index: HostIndex, most: number) {
    const { classes } = index;
    this.#index = index;
    this.#most = most;
    this.tracers = new Float64Array(classes.length * WAYS);
    this.#sizes = Float64Array.from(classes, ({ members }) => members.length);
    const admission = (isRooted: boolean) =>
      Uint8Array.from(classes, cls => placeOf(admits(cls, { isRooted })));
    this.#admits = [admission(true), admission(false)];
  }

  add(from: ProcessClass): void {
    const { groups, singles } = classAccessOf(this.#index).look(from);
    for (const { target, code } of groups) for (const to of target.classes) this.#addEdge(from, to.id, code);
    for (let at = 0; at < singles.length; at++) {
      const hit = singles[at] as number;
      this.#addEdge(from, targetIn(hit), codeIn(hit));
    }
  }

  #addEdge(from: ProcessClass, to: number, access: number): void {
    const size = this.#sizes[from.id] as number;
    const tracers = from.id === to ? size - 1 : size;
    if (tracers === 0) return;
    const way = wayOf(access, this.#admits[from.isRooted ? 0 : 1][to] as number);
    const pairs = tracers * (this.#sizes[to] as number);
    const { pairs: all, tracers: into } = this;
    const at = way * this.#sizes.length + to;
    into[at] = (into[at] as number) + tracers;
    all[way] = (all[way] as number) + pairs;
    if (this.edges !== null) this.#list(from, to, way, pairs);
  }

  #list(from: ProcessClass, id: number, way: number, pairs: number): void {
    const to = this.#index.classes[id];
    if (this.edges === null || to === undefined) return;
    if (this.edges.length === this.#most) this.edges = null;
    else
      this.edges.push({ from, to, access: accessIn(way) ?? NO_ACCESS, counts: this.#alike.of(way, pairs) });
  }
}

/** @param most the most edges that are listed */
export function countEdges(index: HostIndex, most = MOST_EDGES): HostEdges {
  const { classes } = index;
  const ptraceCapable = ptraceCapableOf(index);
  const counter = new EdgeCounter(index, most);
  for (const from of classes) if (!ptraceCapable.has(from)) counter.add(from);
  const { edges, tracers, pairs } = counter;
  const shuts = (way: number) => accessIn(way)?.viaCapability !== true;
  const incoming = new Map(classes.map(cls => [cls, sumOf(tracers, cls.id, () => true)]));
  const removedByOptOut = new Map(classes.map(cls => [cls, sumOf(tracers, cls.id, shuts)]));
  const total = sumOf(pairs, 0, () => true);
  const relatives = addRelatives(index, ptraceCapable, edges, total);
  return { ptraceCapable, edges, incoming, removedByOptOut, relatives, total };
}
