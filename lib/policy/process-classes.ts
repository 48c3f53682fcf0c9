import type { HostFacts, Snapshot } from '../kernel/host.js';
import { isHeadless } from '../kernel/probe-outcome.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { tableOf } from './ancestry.js';
import { appendTo } from './append-to.js';
import type { Fact } from './fact.js';
import { hasLikeThreads, tracerProcesses } from './threads.js';

/** Processes that the rules can't tell apart, but for who descends from whom. */
export interface ProcessClass {
  id: number;
  /** One of them. */
  facts: ProcessFacts;
  members: Node[];
  /** Whether the way up from each is seen to its end. */
  isRooted: boolean;
  /** Whom they let in at ptrace_scope 1, of those that are no relatives. */
  admitsStrangers: Fact | 'unless-rooted';
}

/** A process in its place. */
export interface Node {
  facts: ProcessFacts;
  pid: number;
  /** Its place among the nodes of the index. */
  place: number;
  /** Null: it can't be had, being a thread, a kernel thread or a zombie. */
  class: ProcessClass | null;
  /** Null where none is seen. */
  parent: Node | null;
  children: Node[];
  /** The processes of which it traces a thread. */
  tracees: Node[];
}

export interface HostIndex {
  host: HostFacts;
  nodes: Map<number, Node>;
  classes: ProcessClass[];
  /** How many processes are of a class, and so can be traced at all. */
  traceable: number;
  /** Who has declared the process with that pid, which need not be seen. */
  declaring: Map<number, Node[]>;
}

/** /proc lists processes, no threads: also of one that it hides, the pid is the leader's. */
function asLeader(facts: ProcessFacts): ProcessFacts {
  const its = facts.tgid === null ? { ...facts, tgid: facts.pid } : facts;
  // It runs on, and of what runs nothing is seen.
  return isHeadless(its) ? { ...its, kind: 'unknown', dumpable: null, memoryUserNs: null } : its;
}

const canBeHad = ({ kind, pid, tgid }: ProcessFacts) =>
  kind !== 'kernel-thread' && kind !== 'zombie' && tgid === pid;

type Table = Map<number, ProcessFacts>;

/**
 * Of each process whether the way up ends in our pid namespace's first, or beyond it; not where it leads through what isn't
 * seen, or in a circle.
 */
function rootedness(processes: readonly ProcessFacts[], table: Table): Map<number, boolean> {
  const found = new Map<number, boolean>();
  for (const { pid } of processes) {
    const way: number[] = [];
    let at: number = pid;
    let isRooted = found.get(pid);
    while (isRooted === undefined) {
      way.push(at);
      // Whoever comes back to it goes in a circle.
      found.set(at, false);
      const above = table.get(at)?.ppid ?? null;
      isRooted = above === 0 ? true : above === null ? false : found.get(above);
      at = above ?? 0;
    }
    for (const each of way) found.set(each, isRooted);
  }
  return found;
}

/** Of a declared pid the process that it names. Null: nobody who is seen. */
const namedBy = (declared: number, table: Table): number | null => {
  const seen = table.get(declared);
  return seen === undefined ? null : (seen.tgid ?? seen.pid);
};

/** As lib/policy/yama.ts has it of a tracer that is neither an ancestor nor attached, nor surely declared. */
function admission({ declaredTracer, tracerTgid }: ProcessFacts, isRooted: boolean, table: Table) {
  if (declaredTracer === 'any') return true;
  if (declaredTracer === 'unknown' || !isRooted || tracerTgid === null) return null;
  if (declaredTracer === 'none') return false;
  return namedBy(declaredTracer, table) === null ? null : 'unless-rooted';
}

/** Which threads have these rights is nothing that the rules look at. */
const rightsKey = ({ threadRights }: ProcessFacts) =>
  JSON.stringify(threadRights?.map(({ tid: _, ...rights }) => rights) ?? null);

export const ruledOutKey = ({ userNsRuledOut }: ProcessFacts) =>
  userNsRuledOut === null ? '' : Object.values(userNsRuledOut).join();

/** The label is last: it is the only part that may have any character. */
const keyOf = (facts: ProcessFacts, isRooted: boolean, admits: ProcessClass['admitsStrangers']) => {
  const { uids, gids, userNs, memoryUserNs, capPermitted, capInheritable, capBounding, lsmLabel } = facts;
  const ids = `${uids.real},${uids.effective},${uids.saved},${gids.real},${gids.effective},${gids.saved}`;
  const capabilities = `${capPermitted}|${capInheritable}|${capBounding}`;
  const others = `${facts.dumpable}|${facts.seccomp}|${facts.noNewPrivs}|${facts.kind}|${isRooted}|${admits}`;
  const threads = hasLikeThreads(facts) ? '' : rightsKey(facts);
  const namespaces = `${userNs}|${ruledOutKey(facts)}|${memoryUserNs}`;
  return `${ids}|${namespaces}|${capabilities}|${others}|${threads}|${lsmLabel === null}|${lsmLabel}`;
};

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

/** The processes of a snapshot in classes, made once a snapshot. */
export function indexOf({ host, processes }: Snapshot): HostIndex {
  const made = indices.get(processes);
  if (made !== undefined) return made;
  const table = tableOf(processes);
  const rooted = rootedness(processes, table);
  const byKey = new Map<string, ProcessClass>();
  const classOf = (facts: ProcessFacts): ProcessClass => {
    const isRooted = rooted.get(facts.pid) ?? false;
    const admitsStrangers = admission(facts, isRooted, table);
    const key = keyOf(facts, isRooted, admitsStrangers);
    const found = byKey.get(key) ?? { id: byKey.size, facts, members: [], isRooted, admitsStrangers };
    byKey.set(key, found);
    return found;
  };
  const nodes = new Map<number, Node>();
  for (const seen of table.values()) {
    const facts = asLeader(seen);
    const its = canBeHad(facts) ? classOf(facts) : null;
    const place = nodes.size;
    const node = { facts, pid: facts.pid, place, class: its, parent: null, children: [], tracees: [] };
    nodes.set(facts.pid, node);
    its?.members.push(node);
  }
  const classes = [...byKey.values()];
  const traceable = classes.reduce((total, { members }) => total + members.length, 0);
  const index = { host, nodes, classes, traceable, declaring: new Map() };
  link(index, table);
  indices.set(processes, index);
  return index;
}

/** Whether one of that class is let in at ptrace_scope 1 by a target that it is no relative of. */
export function admits(target: ProcessClass, tracer: Pick<ProcessClass, 'isRooted'>): Fact {
  const { admitsStrangers } = target;
  return admitsStrangers === 'unless-rooted' ? (tracer.isRooted ? false : null) : admitsStrangers;
}
