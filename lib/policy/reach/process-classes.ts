import type { HostFacts, SnapshotFacts } from '../../kernel/host.js';
import { isHeadless } from '../../kernel/probe-outcome.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { tableOf } from '../access/ancestry.js';
import type { Fact } from '../access/fact.js';
import { RIGHTS, rightsKeyOf } from '../access/rule-facts.js';
import { tracerProcesses } from '../access/threads.js';
import { appendTo } from './append-to.js';

/** Processes that the rules can't tell apart, except by ancestry. */
export interface ProcessClass {
  id: number;
  /** The facts of one member. */
  facts: ProcessFacts;
  members: ProcessNode[];
  /** Whether the whole chain of parents of each member is seen. */
  isRooted: boolean;
  /** Whether a member accepts a tracer at ptrace_scope 1 that is no relative. */
  admitsStrangers: Fact | 'unless-rooted';
}

/** A process in the tree of processes. */
export interface ProcessNode {
  facts: ProcessFacts;
  pid: number;
  /** The place among the nodes of the index. */
  place: number;
  /** Null: the process can't be traced as one, because it is a thread, a kernel thread or a zombie. */
  class: ProcessClass | null;
  /** Null: the parent isn't seen. */
  parent: ProcessNode | null;
  children: ProcessNode[];
  /** The processes with a thread that this process traces. */
  tracees: ProcessNode[];
}

export interface HostIndex {
  host: HostFacts;
  processes: readonly ProcessFacts[];
  nodes: Map<number, ProcessNode>;
  classes: ProcessClass[];
  /** The number of processes in classes, which are the traceable ones. */
  traceable: number;
  /** By pid: the processes that have declared that pid as their tracer. The declared process need not be seen. */
  declaring: Map<number, ProcessNode[]>;
}

/** /proc lists processes, not threads. The pid of a process whose tgid isn't seen is therefore the pid of its leader. */
function asLeader(facts: ProcessFacts): ProcessFacts {
  const cls = facts.tgid === null ? { ...facts, tgid: facts.pid } : facts;
  // The first thread has ended, but other threads run. Nothing is seen of them.
  return isHeadless(cls) ? { ...cls, kind: 'unknown', dumpable: null, memoryUserNs: null } : cls;
}

const canBeHad = ({ kind, pid, tgid }: ProcessFacts) =>
  kind !== 'kernel-thread' && kind !== 'zombie' && tgid === pid;

type Table = Map<number, ProcessFacts>;

/**
 * By pid: whether the chain of parents ends at pid 1 of our pid namespace, or outside of it. False where a parent isn't
 * seen, or where the chain is a circle.
 */
function rootedness(processes: readonly ProcessFacts[], table: Table): Map<number, boolean> {
  const found = new Map<number, boolean>();
  for (const { pid } of processes) {
    const way: number[] = [];
    let at: number = pid;
    let isRooted = found.get(pid);
    while (isRooted === undefined) {
      way.push(at);
      // A chain that returns to this process is a circle, and the process then has this value.
      found.set(at, false);
      const above = table.get(at)?.ppid ?? null;
      isRooted = above === 0 ? true : above === null ? false : found.get(above);
      at = above ?? 0;
    }
    for (const each of way) found.set(each, isRooted);
  }
  return found;
}

/** The process that a declared pid names, by its tgid. Null: no seen process has the pid. */
const namedBy = (declared: number, table: Table): number | null => {
  const seen = table.get(declared);
  return seen === undefined ? null : (seen.tgid ?? seen.pid);
};

/** As in lib/policy/access/yama.ts, for a tracer that is no ancestor, is not attached and is not surely declared. */
function admission({ declaredTracer, tracerTgid }: ProcessFacts, isRooted: boolean, table: Table) {
  if (declaredTracer === 'any') return true;
  if (declaredTracer === 'unknown' || !isRooted || tracerTgid === null) return null;
  if (declaredTracer === 'none') return false;
  return namedBy(declaredTracer, table) === null ? null : 'unless-rooted';
}

const KEYS = RIGHTS.map(rightsKeyOf);

function keyOf(facts: ProcessFacts, isRooted: boolean, admits: ProcessClass['admitsStrangers']): string {
  let key = `${isRooted}|${admits}`;
  for (const of of KEYS) key += `|${of(facts)}`;
  return key;
}

function link({ nodes, declaring }: HostIndex, table: Table): void {
  for (const node of nodes.values()) {
    const { ppid, declaredTracer } = node.facts;
    const parent = nodes.get(ppid ?? 0);
    node.parent = parent ?? null;
    parent?.children.push(node);
    for (const tracer of tracerProcesses(node.facts)) nodes.get(tracer)?.tracees.push(node);
    if (typeof declaredTracer !== 'number') continue;
    const pid = namedBy(declaredTracer, table) ?? declaredTracer;
    appendTo(declaring, pid, node);
  }
}

const indices = new WeakMap<readonly ProcessFacts[], HostIndex>();

/** The processes of a snapshot in classes. The index is made once for each snapshot. */
export function indexOf({ host, processes }: SnapshotFacts): HostIndex {
  const made = indices.get(processes);
  if (made !== undefined) return made;
  const table = tableOf(processes);
  const rooted = rootedness(processes, table);
  const byKey = new Map<string, ProcessClass>();
  const classOf = (facts: ProcessFacts): ProcessClass => {
    const isRooted = rooted.get(facts.pid) ?? false;
    const admitsStrangers = admission(facts, isRooted, table);
    const key = keyOf(facts, isRooted, admitsStrangers);
    let found = byKey.get(key);
    if (found === undefined) {
      found = { id: byKey.size, facts, members: [], isRooted, admitsStrangers };
      byKey.set(key, found);
    }
    return found;
  };
  const nodes = new Map<number, ProcessNode>();
  for (const seen of table.values()) {
    const facts = asLeader(seen);
    const cls = canBeHad(facts) ? classOf(facts) : null;
    const place = nodes.size;
    const node = { facts, pid: facts.pid, place, class: cls, parent: null, children: [], tracees: [] };
    nodes.set(facts.pid, node);
    cls?.members.push(node);
  }
  const classes = [...byKey.values()];
  const traceable = classes.reduce((total, { members }) => total + members.length, 0);
  const index = { host, processes, nodes, classes, traceable, declaring: new Map() };
  link(index, table);
  indices.set(processes, index);
  return index;
}

/** Whether a target of one class accepts a tracer of another class at ptrace_scope 1, where the two are no relatives. */
export function admits(target: ProcessClass, tracer: Pick<ProcessClass, 'isRooted'>): Fact {
  const { admitsStrangers } = target;
  return admitsStrangers === 'unless-rooted' ? (tracer.isRooted ? false : null) : admitsStrangers;
}
