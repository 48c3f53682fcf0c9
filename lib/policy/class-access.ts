import type { ProcessFacts } from '../kernel/process-facts.js';
import { decide } from './access-check.js';
import { capableOver } from './capable.js';
import { type Group, type Groups, groupsOf, idKey, isApart } from './class-groups.js';
import { hasSameIds, Kinds } from './class-kinds.js';
import { both, either, type Fact } from './fact.js';
import {
  type Guise,
  guisesOf,
  mayHavePowerIn,
  mayRuleOver,
  mayTakeOtherIds,
  ownIds,
  rulesOver,
  takesAnyIds,
} from './guises.js';
import type { HostIndex, ProcessClass } from './process-classes.js';
import type { Host } from './question.js';
import { hasLikeThreads, threadsOf } from './threads.js';

/** What one of a class may do to another process of a class. */
export interface Access {
  /** By all rules but Yama's. */
  otherwise: Fact;
  /** The same, and with CAP_SYS_PTRACE in the target's user namespace, which Yama asks for. */
  byCapability: Fact;
}

export interface Row {
  target: Group;
  access: Access;
}

const NO_ACCESS: Access = { otherwise: false, byCapability: false };

const fromVerdict = { allowed: true, denied: false, unknown: null } as const;

/** What a process can do in a guise. ptrace_attach() and process_vm_writev(2) ask the same; being traced stops only the first. */
export function accessInGuise({ as }: Guise, target: ProcessFacts, host: Host): Access {
  const { verdict } = decide({ tracer: as, target, host, mode: 'vm-read' });
  const otherwise = fromVerdict[verdict];
  if (otherwise === false) return NO_ACCESS;
  const has = capableOver(as, 'CAP_SYS_PTRACE', target, host.userNsParents);
  return { otherwise, byCapability: both(otherwise, has) };
}

/** Each guise that a thread of the tracer may take, with each thread of the target that differs from the others. */
export function* asksOf(
  tracer: ProcessFacts,
  target: ProcessFacts,
  host: Host,
): Generator<{ guise: Guise; thread: ProcessFacts }> {
  const threads = threadsOf(target);
  for (const as of threadsOf(tracer)) {
    for (const thread of threads) {
      for (const guise of guisesOf(as, thread, host.userNsParents)) yield { guise, thread };
    }
  }
}

/** A host without Yama, and its relations. */
const withoutYama = ({ host }: HostIndex): Host => ({ ...host, yama: { state: 'absent' }, processes: [] });

/**
 * Who may do what to whom, by classes. A tracer that ids don't hinder meets groups of classes, any other those of its own
 * ids: so all the rows together are about as many as the classes.
 */
export class ClassAccess {
  readonly #index: HostIndex;
  readonly #host: Host;
  #groupsMade: Groups | null = null;
  readonly #rows: Map<ProcessClass, Row[]>;
  readonly #kinds: Kinds;
  readonly #byKinds = new Map<number, Access>();
  readonly #byIdentities = new Map<number, Access>();
  readonly #namespaces = new Map<ProcessFacts, ReadonlySet<string>>();

  /** With rows that are known already: of the same host, as `rowsOf` gave them. */
  constructor(index: HostIndex, rows: ReadonlyMap<ProcessClass, Row[]> = new Map()) {
    this.#index = index;
    this.#host = withoutYama(index);
    this.#rows = new Map(rows);
    this.#kinds = new Kinds(index.classes);
  }

  get #groups(): Groups {
    this.#groupsMade ??= groupsOf(this.#index);
    return this.#groupsMade;
  }

  /** The rules' world without Yama. */
  get host(): Host {
    return this.#host;
  }

  of(tracer: ProcessClass, target: ProcessClass): Access {
    if (!hasLikeThreads(tracer.facts) || !hasLikeThreads(target.facts))
      return this.#ask(tracer.facts, target.facts);
    // Of two with the same ids, where the tracer has no power but them, it doesn't matter which ids.
    const isAlike = hasSameIds(tracer, target) && this.#namespacesFor(tracer.facts).size === 0;
    const key = this.#kinds.keyOf(tracer, target, isAlike);
    const known = isAlike ? this.#byKinds : this.#byIdentities;
    let access = known.get(key);
    if (access === undefined) {
      access = this.#ask(tracer.facts, target.facts);
      known.set(key, access);
    }
    return access;
  }

  #ask(tracer: ProcessFacts, target: ProcessFacts): Access {
    // Two of a class are asked about as two.
    const other = tracer.pid === target.pid ? { ...target, pid: 0, tgid: 0 } : target;
    let best = NO_ACCESS;
    for (const { guise, thread } of asksOf(tracer, other, this.#host)) {
      const { otherwise, byCapability } = accessInGuise(guise, thread, this.#host);
      const holds = guise.isCertain ? true : null;
      best = {
        otherwise: either(best.otherwise, both(otherwise, holds)),
        byCapability: either(best.byCapability, both(byCapability, holds)),
      };
      if (best.byCapability === true) break;
    }
    return best;
  }

  /** Whom one of this class may get at, each class in one group, without those of no access. */
  rowsOf(tracer: ProcessClass): Row[] {
    let rows = this.#rows.get(tracer);
    if (rows === undefined) {
      rows = [...this.#targetsOf(tracer)].flatMap(target => {
        const [first] = target.classes;
        const access = first === undefined ? NO_ACCESS : this.of(tracer, first);
        return access.otherwise === false ? [] : [{ target, access }];
      });
      this.#rows.set(tracer, rows);
    }
    return rows;
  }

  /** Where more than its own ids may count. */
  #namespacesFor(facts: ProcessFacts): ReadonlySet<string> {
    let found = this.#namespaces.get(facts);
    if (found === undefined) {
      const { below, madeBy } = mayHavePowerIn(facts, this.#host.userNsParents);
      const inside = below === false ? [] : (this.#groups.below.get(below) ?? []);
      const makers = madeBy.includes(null) ? [...this.#groups.madeBy.keys()] : [...madeBy, null];
      found = new Set([...inside, ...makers.flatMap(uid => this.#groups.madeBy.get(uid) ?? [])]);
      this.#namespaces.set(facts, found);
    }
    return found;
  }

  /** The groups that come into question. Each class that is left out has other ids, and the tracer has no power over it. */
  #targetsOf({ facts }: ProcessClass): Iterable<Group> {
    const [first = facts, ...others] = threadsOf(facts);
    if (others.length === 0) return this.#targetsOfThread(first);
    // A class may be in two groups then: each class by itself.
    const classes = [first, ...others].flatMap(thread =>
      this.#targetsOfThread(thread).flatMap(group => group.classes),
    );
    return [...new Set(classes)].flatMap(its => this.#groups.single.get(its) ?? []);
  }

  #targetsOfThread(facts: ProcessFacts): Group[] {
    const { userNsParents } = this.#host;
    const { shapes, byNamespace, apart, byIds } = this.#groups;
    const groups: Group[] = [];
    const singles = new Set<ProcessClass>(apart);
    const byShape = new Set<string>();
    for (const userNs of this.#namespacesFor(facts)) {
      const classes = byNamespace.get(userNs) ?? [];
      const isOwn = userNs === facts.userNs;
      if (rulesOver(facts, userNs, userNsParents) || (isOwn && takesAnyIds(facts, userNsParents))) {
        for (const group of shapes.get(userNs) ?? []) groups.push(group);
        byShape.add(userNs);
      } else if (
        mayRuleOver(facts, userNs, userNsParents) ||
        ((isOwn || facts.userNs === null) && mayTakeOtherIds(facts, userNsParents))
      ) {
        for (const its of classes) singles.add(its);
      }
    }
    for (const [uid, gid] of ownIds(facts, userNsParents)) {
      if (uid === null || gid === null) for (const its of this.#index.classes) singles.add(its);
      else for (const its of byIds.get(idKey(uid, gid)) ?? []) singles.add(its);
    }
    for (const its of singles) {
      const group = this.#groups.single.get(its);
      if (group !== undefined && !(byShape.has(its.facts.userNs ?? '') && !isApart(its))) groups.push(group);
    }
    return groups;
  }
}

const accesses = new WeakMap<HostIndex, ClassAccess>();

/** What {@link classAccessOf} gives from now on: one that was made with known rows. */
export function setClassAccess(index: HostIndex, access: ClassAccess): void {
  accesses.set(index, access);
}

export function classAccessOf(index: HostIndex): ClassAccess {
  let made = accesses.get(index);
  if (made === undefined) {
    made = new ClassAccess(index);
    accesses.set(index, made);
  }
  return made;
}
