import type { ProcessFacts } from '../../kernel/process-facts.js';
import { decide } from '../access/access-check.js';
import { capableOver } from '../access/capable.js';
import { both, either, type Fact } from '../access/fact.js';
import type { Host } from '../access/question.js';
import { threadsOf } from '../access/threads.js';
import type { Access } from '../access/yama-decision.js';
import {
  type AssumableCredentials,
  assumableBy,
  mayHavePowerIn,
  mayRuleOver,
  mayTakeOtherIds,
  ownIds,
  rulesOver,
  takesAnyIds,
} from './assumable-credentials.js';
import { type Group, type Groups, groupsOf, idKey, idsOf, isApart } from './class-groups.js';
import { Kinds } from './class-kinds.js';
import { codeIn, KnownAnswers, targetIn } from './known-answers.js';
import type { HostIndex, ProcessClass } from './process-classes.js';

export interface Row {
  target: Group;
  access: Access;
}

export const NO_ACCESS: Access = { withoutYama: false, viaCapability: false };

const fromVerdict = { allowed: true, denied: false, unknown: null } as const;

/**
 * The access of a process with these credentials. ptrace_attach() and process_vm_writev(2) make the same access check. An
 * existing tracer prevents only the attach, so the mode is `vm-read`.
 */
export function accessWith({ as }: AssumableCredentials, target: ProcessFacts, host: Host): Access {
  const { verdict } = decide({ tracer: as, target, host, mode: 'vm-read' });
  const withoutYama = fromVerdict[verdict];
  if (withoutYama === false) return NO_ACCESS;
  const has = capableOver(as, 'CAP_SYS_PTRACE', target, host.userNsParents);
  return { withoutYama, viaCapability: both(withoutYama, has) };
}

/** Each pair of credentials that a thread of the tracer can take on, and a thread of the target with different rights. */
export function* asksOf(
  tracer: ProcessFacts,
  target: ProcessFacts,
  host: Host,
): Generator<{ assumed: AssumableCredentials; thread: ProcessFacts }> {
  const threads = threadsOf(target);
  for (const as of threadsOf(tracer)) {
    for (const thread of threads) {
      for (const assumed of assumableBy(as, thread, host.userNsParents)) yield { assumed, thread };
    }
  }
}

/** The host without Yama. The processes are left out, because only Yama uses their relations. */
const hostWithoutYama = ({ host }: HostIndex): Host => ({
  ...host,
  yama: { state: 'absent' },
  processes: [],
});

export const FACTS: readonly Fact[] = [false, true, null];

/** Every possible access, by its code. Code 0 is no access. */
export const ACCESSES: readonly Access[] = FACTS.flatMap(withoutYama =>
  FACTS.map(viaCapability => ({ withoutYama, viaCapability })),
);

/** The place of a fact in {@link FACTS}. */
export const placeOf = (fact: Fact): number => (fact === false ? 0 : fact === true ? 1 : 2);

export const codeOf = ({ withoutYama, viaCapability }: Access): number =>
  placeOf(withoutYama) * 3 + placeOf(viaCapability);

/** The code of the access by either of two codes, for each pair of codes. */
const EITHER: readonly number[] = ACCESSES.flatMap(a =>
  ACCESSES.map(b =>
    codeOf({
      withoutYama: either(a.withoutYama, b.withoutYama),
      viaCapability: either(a.viaCapability, b.viaCapability),
    }),
  ),
);

const eitherCode = (a: number, b: number): number => EITHER[a * ACCESSES.length + b] ?? 0;

const NOBODY: Int32Array = new Int32Array(0);

/** The number of rows that stay in memory. Rows beyond that number are computed again at each call. */
const MOST_ROWS_KEPT = 4_000_000;

/** The targets that a class may trace: groups where ids don't matter, and hits of single classes (known-answers.ts). */
export interface Look {
  /** The groups, each with the place of the access in {@link ACCESSES}. */
  groups: { target: Group; code: number }[];
  /** Valid until the next look, which reuses the memory. */
  singles: Int32Array;
}

interface Candidates {
  groups: (readonly Group[])[];
  /** The namespaces whose classes are in `groups`, except the classes that are apart ({@link isApart}). */
  byShape: Set<string>;
  /** The ids of the classes that the rules are asked about one by one. */
  lists: Int32Array[];
}

/**
 * The access between classes of processes. Where ids don't matter for a tracer, the targets are groups of classes; for
 * other tracers they are classes with the tracer's ids. The rules are asked once for all pairs with the same answer
 * ({@link Kinds}).
 */
export class ClassAccess {
  readonly #index: HostIndex;
  readonly #host: Host;
  #groupsMade: Groups | null = null;
  readonly #rows: Map<ProcessClass, Row[]>;
  #rowsKept = 0;
  #answers: KnownAnswers | null = null;
  readonly #rowsByGroup = new Map<Group, Row[]>();
  readonly #candidates = new Map<ProcessFacts, Candidates>();
  /** By class: the last look in which the class was found. */
  readonly #met: Uint32Array;
  #looks = 0;
  #hits = NOBODY;

  /** @param rows known rows, as `rowsOf` gave them for the same host */
  constructor(index: HostIndex, rows: ReadonlyMap<ProcessClass, Row[]> = new Map()) {
    this.#index = index;
    this.#host = hostWithoutYama(index);
    this.#rows = new Map(rows);
    this.#met = new Uint32Array(index.classes.length);
  }

  get #groups(): Groups {
    this.#groupsMade ??= groupsOf(this.#index);
    return this.#groupsMade;
  }

  get #known(): KnownAnswers {
    const { classes } = this.#index;
    if (this.#answers === null) {
      const kinds = new Kinds(classes, this.#host.userNsParents);
      const ask = (tracer: number, target: number) => {
        const [from, to] = [kinds.facts[tracer], kinds.facts[target]];
        return from === undefined || to === undefined ? 0 : codeOf(this.#ask(from, to));
      };
      this.#answers = new KnownAnswers(kinds, { ask, either: eitherCode });
    }
    return this.#answers;
  }

  /** The host as the rules are asked about it: without Yama. */
  get host(): Host {
    return this.#host;
  }

  /** The number of pairs that the rules were asked about. */
  get asked(): number {
    return this.#answers?.asked ?? 0;
  }

  of(tracer: ProcessClass, target: ProcessClass): Access {
    return ACCESSES[this.#known.of(tracer.id, target.id)] ?? NO_ACCESS;
  }

  /** Asks the rules about two threads. */
  #ask(tracer: ProcessFacts, target: ProcessFacts): Access {
    // Two processes of one class can have the same facts. The target gets another pid, so that the rules see two
    // processes.
    const other = tracer.tgid === target.tgid ? { ...target, pid: 0, tgid: 0 } : target;
    let best = NO_ACCESS;
    for (const assumed of assumableBy(tracer, other, this.#host.userNsParents)) {
      const { withoutYama, viaCapability } = accessWith(assumed, other, this.#host);
      const holds = assumed.isCertain ? true : null;
      best = {
        withoutYama: either(best.withoutYama, both(withoutYama, holds)),
        viaCapability: either(best.viaCapability, both(viaCapability, holds)),
      };
      if (best.viaCapability === true) break;
    }
    return best;
  }

  /**
   * The targets that a process of this class may access, each class in one group. Targets without access are left out.
   */
  rowsOf(tracer: ProcessClass): Row[] {
    const kept = this.#rows.get(tracer);
    if (kept !== undefined) return kept;
    const { groups, singles } = this.look(tracer);
    const rows = groups.map(({ target, code }) => this.#row(target, code));
    for (const hit of singles) {
      const group = this.#groups.single[targetIn(hit)];
      if (group !== undefined) rows.push(this.#row(group, codeIn(hit)));
    }
    if (this.#rowsKept + rows.length <= MOST_ROWS_KEPT) {
      this.#rowsKept += rows.length;
      this.#rows.set(tracer, rows);
    }
    return rows;
  }

  /** The row of a group and an access. All tracers share the row. */
  #row(target: Group, code: number): Row {
    let rows = this.#rowsByGroup.get(target);
    if (rows === undefined) {
      rows = [];
      this.#rowsByGroup.set(target, rows);
    }
    let row = rows.find(({ access }) => access === ACCESSES[code]);
    if (row === undefined) {
      row = { target, access: ACCESSES[code] ?? NO_ACCESS };
      rows.push(row);
    }
    return row;
  }

  /** The namespaces where the tracer may have more access than by its own ids. */
  #namespacesFor(facts: ProcessFacts): ReadonlySet<string> {
    const { below, madeBy } = mayHavePowerIn(facts, this.#host.userNsParents);
    const inside = below === false ? [] : (this.#groups.below.get(below) ?? []);
    const makers = madeBy.includes(null) ? [...this.#groups.madeBy.keys()] : [...madeBy, null];
    return new Set([...inside, ...makers.flatMap(uid => this.#groups.madeBy.get(uid) ?? [])]);
  }

  /**
   * As `rowsOf`, but as numbers. The look skips targets that have other ids where the tracer surely has no capability.
   */
  look(tracer: ProcessClass): Look {
    const [first = tracer.facts, ...others] = threadsOf(tracer.facts);
    const { groups, byShape, lists } = this.#candidatesOf(first);
    if (others.length === 0) {
      const met: Look['groups'] = [];
      for (const list of groups) {
        for (const target of list) {
          const [one] = target.classes;
          const code = one === undefined ? 0 : this.#known.of(tracer.id, one.id);
          if (code !== 0) met.push({ target, code });
        }
      }
      return { groups: met, singles: this.#singles(tracer, lists, byShape) };
    }
    // With several threads a class could be in two groups, so each class counts by itself.
    const each = [{ groups, lists }, ...others.map(thread => this.#candidatesOf(thread))];
    const all = each.flatMap(one => [
      ...one.groups.flatMap(list => list.map(({ classes }) => idsOf(classes))),
      ...one.lists,
    ]);
    return { groups: [], singles: this.#singles(tracer, all, new Set()) };
  }

  #candidatesOf(facts: ProcessFacts): Candidates {
    let found = this.#candidates.get(facts);
    if (found === undefined) {
      found = this.#findCandidates(facts);
      this.#candidates.set(facts, found);
    }
    return found;
  }

  /** The targets that one thread of the tracer may trace. */
  #findCandidates(facts: ProcessFacts): Candidates {
    const { userNsParents } = this.#host;
    const { shapes, byNamespace, apart, byIds, all } = this.#groups;
    const lists = [apart];
    const groups: Candidates['groups'] = [];
    const byShape = new Set<string>();
    for (const userNs of this.#namespacesFor(facts)) {
      const isOwn = userNs === facts.userNs;
      if (rulesOver(facts, userNs, userNsParents) || (isOwn && takesAnyIds(facts, userNsParents))) {
        byShape.add(userNs);
        groups.push(shapes.get(userNs) ?? []);
      } else if (
        mayRuleOver(facts, userNs, userNsParents) ||
        ((isOwn || facts.userNs === null) && mayTakeOtherIds(facts, userNsParents))
      ) {
        lists.push(byNamespace.get(userNs) ?? NOBODY);
      }
    }
    for (const [uid, gid] of ownIds(facts, userNsParents))
      lists.push(uid === null || gid === null ? all : (byIds.get(idKey(uid, gid)) ?? NOBODY));
    return { groups, byShape, lists };
  }

  /** The hits in these lists, each once. Classes that are in a group already, by their namespace, are left out. */
  #singles(tracer: ProcessClass, lists: readonly Int32Array[], byShape: ReadonlySet<string>): Int32Array {
    const some = lists.filter(({ length }) => length > 0);
    const size = some.reduce((sum, { length }) => sum + length, 0);
    if (this.#hits.length < size) this.#hits = new Int32Array(size);
    const hits = this.#hits;
    let end = 0;
    for (const list of some) end = this.#known.scan(tracer.id, list, hits, end);
    if (some.length <= 1 && byShape.size === 0) return hits.subarray(0, end);
    const look = ++this.#looks;
    let kept = 0;
    for (let at = 0; at < end; at++) {
      const hit = hits[at] as number;
      const id = targetIn(hit);
      if (this.#met[id] === look) continue;
      this.#met[id] = look;
      if (byShape.size > 0) {
        const cls = this.#index.classes[id];
        if (cls === undefined || (byShape.has(cls.facts.userNs ?? '') && !isApart(cls))) continue;
      }
      hits[kept++] = hit;
    }
    return hits.subarray(0, kept);
  }
}

const accesses = new WeakMap<HostIndex, ClassAccess>();

/** Sets the result of {@link classAccessOf} for a host, for example one with known rows. */
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
