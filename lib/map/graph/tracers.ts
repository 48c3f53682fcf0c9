import { type PtraceScope, yamaDemand } from '../../kernel/ptrace-scope.js';
import type { Fact } from '../../policy/access/fact.js';
import { tracerProcesses } from '../../policy/access/threads.js';
import type { Access } from '../../policy/access/yama-decision.js';
import { yamaDecision } from '../../policy/access/yama-decision.js';
import { classAccessOf } from '../../policy/reach/class-access.js';
import {
  admits,
  type HostIndex,
  type ProcessClass,
  type ProcessNode,
} from '../../policy/reach/process-classes.js';

export interface Bound {
  certain: number;
  possible: number;
}

interface Source {
  from: ProcessClass;
  access: Access;
}

const inverted = new WeakMap<HostIndex, ReadonlyMap<ProcessClass, readonly Source[]>>();

/** For each class, the classes with some access to it. Each index is computed once. */
function sourcesOf(index: HostIndex): ReadonlyMap<ProcessClass, readonly Source[]> {
  const made = inverted.get(index);
  if (made !== undefined) return made;
  const sources = new Map<ProcessClass, Source[]>(index.classes.map(cls => [cls, []]));
  const access = classAccessOf(index);
  for (const from of index.classes) {
    for (const row of access.rowsOf(from)) {
      for (const to of row.target.classes) sources.get(to)?.push({ from, access: row.access });
    }
  }
  inverted.set(index, sources);
  return sources;
}

const asksRelation = (yama: PtraceScope) => yamaDemand(yama) === 'relation';

/** A process and all its descendants. */
function* below(top: ProcessNode): Generator<ProcessNode> {
  const passed = new Set<ProcessNode>();
  const left = [top];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (passed.has(at)) continue;
    passed.add(at);
    yield at;
    for (const child of at.children) left.push(child);
  }
}

/** A process and its ancestors. A race may have left a circle of parents in a snapshot; each process still comes once. */
function* upwards(from: ProcessNode): Generator<ProcessNode> {
  const passed = new Set<ProcessNode>();
  for (let at: ProcessNode | null = from; at !== null && !passed.has(at); at = at.parent) {
    passed.add(at);
    yield at;
  }
}

/** The processes that Yama accepts as relatives: ancestors, the present tracer, and the declared tracer with its descendants. */
function relativesOf({ nodes }: HostIndex, node: ProcessNode): Set<ProcessNode> {
  const found = new Set(upwards(node));
  for (const pid of tracerProcesses(node.facts)) {
    const tracer = nodes.get(pid);
    if (tracer !== undefined) found.add(tracer);
  }
  if (typeof node.facts.declaredTracer === 'number') {
    const pid = nodes.get(node.facts.declaredTracer)?.facts.tgid ?? node.facts.declaredTracer;
    const named = nodes.get(pid);
    // If the snapshot lacks the declared tracer, its children still name it as their parent.
    const tops = named ? [named] : [...nodes.values()].filter(({ facts }) => facts.ppid === pid);
    for (const top of tops) for (const each of below(top)) found.add(each);
  }
  found.delete(node);
  return found;
}

function add(bounds: Map<ProcessClass, Bound>, cls: ProcessClass, fact: Fact, count: number): void {
  if (fact === false || count === 0) return;
  const bound = bounds.get(cls) ?? { certain: 0, possible: 0 };
  bound[fact ? 'certain' : 'possible'] += count;
  bounds.set(cls, bound);
}

/**
 * For each class, the number of processes that may trace `node` directly, including those with CAP_SYS_PTRACE.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check()
 */
export function tracersOf(index: HostIndex, node: ProcessNode, yama: PtraceScope): Map<ProcessClass, Bound> {
  const bounds = new Map<ProcessClass, Bound>();
  const cls = node.class;
  if (cls === null) return bounds;
  const related = new Map<ProcessClass, number>();
  for (const { class: one } of asksRelation(yama) ? relativesOf(index, node) : []) {
    if (one !== null) related.set(one, (related.get(one) ?? 0) + 1);
  }
  for (const { from, access } of sourcesOf(index).get(cls) ?? []) {
    const relatives = related.get(from) ?? 0;
    const others = from.members.length - relatives - (from === cls ? 1 : 0);
    add(bounds, from, yamaDecision(yama, access, admits(cls, from)), others);
    add(bounds, from, yamaDecision(yama, access, true), relatives);
  }
  return bounds;
}

/** The classes with a process that one of `nodes` may trace directly. All `nodes` are of one class. */
export function targetsOf(
  index: HostIndex,
  nodes: readonly ProcessNode[],
  yama: PtraceScope,
): Map<ProcessClass, 'certain' | 'possible'> {
  const found = new Map<ProcessClass, 'certain' | 'possible'>();
  const cls = nodes[0]?.class ?? null;
  if (cls === null) return found;
  const access = classAccessOf(index);
  const meet = (to: ProcessClass, fact: Fact) => {
    if (fact === true) found.set(to, 'certain');
    else if (fact === null && !found.has(to)) found.set(to, 'possible');
  };
  for (const row of access.rowsOf(cls)) {
    for (const to of row.target.classes) {
      if (to !== cls || to.members.length > 1) meet(to, yamaDecision(yama, row.access, admits(to, cls)));
    }
  }
  if (!asksRelation(yama)) return found;
  const searched = new Set<ProcessNode>();
  const ask = (node: ProcessNode, target: ProcessNode) => {
    if (target === node || target.class === null || found.get(target.class) === 'certain') return;
    meet(target.class, yamaDecision(yama, access.of(cls, target.class), true));
  };
  for (const node of nodes) {
    for (const tracee of node.tracees) ask(node, tracee);
    for (const above of upwards(node)) {
      const pids = above.parent === null && above.facts.ppid ? [above.pid, above.facts.ppid] : [above.pid];
      for (const pid of pids) for (const declarer of index.declaring.get(pid) ?? []) ask(node, declarer);
    }
    const left = [...node.children];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (searched.has(at)) continue;
      searched.add(at);
      ask(node, at);
      for (const child of at.children) left.push(child);
    }
  }
  return found;
}
