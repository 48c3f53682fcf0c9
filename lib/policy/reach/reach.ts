import { badArgument } from '../../errors.js';
import type { SnapshotFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { type PtraceScope, type PtraceScopeValue, scopeOf, yamaDemand } from '../../kernel/ptrace-scope.js';
import { BOOLEAN, checkedOptions, type OptionKinds, SCOPE } from '../../options.js';
import { judge } from '../access/access-check.js';
import { confinedTree } from '../access/confined-tree.js';
import type { Fact } from '../access/fact.js';
import { tracerProcesses } from '../access/threads.js';
import type { RuleId } from '../access/verdict.js';
import type { Access } from '../access/yama-decision.js';
import { yamaDecision } from '../access/yama-decision.js';
import type { AssumedBy } from './assumable-credentials.js';
import { accessWith, asksOf, classAccessOf } from './class-access.js';
import { admits, type HostIndex, indexOf, type ProcessClass, type ProcessNode } from './process-classes.js';
import { type Arrival, isAtLeast, ReachSearch, type Relation } from './reach-search.js';

/** Why a step is allowed: the same ids, CAP_SYS_PTRACE in the target's namespace, or a relation at ptrace_scope 1. */
export type Passage = 'credentials' | 'capability' | 'ancestor' | 'attached' | 'declared';

/** One step of a path: one more process. */
export interface ReachStep {
  pid: number;
  rule: Passage;
  /** How the tracer gets the credentials: it has them (`itself`), or injected code makes a call. */
  as: AssumedBy;
  /** The rules with an unknown outcome. Empty for a possible step that depends on `as` alone. */
  undetermined: RuleId[];
}

/** A process that is reached, and the way to it. */
export interface Reached {
  pid: number;
  /** The steps from the first traced process to this one. */
  path: ReachStep[];
}

/** The processes that code in one process can reach. */
export interface Reach {
  /** The pid that the search begins at. */
  from: number;
  /** The ptrace_scope that the reach is for. */
  scope: PtraceScopeValue | 'absent' | 'unknown';
  /** The lower bound: the processes that are surely reached. */
  certain: Reached[];
  /** The processes that may be reached, depending on unseen facts. Together with `certain` they are the upper bound. */
  possible: Reached[];
  /**
   * The reach if the process had been started confined (`tracegate run --confine`): in a Landlock domain with all that it
   * starts. Null where it is not asked for.
   */
  confined: Pick<Reach, 'certain' | 'possible'> | null;
}

/** What a reach is for. */
export interface ReachOptions {
  /** The ptrace_scope to assume; the snapshot's own by default. */
  scope?: PtraceScopeValue;
  /** Also the reach if the process had been started confined; false by default. */
  confined?: boolean;
}

const OPTIONS: OptionKinds<ReachOptions> = { scope: SCOPE, confined: BOOLEAN };

/** The steps of paths. Each pair of classes is asked about once. */
class Steps {
  readonly #index: HostIndex;
  readonly #yama: PtraceScope;
  readonly #found = new Map<string, Omit<ReachStep, 'pid'>>();

  constructor(index: HostIndex, yama: PtraceScope) {
    this.#index = index;
    this.#yama = yama;
  }

  of({ from, relation }: Arrival, to: ProcessNode, isCertain: boolean): ReachStep {
    const key = `${from.class?.id} ${to.class?.id} ${relation} ${isCertain}`;
    let step = this.#found.get(key);
    if (step === undefined) {
      step = this.#ask(from, to, relation, isCertain);
      this.#found.set(key, step);
    }
    return { pid: to.pid, ...step };
  }

  /** The step with the first credentials that are sufficient. */
  #ask(
    from: ProcessNode,
    to: ProcessNode,
    relation: Relation | null,
    isCertain: boolean,
  ): Omit<ReachStep, 'pid'> {
    if (relation === 'attached')
      return { rule: 'attached', as: 'itself', undetermined: isCertain ? [] : ['dumpable'] };
    const { host } = classAccessOf(this.#index);
    const isRelated = relation !== null || (to.class && from.class ? admits(to.class, from.class) : null);
    for (const { assumed, thread } of asksOf(from.facts, to.facts, host)) {
      if (isCertain && !assumed.isCertain) continue;
      const access = accessWith(assumed, thread, host);
      const fact = yamaDecision(this.#yama, access, isRelated);
      if (!isAtLeast(fact, isCertain)) continue;
      const rule = this.#passage(access, relation, isRelated);
      return {
        rule,
        as: assumed.by,
        undetermined: fact === true ? [] : this.#undetermined(assumed.as, thread, isRelated),
      };
    }
    throw new Error(`no credentials of ${from.pid} reach ${to.pid}`);
  }

  #passage({ viaCapability }: Access, relation: Relation | null, isRelated: Fact): Passage {
    if (viaCapability === true) return 'capability';
    const demand = yamaDemand(this.#yama);
    if (demand === 'nothing' || demand === null) return 'credentials';
    if (demand === 'capability') return 'capability';
    return relation ?? (isRelated === false ? 'capability' : 'declared');
  }

  #undetermined(as: ProcessFacts, target: ProcessFacts, isRelated: Fact): RuleId[] {
    const { host } = classAccessOf(this.#index);
    const { judgements } = judge({ tracer: as, target, host, mode: 'vm-read' });
    const found = judgements.filter(({ outcome }) => outcome === 'unknown').map(({ rule }) => rule);
    const asksRelation = yamaDemand(this.#yama) === 'relation' && isRelated !== true;
    if (this.#yama.state === 'unknown') return [...found, 'yama-scope'];
    return asksRelation ? [...found, 'yama-relation'] : found;
  }
}

/** The process of a pid, which may be the pid of a thread. */
function leaderOf({ nodes }: HostIndex, pid: number): ProcessNode {
  const named = nodes.get(pid);
  const leader = named === undefined ? undefined : nodes.get(named.facts.tgid ?? pid);
  if (leader !== undefined && leader.class !== null) return leader;
  const because = named === undefined ? 'the snapshot has no such process' : `it is a ${named.facts.kind}`;
  throw badArgument(RangeError, 'ERR_TRACEGATE_INVALID_PID', `from: ${pid}: ${because}`);
}

/** A process that is reached in the domain runs the tracer's code in the domain. So the search never leaves it. */
function inDomainOf(start: ProcessNode, { processes }: HostIndex): (node: ProcessNode) => Fact {
  const isInTree = confinedTree(start.facts, processes);
  return ({ facts }) => isInTree(facts);
}

const yamaOf = (index: HostIndex, scope: PtraceScopeValue | undefined): PtraceScope =>
  scope === undefined ? index.host.yama : scopeOf(scope);

export interface ReachCounts {
  certain: number;
  possible: number;
}

/** The two bounds of the processes that one process can reach. The paths are computed on request. */
export class Bounds {
  readonly #search: ReachSearch;
  readonly #steps: Steps;
  /** The place of the first possible process among the reached processes. */
  readonly #firstPossible: number;
  readonly #isReachable: (node: ProcessNode) => Fact;
  #certain: ReadonlySet<ProcessNode> | null = null;
  #possible: ReadonlySet<ProcessNode> | null = null;

  /** @param isConfined as if the process had been started in a Landlock domain of its own */
  constructor(index: HostIndex, from: number, yama: PtraceScope, isConfined = false) {
    const start = leaderOf(index, from);
    this.#steps = new Steps(index, yama);
    this.#isReachable = isConfined ? inDomainOf(start, index) : () => true;
    this.#search = new ReachSearch(index, yama, start, this.#isReachable);
    this.#search.run(true);
    this.#firstPossible = this.#search.reached.length;
    this.#search.run(false);
  }

  /** The number of certain processes, and of further possible ones. */
  get counts(): ReachCounts {
    const { length } = this.#search.reached;
    return { certain: this.#firstPossible - 1, possible: length - this.#firstPossible };
  }

  get certain(): ReadonlySet<ProcessNode> {
    this.#certain ??= new Set(this.#search.reached.slice(1, this.#firstPossible));
    return this.#certain;
  }

  get possible(): ReadonlySet<ProcessNode> {
    this.#possible ??= new Set(this.#search.reached.slice(this.#firstPossible));
    return this.#possible;
  }

  pathTo(target: ProcessNode): ReachStep[] {
    const path: ReachStep[] = [];
    let at = target;
    for (let arrival = this.#search.arrivalOf(at); arrival; arrival = this.#search.arrivalOf(at)) {
      const step = this.#steps.of(arrival, at, this.certain.has(at));
      const isOpen = this.#isReachable(at) === true || step.undetermined.includes('landlock');
      path.push(isOpen ? step : { ...step, undetermined: [...step.undetermined, 'landlock'] });
      at = arrival.from;
    }
    return path.reverse();
  }
}

/**
 * Counts the processes that each of many processes can reach. Where no relation counts, two processes of one class differ
 * only by their tracers and their tracees. Without such a tracer or tracee they reach equally many processes, so one
 * search is enough for them all.
 */
export class ReachCounter {
  readonly #index: HostIndex;
  readonly #yama: PtraceScope;
  readonly #known = new Map<ProcessClass, ReachCounts>();

  constructor(index: HostIndex, yama: PtraceScope) {
    this.#index = index;
    this.#yama = yama;
  }

  of(node: ProcessNode): ReachCounts {
    const isAlone = node.tracees.length === 0 && tracerProcesses(node.facts).size === 0;
    if (node.class === null || !isAlone || yamaDemand(this.#yama) === 'relation') return this.#count(node);
    let counts = this.#known.get(node.class);
    if (counts === undefined) {
      counts = this.#count(node);
      this.#known.set(node.class, counts);
    }
    return counts;
  }

  #count({ pid }: ProcessNode): ReachCounts {
    return new Bounds(this.#index, pid, this.#yama).counts;
  }
}

/**
 * Finds all processes that code in the process `from` can reach by tracing, step by step. A traced process runs its
 * tracer's code, with the tracee's ids, capabilities, user namespace and descendants. Pure. The search works on classes
 * of processes that the rules can't tell apart, so that its time grows with the number of processes. Unseen facts give
 * two bounds.
 *
 * Applies to: pure data.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), as ptrace(PTRACE_ATTACH) and process_vm_writev(2) call it
 *
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID` if the snapshot has no such process, or it is a kernel thread or a zombie
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @see docs/map.md
 * @example
 * ```js
 * import { reach } from 'tracegate/policy';
 * import { observe } from 'tracegate/snapshot';
 *
 * const { certain, possible } = reach(observe(), process.pid, { scope: 0 });
 * for (const { pid, path } of certain) console.error(pid, path.map(({ rule }) => rule));
 * console.log([...certain, ...possible].every(({ pid, path }) => path.at(-1).pid === pid)); // true
 * ```
 */
export function reach(snapshot: SnapshotFacts, from: number, options: ReachOptions = {}): Reach {
  const { scope, confined = false } = checkedOptions(options, OPTIONS);
  const index = indexOf(snapshot);
  const yama = yamaOf(index, scope);
  const reached = (isConfined: boolean) => {
    const bounds = new Bounds(index, from, yama, isConfined);
    const withPaths = (nodes: ReadonlySet<ProcessNode>): Reached[] =>
      [...nodes].map(node => ({ pid: node.pid, path: bounds.pathTo(node) }));
    return { certain: withPaths(bounds.certain), possible: withPaths(bounds.possible) };
  };
  return {
    from,
    scope: yama.state === 'present' ? yama.value : yama.state,
    ...reached(false),
    confined: confined ? reached(true) : null,
  };
}
