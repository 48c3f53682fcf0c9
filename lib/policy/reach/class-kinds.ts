import type { HostFacts } from '../../kernel/host.js';
import type { ProcessFacts, SeenIds } from '../../kernel/process-facts.js';
import { holds } from '../access/capable.js';
import { labelKind } from '../access/other-lsm.js';
import { RIGHTS, type RightsFact, rightsKeyOf } from '../access/rule-facts.js';
import { threadsOf } from '../access/threads.js';
import { FULL, HELPFUL, isPart, maskOf, union } from './assumable-credentials.js';
import { hasUnseenIds, isUniform } from './class-groups.js';
import type { ProcessClass } from './process-classes.js';

/** The parts of a process' capability set that the rules use. The mask is null where the set isn't seen. */
interface CapabilitySet {
  mask: bigint | null;
  /** One bit for each of the capabilities in HELPFUL. */
  powers: string;
  /** The mask as two words of 32 bits, as in kernel_cap_t; 0 where the mask isn't seen. */
  low: number;
  high: number;
}

function capabilitySet(text: string | null): CapabilitySet {
  const mask = maskOf(text);
  const powers =
    text === null ? 'unseen' : HELPFUL.map(capability => Number(holds(text, capability))).join('');
  const seen = mask ?? 0n;
  return {
    mask,
    powers,
    low: Number(BigInt.asIntN(32, seen)),
    high: Number(BigInt.asIntN(32, seen >> 32n)),
  };
}

const three = ({ real, effective, saved }: SeenIds) => [real, effective, saved] as const;

/** Shows which of the three ids are equal. An id in `named` stands for itself. */
const patternOf = (ids: SeenIds, named: ReadonlySet<number>) => {
  const all = three(ids);
  return all.map(id => (id === null ? 'unseen' : named.has(id) ? `=${id}` : `${all.indexOf(id)}`)).join(' ');
};

/** One bit for each pair of a tracer's id and a target's id: whether the two are equal. */
function sameIds(tracer: SeenIds, target: SeenIds): number {
  let bits = 0;
  for (const own of three(tracer)) {
    for (const id of three(target)) bits = bits * 2 + Number(own !== null && own === id);
  }
  return bits;
}

/** Upper limit of the relation of two rows whose ids are all seen and uniform. */
export const PLAIN_RELATIONS = 16;
const NINE_BITS = 2 ** 9;

/** The number of words that a row has in {@link Kinds.words}. The places of the words follow. */
export const WORDS = 8;
export const KIND = 0;
/**
 * The uid and the gid of the row, each as a number that the table assigns. Both are -1 where an id isn't seen, where the
 * ids aren't uniform, or where the class has more threads than this row.
 */
export const UID = 1;
export const GID = 2;
export const LOW = 3;
export const HIGH = 4;
/** The capabilities that an exec may permit. */
export const GAINED_LOW = 5;
export const GAINED_HIGH = 6;
/** 1: the row is one of several threads of a class, and the threads have different rights. */
export const APART = 7;

/** Assigns numbers to keys, from 0 on, in the order of the first request. */
class Numbers<Key> {
  readonly #known = new Map<Key, number>();

  get size(): number {
    return this.#known.size;
  }

  of(key: Key): number {
    const number = this.#known.get(key) ?? this.#known.size;
    this.#known.set(key, number);
    return number;
  }
}

function namedIds(namespaces: HostFacts['userNsParents']): Set<number> {
  const named = new Set<number>();
  for (const { owner, root } of Object.values(namespaces)) {
    if (owner !== null) named.add(owner);
    if (root !== null) named.add(root);
  }
  return named;
}

/** What the keys of a kind are made from. */
interface KindRow {
  facts: ProcessFacts;
  permitted: CapabilitySet;
  /** The capabilities that an exec may permit. */
  gained: CapabilitySet;
  /** The owners and roots of the host's user namespaces. */
  named: ReadonlySet<number>;
}

const NO_IDS: ReadonlySet<number> = new Set();
const FULL_MASK = maskOf(FULL);

/**
 * The facts of which a kind keeps only a part. {@link Kinds.relation} compares the rest between the two rows. Every other
 * fact counts by its own key.
 */
const PARTS: { readonly [Name in RightsFact]?: (row: KindRow) => unknown } = {
  uids: ({ facts, named }) => patternOf(facts.uids, named),
  gids: ({ facts }) => patternOf(facts.gids, NO_IDS),
  capPermitted: ({ permitted: { powers, mask } }) => `${powers}|${mask === 0n}|${isPart(mask, FULL_MASK)}`,
  // The inheritable and the bounding set count together.
  capInheritable: ({ permitted, gained }) => `${gained.powers}|${isPart(gained.mask, permitted.mask)}`,
  capBounding: () => null,
  lsmLabel: ({ facts }) => labelKind(facts.lsmLabel),
  // Each thread with other rights is a row.
  threadRights: () => null,
};

const KEYS = RIGHTS.map((name): ((row: KindRow) => unknown) => {
  const keyOf = rightsKeyOf(name);
  return PARTS[name] ?? (({ facts }) => keyOf(facts));
});

/**
 * Sorts rows into kinds, so that the rules are asked once for many pairs. The rules compare ids with each other and with
 * the owners and roots of user namespaces. They also ask whether one capability set holds another. Therefore all pairs
 * with the same two kinds and the same relation get the same answer. A user who may make user namespaces can have
 * thousands of uids and capability sets, and so thousands of classes, but only a few kinds.
 *
 * The rules compare single threads, so a row is a thread. The row at the place of a class' id is the first thread of the
 * class. The other threads with different rights follow after the rows of all classes.
 */
export class Kinds {
  /** The number of kinds. */
  readonly count: number;
  /** {@link WORDS} words for each row: plain numbers make loops over many pairs fast. */
  readonly words: Int32Array;
  /** The facts of each row. */
  readonly facts: readonly ProcessFacts[];
  readonly #threads = new Map<number, readonly number[]>();

  /** @param classes the place of each class is its id */
  constructor(classes: readonly ProcessClass[], namespaces: HostFacts['userNsParents']) {
    const rows = classes.map(({ facts }) => facts);
    for (const [id, { facts }] of classes.entries()) {
      const [, ...others] = threadsOf(facts);
      if (others.length > 0) this.#threads.set(id, [id, ...others.map(thread => rows.push(thread) - 1)]);
    }
    this.facts = rows;
    this.words = new Int32Array(rows.length * WORDS);
    const apart = new Set([...this.#threads.values()].flat());
    const named = namedIds(namespaces);
    const sets = new Map<string | null, CapabilitySet>();
    const setOf = (text: string | null): CapabilitySet => {
      const set = sets.get(text) ?? capabilitySet(text);
      sets.set(text, set);
      return set;
    };
    const kinds = new Numbers<string>();
    const [uidNumbers, gidNumbers] = [new Numbers<number | null>(), new Numbers<number | null>()];
    for (const [at, facts] of rows.entries()) {
      const { uids, gids, capPermitted, capInheritable, capBounding } = facts;
      const permitted = setOf(capPermitted);
      const gained = setOf(union(capInheritable, capBounding));
      const key = KEYS.map(keyOf => keyOf({ facts, permitted, gained, named })).join('|');
      const isPlain = isUniform(facts) && !hasUnseenIds(facts) && !apart.has(at);
      const [uid, gid] = isPlain ? [uidNumbers.of(uids.real), gidNumbers.of(gids.real)] : [-1, -1];
      const { low, high } = permitted;
      const { low: gainedLow, high: gainedHigh } = gained;
      const isOfSeveral = apart.has(at) ? 1 : 0;
      this.words.set([kinds.of(key), uid, gid, low, high, gainedLow, gainedHigh, isOfSeveral], at * WORDS);
    }
    this.count = kinds.size;
  }

  /** The rows of a class: one for each thread with different rights. */
  threadsOf(id: number): readonly number[] {
    return this.#threads.get(id) ?? [id];
  }

  /** A number for the kinds of two rows. */
  pair(tracer: number, target: number): number {
    const { words } = this;
    return (words[tracer * WORDS + KIND] as number) * this.count + (words[target * WORDS + KIND] as number);
  }

  /** A number for the relation of two rows: equal ids, and whether the tracer holds the target's capabilities. */
  relation(tracer: number, target: number): number {
    const { words } = this;
    const [from, to] = [tracer * WORDS, target * WORDS];
    const [low, high] = [words[to + LOW] as number, words[to + HIGH] as number];
    const lacks = (low & ~(words[from + LOW] as number)) | (high & ~(words[from + HIGH] as number));
    const lacksGained =
      (low & ~(words[from + GAINED_LOW] as number)) | (high & ~(words[from + GAINED_HIGH] as number));
    const subset = (lacks === 0 ? 1 : 0) + (lacksGained === 0 ? 2 : 0);
    const [uid, gid] = [words[from + UID] as number, words[from + GID] as number];
    if (uid >= 0 && (words[to + UID] as number) >= 0)
      return subset + (uid === words[to + UID] ? 4 : 0) + (gid === words[to + GID] ? 8 : 0);
    const [own, other] = [this.facts[tracer], this.facts[target]];
    if (own === undefined || other === undefined) throw new RangeError('no such row');
    const ids = sameIds(own.uids, other.uids) * NINE_BITS + sameIds(own.gids, other.gids);
    return PLAIN_RELATIONS + ids * 4 + subset;
  }
}
