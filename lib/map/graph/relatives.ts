import { TracegateError } from '../../errors.js';
import { scopeOf } from '../../kernel/ptrace-scope.js';
import type { Fact } from '../../policy/access/fact.js';
import { yamaDecision } from '../../policy/access/yama-decision.js';
import { appendTo } from '../../policy/reach/append-to.js';
import { classAccessOf } from '../../policy/reach/class-access.js';
import {
  admits,
  type HostIndex,
  type ProcessClass,
  type ProcessNode,
} from '../../policy/reach/process-classes.js';
import { noCounts } from './counts.js';
import type { ClassEdge } from './edge-counts.js';
import type { EdgeCounts } from './map-types.js';

/** Only ptrace_scope 1 asks for a relation. */
const RESTRICTED = scopeOf(1);

/** Limits for the time: steps to the descendants of declared tracers, and pairs of a process and a class of ancestors. */
const MOST_STEPS = 5_000_000;
const MOST_ANCESTORS = 200_000_000;

/**
 * Returns a counter that throws after `most` steps. A hostile user can fill a host with processes, and the error ends a map that
 * would take too long.
 */
function limited(most: number): () => void {
  let spent = 0;
  return () => {
    if (++spent <= most) return;
    const cause = 'the host has thousands of processes of different rights';
    const remedy = 'tracegate scan shows whose they are, tracegate map --from PID looks from one';
    const text = `more than ${most} steps from relative to relative are too many for a map: ${cause} (${remedy})`;
    throw new TracegateError('ERR_TRACEGATE_SNAPSHOT', text);
  };
}

function shift({ certain, possible }: EdgeCounts, fact: Fact, pairs: number): void {
  if (fact === true) certain[1] += pairs;
  else if (fact === null) possible[1] += pairs;
}

type Pair = Pick<ClassEdge, 'from' | 'to' | 'access'>;

/** True if a relation changes the answer for a pair. A tracer with a sufficient capability needs no relation. */
const isUpToRelation = ({ from, to, access }: Pair): boolean =>
  access.viaCapability !== true &&
  yamaDecision(RESTRICTED, access, admits(to, from)) !== yamaDecision(RESTRICTED, access, true);

/** Finds the edges between classes whose answer a relation changes. */
interface Sources<Edge extends Pair> {
  between(from: ProcessClass, to: ProcessClass): Edge | undefined;
  /** The edges from a class of `above` to this class. */
  into(to: ProcessClass, above: ReadonlyMap<ProcessClass, number>): Iterable<Edge>;
}

class ListedSources implements Sources<ClassEdge> {
  readonly #byTarget = new Map<ProcessClass, ClassEdge[]>();

  constructor(edges: readonly ClassEdge[]) {
    for (const edge of edges) if (isUpToRelation(edge)) appendTo(this.#byTarget, edge.to, edge);
  }

  between(from: ProcessClass, to: ProcessClass): ClassEdge | undefined {
    return this.#byTarget.get(to)?.find(edge => edge.from === from);
  }

  into(to: ProcessClass): Iterable<ClassEdge> {
    return this.#byTarget.get(to) ?? [];
  }
}

/** Computes each edge on demand, for a host with too many edges for a list. */
class AskedSources implements Sources<Pair> {
  readonly #index: HostIndex;
  readonly #ptraceCapable: ReadonlySet<ProcessClass>;
  readonly #spend = limited(MOST_ANCESTORS);

  constructor(index: HostIndex, ptraceCapable: ReadonlySet<ProcessClass>) {
    this.#index = index;
    this.#ptraceCapable = ptraceCapable;
  }

  between(from: ProcessClass, to: ProcessClass): Pair | undefined {
    if (this.#ptraceCapable.has(from)) return undefined;
    const pair = { from, to, access: classAccessOf(this.#index).of(from, to) };
    return isUpToRelation(pair) ? pair : undefined;
  }

  *into(to: ProcessClass, above: ReadonlyMap<ProcessClass, number>): Generator<Pair> {
    for (const from of above.keys()) {
      this.#spend();
      const pair = this.between(from, to);
      if (pair !== undefined) yield pair;
    }
  }
}

/**
 * Visits the trees of processes and counts the ancestors of each process by class. A race while the snapshot is taken can leave
 * a circle of parents. A circle has no root, so its relatives are left out.
 */
function countAncestors<Edge extends Pair>(
  index: HostIndex,
  sources: Sources<Edge>,
  add: (to: ProcessNode, edge: Edge, pairs: number) => void,
) {
  const above = new Map<ProcessClass, number>();
  const step = (node: ProcessNode, by: 1 | -1) => {
    if (node.class === null) return;
    const left = (above.get(node.class) ?? 0) + by;
    if (left === 0) above.delete(node.class);
    else above.set(node.class, left);
  };
  const roots = [...index.nodes.values()].filter(({ parent }) => parent === null);
  const stack = roots.map(node => ({ node, isLeft: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, isLeft } = top;
    if (isLeft) {
      step(node, -1);
      continue;
    }
    for (const edge of node.class === null ? [] : sources.into(node.class, above)) {
      const pairs = above.get(edge.from) ?? 0;
      if (pairs > 0) add(node, edge, pairs);
    }
    if (node.children.length === 0) continue;
    step(node, 1);
    stack.push({ node, isLeft: true });
    for (const child of node.children) stack.push({ node: child, isLeft: false });
  }
}

function isAncestor(node: ProcessNode, of: ProcessNode, spend: () => void): boolean {
  const passed = new Set<ProcessNode>();
  for (let at = of.parent; at !== null && !passed.has(at); at = at.parent) {
    if (at === node) return true;
    passed.add(at);
    spend();
  }
  return false;
}

/** The pairs of a tracer and a target that it traces already, or that has declared the tracer or one of its ancestors. */
function* otherRelatives({ nodes, declaring }: HostIndex): Generator<[from: ProcessNode, to: ProcessNode]> {
  for (const node of nodes.values()) for (const tracee of node.tracees) yield [node, tracee];
  if (declaring.size === 0) return;
  // A declared tracer may be missing from the snapshot, while its children name it as their parent.
  const orphans = new Map<number, ProcessNode[]>();
  for (const node of nodes.values()) {
    if (node.parent !== null || node.facts.ppid === null) continue;
    appendTo(orphans, node.facts.ppid, node);
  }
  for (const [pid, declarers] of declaring) {
    const named = nodes.get(pid);
    const below = named ? [named] : [...(orphans.get(pid) ?? [])];
    const passed = new Set<ProcessNode>();
    for (let at = below.pop(); at !== undefined; at = below.pop()) {
      if (passed.has(at)) continue;
      passed.add(at);
      for (const target of declarers) yield [at, target];
      for (const child of at.children) below.push(child);
    }
  }
}

/** Corrects the counts for pairs of relatives, which were counted as strangers. */
class Relatives<Edge extends Pair> {
  readonly counts = new Map<ProcessNode, EdgeCounts>();
  readonly #total: EdgeCounts;
  readonly #countsOf: (edge: Edge) => EdgeCounts | null;

  /** @param countsOf gives the edge's own counts, or null if edges aren't listed */
  constructor(total: EdgeCounts, countsOf: (edge: Edge) => EdgeCounts | null) {
    this.#total = total;
    this.#countsOf = countsOf;
  }

  add(to: ProcessNode, edge: Edge, pairs: number): void {
    const asStrangers = yamaDecision(RESTRICTED, edge.access, admits(edge.to, edge.from));
    const asRelatives = yamaDecision(RESTRICTED, edge.access, true);
    const known = this.counts.get(to) ?? noCounts();
    this.counts.set(to, known);
    for (const each of [known, this.#total, this.#countsOf(edge)]) {
      if (each === null) continue;
      shift(each, asRelatives, pairs);
      shift(each, asStrangers, -pairs);
    }
  }

  /** Corrects the counts for all relatives of a host. */
  run(index: HostIndex, sources: Sources<Edge>): ReadonlyMap<ProcessNode, EdgeCounts> {
    countAncestors(index, sources, (to, edge, pairs) => this.add(to, edge, pairs));
    const met = new Map<ProcessNode, Set<ProcessNode>>();
    const spend = limited(MOST_STEPS);
    for (const [from, to] of otherRelatives(index)) {
      spend();
      const edge = to.class && from.class ? sources.between(from.class, to.class) : undefined;
      const others = met.get(to) ?? new Set();
      met.set(to, others);
      if (!edge || from === to || others.has(from) || isAncestor(from, to, spend)) continue;
      others.add(from);
      this.add(to, edge, 1);
    }
    return this.counts;
  }
}

/** Gives an edge its own copy of its counts before a change, since edges share counts. */
function ownCounts(): (edge: ClassEdge) => EdgeCounts {
  const owners = new Set<ClassEdge>();
  return edge => {
    if (!owners.has(edge)) {
      owners.add(edge);
      edge.counts = { certain: { ...edge.counts.certain }, possible: { ...edge.counts.possible } };
    }
    return edge.counts;
  };
}

/**
 * Adds the effect of relations at ptrace_scope 1 to the counts of `edges` and to `total`. The result is the difference to the
 * counts of strangers, for each target process.
 *
 * @param edges null if there are too many edges for a list
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the relatives take too many steps
 */
export function addRelatives(
  index: HostIndex,
  ptraceCapable: ReadonlySet<ProcessClass>,
  edges: readonly ClassEdge[] | null,
  total: EdgeCounts,
): ReadonlyMap<ProcessNode, EdgeCounts> {
  return edges === null
    ? new Relatives<Pair>(total, () => null).run(index, new AskedSources(index, ptraceCapable))
    : new Relatives(total, ownCounts()).run(index, new ListedSources(edges));
}
