import { TracegateError } from '../errors.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { type Access, classAccessOf } from '../policy/class-access.js';
import type { Fact } from '../policy/fact.js';
import { mayHavePowerIn, rulesOver } from '../policy/guises.js';
import { admits, type HostIndex, type Node, type ProcessClass } from '../policy/process-classes.js';
import { push } from '../policy/push.js';
import { passes, scopeOf } from '../policy/spread.js';
import { threadsOf } from '../policy/threads.js';
import type { ByScope, EdgeCounts } from './host-map.js';

const YAMAS = [scopeOf(0), scopeOf(1), scopeOf(2), scopeOf(3)] as const;

export const noCounts = (): EdgeCounts => ({
  certain: { 0: 0, 1: 0, 2: 0, 3: 0 },
  possible: { 0: 0, 1: 0, 2: 0, 3: 0 },
});

export function addCounts(into: EdgeCounts, more: EdgeCounts, times = 1): void {
  const { certain, possible } = into;
  for (let scope: keyof ByScope | 4 = 0; scope < 4; scope++) {
    certain[scope as 0] += more.certain[scope as 0] * times;
    possible[scope as 0] += more.possible[scope as 0] * times;
  }
}

/** Adds that many pairs, of which Yama knows that. */
function addPairs(into: EdgeCounts, access: Access, isRelated: Fact, pairs: number): void {
  let scope = 0;
  for (const yama of YAMAS) {
    const fact = passes(yama, access, isRelated);
    if (fact === true) into.certain[scope as 0] += pairs;
    else if (fact === null) into.possible[scope as 0] += pairs;
    scope++;
  }
}

/** From the processes of a class to those of another, or of its own. */
export interface ClassEdge {
  from: ProcessClass;
  to: ProcessClass;
  access: Access;
  /** By pairs. */
  counts: EdgeCounts;
}

/** What a map may cost in memory and in time. */
const MOST_EDGES = 1_000_000;
const MOST_STEPS = 5_000_000;

/** Counts up to what is too much, so that a host that somebody has filled to that end is told, and not waited for. */
function limited(most: number, what: string): () => void {
  let spent = 0;
  return () => {
    if (++spent <= most) return;
    const cause = 'the host has thousands of processes of different rights';
    const remedy = 'tracegate scan shows whose they are, tracegate map --from PID looks from one';
    const text = `more than ${most} ${what} are too many for a map: ${cause} (${remedy})`;
    throw new TracegateError('ERR_TRACEGATE_SNAPSHOT', text);
  };
}

export interface HostEdges {
  /** Who surely has CAP_SYS_PTRACE over the initial user namespace, and all below. No edge of theirs is counted. */
  masters: ReadonlySet<ProcessClass>;
  edges: ClassEdge[];
  /** How many may trace a process of the class. */
  into: ReadonlyMap<ProcessClass, EdgeCounts>;
  /** Of those the ones that it would surely let in no more if it were not dumpable. */
  shutOut: ReadonlyMap<ProcessClass, EdgeCounts>;
  /** How many of `into` and `shutOut` are certain at ptrace_scope 1 instead of possible, or not there, as relatives. */
  relatives: ReadonlyMap<Node, EdgeCounts>;
  total: EdgeCounts;
}

function mastersOf({ host, classes }: HostIndex): Set<ProcessClass> {
  const initial = Object.keys(host.userNsParents).find(id => host.userNsParents[id]?.parent === 'none');
  if (initial === undefined) return new Set();
  // Nobody makes the initial one: only a capability helps.
  const mayRule = (facts: ProcessFacts) => mayHavePowerIn(facts, host.userNsParents).below !== false;
  const rules = (facts: ProcessFacts) => mayRule(facts) && rulesOver(facts, initial, host.userNsParents);
  return new Set(classes.filter(({ facts }) => threadsOf(facts).some(rules)));
}

function shift({ certain, possible }: EdgeCounts, fact: Fact, pairs: number): void {
  if (fact === true) certain[1] += pairs;
  else if (fact === null) possible[1] += pairs;
}

/** The classes that have an edge to a class and that capabilities alone don't let in. */
type Sources = ReadonlyMap<ProcessClass, readonly ClassEdge[]>;

function sourcesOf(edges: readonly ClassEdge[]): Sources {
  const sources = new Map<ProcessClass, ClassEdge[]>();
  for (const edge of edges) {
    if (edge.access.byCapability === true) continue;
    push(sources, edge.to, edge);
  }
  return sources;
}

/**
 * Goes through the trees of processes with the number of ancestors of each class. Not into circles, which only a race while
 * the snapshot was taken can make: that leaves relatives out.
 */
function countAncestors(
  index: HostIndex,
  sources: Sources,
  add: (to: Node, edge: ClassEdge, pairs: number) => void,
) {
  const above = new Map<ProcessClass, number>();
  const step = (node: Node, by: 1 | -1) => {
    if (node.class !== null) above.set(node.class, (above.get(node.class) ?? 0) + by);
  };
  const roots = [...index.nodes.values()].filter(({ parent }) => parent === null);
  const stack = roots.map(node => ({ node, isLeft: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, isLeft } = top;
    if (isLeft) {
      step(node, -1);
      continue;
    }
    for (const edge of node.class === null ? [] : (sources.get(node.class) ?? [])) {
      const pairs = above.get(edge.from) ?? 0;
      if (pairs > 0) add(node, edge, pairs);
    }
    if (node.children.length === 0) continue;
    step(node, 1);
    stack.push({ node, isLeft: true });
    for (const child of node.children) stack.push({ node: child, isLeft: false });
  }
}

function isAncestor(node: Node, of: Node, spend: () => void): boolean {
  const passed = new Set<Node>();
  for (let at = of.parent; at !== null && !passed.has(at); at = at.parent) {
    if (at === node) return true;
    passed.add(at);
    spend();
  }
  return false;
}

/** Who traces it now, and whom it has declared, with what descends from that. */
function* otherRelatives({ nodes, declaring }: HostIndex): Generator<[from: Node, to: Node]> {
  for (const node of nodes.values()) for (const tracee of node.tracees) yield [node, tracee];
  if (declaring.size === 0) return;
  // Who isn't seen may be seen to be a parent.
  const orphans = new Map<number, Node[]>();
  for (const node of nodes.values()) {
    if (node.parent !== null || node.facts.ppid === null) continue;
    push(orphans, node.facts.ppid, node);
  }
  for (const [pid, declarers] of declaring) {
    const named = nodes.get(pid);
    const below = named ? [named] : [...(orphans.get(pid) ?? [])];
    const passed = new Set<Node>();
    for (let at = below.pop(); at !== undefined; at = below.pop()) {
      if (passed.has(at)) continue;
      passed.add(at);
      for (const target of declarers) yield [at, target];
      for (const child of at.children) below.push(child);
    }
  }
}

function relativesOf(index: HostIndex, edges: readonly ClassEdge[]): Map<Node, EdgeCounts> {
  const sources = sourcesOf(edges);
  const relatives = new Map<Node, EdgeCounts>();
  // Only ptrace_scope 1 asks for a relation.
  const add = (to: Node, { from, to: its, access, counts }: ClassEdge, pairs: number) => {
    const asStrangers = passes(YAMAS[1], access, admits(its, from));
    const asRelatives = passes(YAMAS[1], access, true);
    if (asStrangers === asRelatives) return;
    const known = relatives.get(to) ?? noCounts();
    for (const each of [known, counts]) {
      shift(each, asRelatives, pairs);
      shift(each, asStrangers, -pairs);
    }
    relatives.set(to, known);
  };
  countAncestors(index, sources, add);
  const met = new Map<Node, Set<Node>>();
  const spend = limited(MOST_STEPS, 'steps from relative to relative');
  for (const [from, to] of otherRelatives(index)) {
    spend();
    const edge = to.class && sources.get(to.class)?.find(one => one.from === from.class);
    const others = met.get(to) ?? new Set();
    met.set(to, others);
    if (!edge || from === to || others.has(from) || isAncestor(from, to, spend)) continue;
    others.add(from);
    add(to, edge, 1);
  }
  return relatives;
}

/** From one class, without what relatives may beside. */
export function edgesFrom(index: HostIndex, from: ProcessClass): ClassEdge[] {
  const edges: ClassEdge[] = [];
  for (const { target, access } of classAccessOf(index).rowsOf(from)) {
    for (const to of target.classes) {
      const pairs = from.members.length * (to.members.length - (from === to ? 1 : 0));
      if (pairs === 0) continue;
      const counts = noCounts();
      addPairs(counts, access, admits(to, from), pairs);
      edges.push({ from, to, access, counts });
    }
  }
  return edges;
}

function edgesOf(index: HostIndex, masters: ReadonlySet<ProcessClass>): ClassEdge[] {
  const spend = limited(MOST_EDGES, 'edges between classes of processes');
  const edges: ClassEdge[] = [];
  for (const from of index.classes) {
    if (masters.has(from)) continue;
    for (const edge of edgesFrom(index, from)) {
      spend();
      edges.push(edge);
    }
  }
  return edges;
}

const counted = new WeakMap<HostIndex, HostEdges>();

/** Counts the ordered pairs of processes of which one may trace the other at once, at each ptrace_scope; once an index. */
export function hostEdges(index: HostIndex): HostEdges {
  const made = counted.get(index);
  if (made !== undefined) return made;
  const edges = count(index);
  counted.set(index, edges);
  return edges;
}

function count(index: HostIndex): HostEdges {
  const masters = mastersOf(index);
  const edges = edgesOf(index, masters);
  const into = new Map(index.classes.map(its => [its, noCounts()]));
  const shutOut = new Map(index.classes.map(its => [its, noCounts()]));
  for (const { from, to, access } of edges) {
    const tracers = from.members.length - (from === to ? 1 : 0);
    const isRelated = admits(to, from);
    addPairs(into.get(to) ?? noCounts(), access, isRelated, tracers);
    if (access.byCapability !== true) addPairs(shutOut.get(to) ?? noCounts(), access, isRelated, tracers);
  }
  const relatives = relativesOf(index, edges);
  const total = noCounts();
  for (const { counts } of edges) addCounts(total, counts);
  return { masters, edges, into, shutOut, relatives, total };
}
