import { type PtraceScope, yamaDemand } from '../../kernel/ptrace-scope.js';
import type { Fact } from '../access/fact.js';
import { threadsOf } from '../access/threads.js';
import { yamaDecision } from '../access/yama-decision.js';
import { type ClassAccess, classAccessOf } from './class-access.js';
import { admits, type HostIndex, type ProcessClass, type ProcessNode } from './process-classes.js';

export type Relation = 'ancestor' | 'attached' | 'declared';

/** The step by which a process was reached. */
export interface Arrival {
  from: ProcessNode;
  relation: Relation | null;
}

/** Whether the fact is certain, or at least possible where `isCertain` is false. */
export const isAtLeast = (fact: Fact, isCertain: boolean) => (isCertain ? fact === true : fact !== false);

function visited(of: Map<ProcessClass, Set<ProcessNode>>, cls: ProcessClass): Set<ProcessNode> {
  const found = of.get(cls) ?? new Set();
  of.set(cls, found);
  return found;
}

/**
 * Whether a tracer that is attached already controls its tracee. An attachment outlasts changes of ids and of
 * ptrace_scope: the tracer sets registers, and it writes memory while the memory is dumpable. Where the memory isn't
 * dumpable, the tracer needs suitable code in the tracee's own program, so the answer is unknown.
 *
 * Kernel: kernel/ptrace.c, ptrace_access_vm() and arch_ptrace(), which ask ptrace_check_attach() alone
 */
function isHeld(tracee: ProcessNode, tracer: ProcessNode): Fact {
  if (tracee === tracer) return false;
  // It isn't seen which thread is the tracer, and the seccomp filter of that thread counts.
  const filters = threadsOf(tracer.facts).map(({ seccomp }) => seccomp);
  if (filters.every(seccomp => seccomp === 'strict')) return false;
  return tracee.facts.dumpable === true && filters.every(seccomp => seccomp === 'none') ? true : null;
}

/**
 * The search for all processes that one process can reach. Each class, and each process' relatives, are searched once.
 */
export class ReachSearch {
  /** The reached processes in the order of their arrival. The start is first. */
  readonly reached: ProcessNode[];
  readonly #arrivals: (Arrival | null)[] = [null];
  /** By the place of a node: the number of its arrival, counted from 1. 0: the node is not reached. */
  readonly #arrivalOf: Uint32Array;
  readonly #index: HostIndex;
  readonly #access: ClassAccess;
  readonly #yama: PtraceScope;
  readonly #isReachable: (node: ProcessNode) => Fact;
  /** By class: the processes whose descendants, and whose ancestors, a member of the class has searched already. */
  readonly #searched = new Map<ProcessClass, Set<ProcessNode>>();
  readonly #climbed = new Map<ProcessClass, Set<ProcessNode>>();
  readonly #expanded = new Set<ProcessClass>();

  /** @param isReachable whether a Landlock domain leaves a process open to the start, and to all that the start reaches */
  constructor(
    index: HostIndex,
    yama: PtraceScope,
    start: ProcessNode,
    isReachable: (node: ProcessNode) => Fact,
  ) {
    this.#isReachable = isReachable;
    this.#index = index;
    this.#access = classAccessOf(index);
    this.#yama = yama;
    this.reached = [start];
    this.#arrivalOf = new Uint32Array(index.nodes.size);
    this.#arrivalOf[start.place] = 1;
  }

  get #asksRelation(): boolean {
    return yamaDemand(this.#yama) === 'relation';
  }

  /** The step that reached a process. Null: the process is the start, or is not reached. */
  arrivalOf(node: ProcessNode): Arrival | null {
    return this.#arrivals[(this.#arrivalOf[node.place] as number) - 1] ?? null;
  }

  /** Adds all processes that the reached processes can reach. */
  run(isCertain: boolean): void {
    this.#searched.clear();
    this.#climbed.clear();
    this.#expanded.clear();
    const { reached } = this;
    // An arriving process is appended, so that the loop searches it as well.
    for (let at = 0; at < reached.length && reached.length < this.#index.traceable; at++) {
      const node = reached[at];
      if (node?.class === null || node === undefined) continue;
      this.#expandClass(node, node.class, isCertain);
      for (const tracee of node.tracees) {
        if (tracee.class !== null && isAtLeast(isHeld(tracee, node), isCertain))
          this.#arrive(tracee, { from: node, relation: 'attached' }, isCertain);
      }
      if (this.#asksRelation) this.#expandRelatives(node, node.class, isCertain);
    }
  }

  #isReached({ place }: ProcessNode): boolean {
    return this.#arrivalOf[place] !== 0;
  }

  #arrive(node: ProcessNode, arrival: Arrival, isCertain: boolean): void {
    if (this.#isReached(node) || !isAtLeast(this.#isReachable(node), isCertain)) return;
    // The members of a class arrive together and share one arrival.
    if (this.#arrivals.at(-1) !== arrival) this.#arrivals.push(arrival);
    this.#arrivalOf[node.place] = this.#arrivals.length;
    this.reached.push(node);
  }

  #expandClass(node: ProcessNode, cls: ProcessClass, isCertain: boolean): void {
    if (this.#expanded.has(cls)) return;
    this.#expanded.add(cls);
    const arrival: Arrival = { from: node, relation: null };
    for (const { target, access } of this.#access.rowsOf(cls)) {
      for (const one of target.classes) {
        if (!isAtLeast(yamaDecision(this.#yama, access, admits(one, cls)), isCertain)) continue;
        for (const member of one.members) this.#arrive(member, arrival, isCertain);
      }
    }
  }

  #expandRelatives(node: ProcessNode, cls: ProcessClass, isCertain: boolean): void {
    const meet = (target: ProcessNode, relation: Relation) => {
      if (target.class === null || target === node || this.#isReached(target)) return;
      if (isAtLeast(this.#access.of(cls, target.class).withoutYama, isCertain))
        this.#arrive(target, { from: node, relation }, isCertain);
    };
    // Another thread of the tracer may have access too, where a filter stops the attached thread.
    for (const tracee of node.tracees) meet(tracee, 'attached');
    const climbed = visited(this.#climbed, cls);
    for (let at: ProcessNode | null = node; at !== null && !climbed.has(at); at = at.parent) {
      climbed.add(at);
      const pids = at.parent === null && at.facts.ppid ? [at.pid, at.facts.ppid] : [at.pid];
      for (const pid of pids)
        for (const target of this.#index.declaring.get(pid) ?? []) meet(target, 'declared');
    }
    const searched = visited(this.#searched, cls);
    const below = [...node.children];
    for (let child = below.pop(); child !== undefined; child = below.pop()) {
      if (searched.has(child)) continue;
      searched.add(child);
      meet(child, 'ancestor');
      for (const one of child.children) below.push(one);
    }
  }
}
