import type { ProcessFacts } from '../kernel/process-facts.js';
import { checkAccess } from './access-check.js';
import { capable, upwards } from './capable.js';
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
import { labelKind } from './other-lsm.js';
import type { HostIndex, ProcessClass } from './process-classes.js';
import type { Host } from './question.js';

/** What one of a class may do to another process of a class. */
export interface Access {
  /** By all rules but Yama's. */
  otherwise: Fact;
  /** The same, and with CAP_SYS_PTRACE in the target's user namespace, which Yama asks for. */
  byCapability: Fact;
}

/** Targets that are the same to whoever sees them as a group. */
export interface Group {
  classes: readonly ProcessClass[];
  /** How many processes. */
  size: number;
}

export interface Row {
  target: Group;
  access: Access;
}

const NO_ACCESS: Access = { otherwise: false, byCapability: false };

const fromVerdict = { allowed: true, denied: false, unknown: null } as const;

/** What a process can do in a guise. ptrace_attach() and process_vm_writev(2) ask the same; being traced stops only the first. */
export function accessInGuise({ as }: Guise, target: ProcessFacts, host: Host): Access {
  const { verdict } = checkAccess(as, target, host, 'vm-read');
  const otherwise = fromVerdict[verdict];
  if (otherwise === false) return NO_ACCESS;
  const has = capable(as, 'CAP_SYS_PTRACE', target.userNs, host.userNsParents);
  return { otherwise, byCapability: both(otherwise, has) };
}

/** A host without Yama, and its relations. */
const withoutYama = ({ host }: HostIndex): Host => ({ ...host, yama: { state: 'absent' }, processes: [] });

interface Groups {
  single: Map<ProcessClass, Group>;
  /** Of one user namespace, without those of which an id isn't seen, alike but for their ids and their labels' names. */
  shapes: Map<string, Group[]>;
  /** Classes by user namespace, and those whose ids or namespace aren't seen. */
  byNamespace: Map<string, ProcessClass[]>;
  unseen: ProcessClass[];
  /** By a uid and a gid that are throughout. */
  byIds: Map<string, ProcessClass[]>;
  /** The namespaces of classes: at or below a namespace, and made by a uid, or below one that is. */
  below: Map<string | null, string[]>;
  madeBy: Map<number | null, string[]>;
}

const isUnseen = ({ facts: { userNs, uids, gids } }: ProcessClass) =>
  userNs === null ||
  [uids.real, uids.effective, uids.saved, gids.real, gids.effective, gids.saved].includes(null);

const isUniform = ({ facts: { uids, gids } }: ProcessClass) =>
  [uids, gids].every(({ real, effective, saved }) => real === effective && real === saved);

const idKey = (uid: number | null, gid: number | null) => `${uid}:${gid}`;

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function groupOf(classes: readonly ProcessClass[]): Group {
  return { classes, size: classes.reduce((sum, { members }) => sum + members.length, 0) };
}

const shapeKey = (its: ProcessClass) => {
  const { memoryUserNs, dumpable, kind, lsmLabel, capPermitted } = its.facts;
  return [memoryUserNs, dumpable, kind, labelKind(lsmLabel), capPermitted, isUniform(its)].join('|');
};

function groupsOf({ classes, host }: HostIndex): Groups {
  const byNamespace = new Map<string, ProcessClass[]>();
  const byIds = new Map<string, ProcessClass[]>();
  for (const its of classes) {
    const { userNs, uids, gids } = its.facts;
    if (userNs === null || isUnseen(its)) continue;
    push(byNamespace, userNs, its);
    if (isUniform(its)) push(byIds, idKey(uids.real, gids.real), its);
  }
  const below = new Map<string | null, string[]>();
  const madeBy = new Map<number | null, string[]>();
  for (const userNs of byNamespace.keys()) {
    const chain = upwards(userNs, host.userNsParents);
    for (const above of new Set([...chain, null])) push(below, above, userNs);
    // Whoever made one that isn't seen.
    const owners = chain.map(above => (above === null ? null : (host.userNsParents[above]?.owner ?? null)));
    for (const owner of new Set(owners)) push(madeBy, owner, userNs);
  }
  const shapes = new Map<string, Group[]>();
  for (const [userNs, members] of byNamespace) {
    const byShape = new Map<string, ProcessClass[]>();
    for (const its of members) push(byShape, shapeKey(its), its);
    shapes.set(userNs, [...byShape.values()].map(groupOf));
  }
  return {
    single: new Map(classes.map(its => [its, groupOf([its])])),
    shapes,
    byNamespace,
    unseen: classes.filter(isUnseen),
    byIds,
    below,
    madeBy,
  };
}

/**
 * Who may do what to whom, by classes. A tracer that ids don't hinder meets groups of classes, any other those of its own
 * ids: so all the rows together are about as many as the classes.
 */
export class ClassAccess {
  readonly #index: HostIndex;
  readonly #host: Host;
  #groupsMade: Groups | null = null;
  readonly #pairs = new Map<number, Access>();
  readonly #rows: Map<ProcessClass, Row[]>;
  /** What classes are but for their ids, by number. */
  readonly #kinds = new Map<string, number>();
  readonly #kindOf = new Map<ProcessClass, number | null>();
  readonly #namespaces = new Map<ProcessClass, ReadonlySet<string>>();
  readonly #byKinds = new Map<string, Access>();

  /** With rows that are known already: of the same host, as `rowsOf` gave them. */
  constructor(index: HostIndex, rows: ReadonlyMap<ProcessClass, Row[]> = new Map()) {
    this.#index = index;
    this.#host = withoutYama(index);
    this.#rows = new Map(rows);
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
    const key = tracer.id * this.#index.classes.length + target.id;
    let access = this.#pairs.get(key);
    if (access === undefined) {
      access = this.#ofKinds(tracer, target) ?? this.#ask(tracer.facts, target.facts);
      this.#pairs.set(key, access);
    }
    return access;
  }

  /** Of two with the same ids, where the tracer has no power but them, it doesn't matter which ids. */
  #ofKinds(tracer: ProcessClass, target: ProcessClass): Access | null {
    const [from, to] = [tracer.facts, target.facts];
    if (from.uids.real !== to.uids.real || from.gids.real !== to.gids.real) return null;
    const kinds = [this.#kind(tracer), this.#kind(target)];
    if (kinds.includes(null) || this.#namespacesFor(tracer).size > 0) return null;
    const key = kinds.join();
    let access = this.#byKinds.get(key);
    if (access === undefined) {
      access = this.#ask(from, to);
      this.#byKinds.set(key, access);
    }
    return access;
  }

  #kind(its: ProcessClass): number | null {
    let kind = this.#kindOf.get(its);
    if (kind === undefined) {
      kind = isUnseen(its) || !isUniform(its) ? null : this.#kindNumber(its);
      this.#kindOf.set(its, kind);
    }
    return kind;
  }

  #kindNumber(its: ProcessClass): number {
    const { capInheritable, capBounding, userNs, seccomp, noNewPrivs, uids } = its.facts;
    const rest = [capInheritable, capBounding, userNs, seccomp, noNewPrivs, uids.real === 0];
    const key = [shapeKey(its), ...rest].join('|');
    const kind = this.#kinds.get(key) ?? this.#kinds.size;
    this.#kinds.set(key, kind);
    return kind;
  }

  #ask(tracer: ProcessFacts, target: ProcessFacts): Access {
    // Two of a class are asked about as two.
    const other = tracer.pid === target.pid ? { ...target, pid: 0, tgid: 0 } : target;
    let best = NO_ACCESS;
    for (const guise of guisesOf(tracer, other, this.#host.userNsParents)) {
      const { otherwise, byCapability } = accessInGuise(guise, other, this.#host);
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
      rows = this.#targetsOf(tracer).flatMap(target => {
        const [first] = target.classes;
        const access = first === undefined ? NO_ACCESS : this.of(tracer, first);
        return access.otherwise === false ? [] : [{ target, access }];
      });
      this.#rows.set(tracer, rows);
    }
    return rows;
  }

  /** Where more than its own ids may count. */
  #namespacesFor(its: ProcessClass): ReadonlySet<string> {
    let found = this.#namespaces.get(its);
    if (found === undefined) {
      const { below, madeBy } = mayHavePowerIn(its.facts, this.#host.userNsParents);
      const inside = below === false ? [] : (this.#groups.below.get(below) ?? []);
      const makers = madeBy.includes(null) ? [...this.#groups.madeBy.keys()] : [...madeBy, null];
      found = new Set([...inside, ...makers.flatMap(uid => this.#groups.madeBy.get(uid) ?? [])]);
      this.#namespaces.set(its, found);
    }
    return found;
  }

  /** Those that come into question: what is left out has other ids, and the tracer no power over it. */
  #targetsOf(tracer: ProcessClass): Group[] {
    const { facts } = tracer;
    const { userNsParents } = this.#host;
    const { shapes, byNamespace, unseen, byIds } = this.#groups;
    const groups: Group[] = [];
    const singles = new Set<ProcessClass>(unseen);
    const byShape = new Set<string>();
    for (const userNs of this.#namespacesFor(tracer)) {
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
      if (group !== undefined && !(byShape.has(its.facts.userNs ?? '') && !isUnseen(its))) groups.push(group);
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
