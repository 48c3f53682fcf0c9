import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { FULL, HELPFUL, isPart, maskOf, union } from './assumable-credentials.js';
import { holds } from './capable.js';
import { hasUnseenIds, isUniform } from './class-groups.js';
import { labelKind } from './other-lsm.js';
import { type ProcessClass, ruledOutKey } from './process-classes.js';
import { threadsOf } from './threads.js';

/** What the rules look at in a capability set of one process; null: not seen. */
interface CapabilitySet {
  mask: bigint | null;
  /** Which of the helpful capabilities it has. */
  powers: string;
  /** As two words of 32 bits, which is what kernel_cap_t has; 0 where it isn't seen. */
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

/** Which of three ids are the same, and of those in `named` the id. */
const patternOf = (ids: SeenIds, named: ReadonlySet<number>) => {
  const all = three(ids);
  return all.map(id => (id === null ? 'unseen' : named.has(id) ? `=${id}` : `${all.indexOf(id)}`)).join(' ');
};

/** A bit for each of the tracer's ids and each of the target's: whether they are the same. */
function sameIds(tracer: SeenIds, target: SeenIds): number {
  let bits = 0;
  for (const own of three(tracer)) {
    for (const id of three(target)) bits = bits * 2 + Number(own !== null && own === id);
  }
  return bits;
}

/** Of a pair of rows whose ids are all seen and uniform, each relation is less than this. */
export const PLAIN_RELATIONS = 16;
const NINE_BITS = 2 ** 9;

/** What a row has in {@link Kinds.words}, one word each. */
export const WORDS = 8;
export const KIND = 0;
/**
 * Its uid and its gid by a number of their own; -1 where these aren't seen, or aren't uniform, or where the class has more
 * threads than this row.
 */
export const UID = 1;
export const GID = 2;
export const LOW = 3;
export const HIGH = 4;
/** What an exec may permit it. */
export const GAINED_LOW = 5;
export const GAINED_HIGH = 6;
/** 1: it is one of several threads of a class with different rights. */
export const APART = 7;

/** Numbers from 0 on for what is asked for. */
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

/**
 * The rules compare ids with each other and with the owners and roots of user namespaces, and ask of capability sets whether
 * one holds all that the other has. So pairs of the same two kinds, and the same relation, get the same answer. Whoever may
 * make user namespaces can have thousands of uids and capability sets, and so of classes; kinds are few.
 *
 * The rules compare single threads, so what has a kind is a row: at a class's id the class, or its first thread where its
 * threads have different rights. The rows of its other threads follow those of all classes.
 */
export class Kinds {
  /** How many kinds there are. */
  readonly count: number;
  /** By row, for loops over many pairs. */
  readonly words: Int32Array;
  /** By row. */
  readonly facts: readonly ProcessFacts[];
  readonly #threads = new Map<number, readonly number[]>();

  /** @param classes each at the place that is its id */
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
    const none = new Set<number>();
    const sets = new Map<string | null, CapabilitySet>();
    const setOf = (text: string | null): CapabilitySet => {
      const set = sets.get(text) ?? capabilitySet(text);
      sets.set(text, set);
      return set;
    };
    const full = maskOf(FULL);
    const kinds = new Numbers<string>();
    const [uidNumbers, gidNumbers] = [new Numbers<number | null>(), new Numbers<number | null>()];
    for (const [at, facts] of rows.entries()) {
      const { uids, gids, userNs, capPermitted, capInheritable, capBounding } = facts;
      const permitted = setOf(capPermitted);
      const gained = setOf(union(capInheritable, capBounding));
      // As a tracer and as a target.
      const key = [
        ...[userNs, ruledOutKey(facts), facts.memoryUserNs, facts.dumpable, facts.kind],
        ...[facts.seccomp, facts.noNewPrivs],
        ...[labelKind(facts.lsmLabel), patternOf(uids, named), patternOf(gids, none)],
        ...[permitted.powers, permitted.mask === 0n, isPart(permitted.mask, full)],
        ...[gained.powers, isPart(gained.mask, permitted.mask)],
      ].join('|');
      const isPlain = isUniform(facts) && !hasUnseenIds(facts) && !apart.has(at);
      const [uid, gid] = isPlain ? [uidNumbers.of(uids.real), gidNumbers.of(gids.real)] : [-1, -1];
      const { low, high } = permitted;
      const { low: gainedLow, high: gainedHigh } = gained;
      const isOfSeveral = apart.has(at) ? 1 : 0;
      this.words.set([kinds.of(key), uid, gid, low, high, gainedLow, gainedHigh, isOfSeveral], at * WORDS);
    }
    this.count = kinds.size;
  }

  /** Of a class the rows of its threads that differ. */
  threadsOf(id: number): readonly number[] {
    return this.#threads.get(id) ?? [id];
  }

  /** By two rows. */
  pair(tracer: number, target: number): number {
    const { words } = this;
    return (words[tracer * WORDS + KIND] as number) * this.count + (words[target * WORDS + KIND] as number);
  }

  /** By two rows. */
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
