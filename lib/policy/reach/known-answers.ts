import {
  APART,
  GAINED_HIGH,
  GAINED_LOW,
  GID,
  HIGH,
  KIND,
  type Kinds,
  LOW,
  PLAIN_RELATIONS,
  UID,
  WORDS,
} from './class-kinds.js';

const NOT_ASKED = 255;
/** Upper limit of the table's size in bytes. Where the table would be larger, a map holds the answers. */
const LARGEST_TABLE = 1 << 24;

const CODES = 16;
/** A target and the answer about it, as one number. */
const hitOf = (target: number, code: number) => target * CODES + code;
export const targetIn = (hit: number): number => hit >> 4;
export const codeIn = (hit: number): number => hit & 15;

export interface Asks {
  /** What the rules say of two rows of {@link Kinds}, as a code from 0 to 15. */
  ask(tracer: number, target: number): number;
  /** The code of the access by either of two codes. Code 0 is no access. */
  either(code: number, other: number): number;
}

/**
 * The answers about pairs of classes. The rules are asked once for all pairs with the same kinds and the same relation.
 * Where the threads of a class have different rights, each thread is asked about, and the class has the access of all.
 */
export class KnownAnswers {
  readonly #kinds: Kinds;
  readonly #asks: Asks;
  readonly #table: Uint8Array | null;
  readonly #others = new Map<number, Map<number, number>>();
  /** The number of pairs that the rules were asked about. */
  asked = 0;

  constructor(kinds: Kinds, asks: Asks) {
    const size = kinds.count * kinds.count * PLAIN_RELATIONS;
    this.#kinds = kinds;
    this.#asks = asks;
    this.#table = size <= LARGEST_TABLE ? new Uint8Array(size).fill(NOT_ASKED) : null;
  }

  /** The code for two classes, by their ids. */
  of(tracer: number, target: number): number {
    const { words } = this.#kinds;
    if ((words[tracer * WORDS + APART] as number) + (words[target * WORDS + APART] as number) === 0)
      return this.#ofRows(tracer, target);
    let code = 0;
    for (const from of this.#kinds.threadsOf(tracer)) {
      for (const to of this.#kinds.threadsOf(target)) code = this.#asks.either(code, this.#ofRows(from, to));
    }
    return code;
  }

  #ofRows(tracer: number, target: number): number {
    const pair = this.#kinds.pair(tracer, target);
    const relation = this.#kinds.relation(tracer, target);
    if (this.#table !== null && relation < PLAIN_RELATIONS) {
      const at = pair * PLAIN_RELATIONS + relation;
      const code = this.#table[at] as number;
      return code === NOT_ASKED ? this.#askFor(this.#table, at, tracer, target) : code;
    }
    let known = this.#others.get(pair);
    if (known === undefined) {
      known = new Map();
      this.#others.set(pair, known);
    }
    let code = known.get(relation);
    if (code === undefined) {
      this.asked++;
      code = this.#asks.ask(tracer, target);
      known.set(relation, code);
    }
    return code;
  }

  #askFor(table: Uint8Array, at: number, tracer: number, target: number): number {
    this.asked++;
    const code = this.#asks.ask(tracer, target);
    table[at] = code;
    return code;
  }

  /**
   * As `of()` for many targets, without the targets whose answer is 0. A host has up to n² pairs, so this is one loop
   * over plain numbers.
   *
   * @param hits receives one {@link hitOf} for each target found, from `length` on
   * @returns the new length of the hits
   */
  scan(tracer: number, targets: Int32Array, hits: Int32Array, length: number): number {
    let end = length;
    const { words, count } = this.#kinds;
    const table = this.#table;
    const from = tracer * WORDS;
    const uid = words[from + UID] as number;
    const gid = words[from + GID] as number;
    if (table === null || uid < 0) {
      for (const target of targets) {
        const code = this.of(tracer, target);
        if (code !== 0) hits[end++] = hitOf(target, code);
      }
      return end;
    }
    const base = (words[from + KIND] as number) * count;
    const [lacks, lacksToo] = [~(words[from + LOW] as number), ~(words[from + HIGH] as number)];
    const gainsNot = ~(words[from + GAINED_LOW] as number);
    const gainsNotToo = ~(words[from + GAINED_HIGH] as number);
    for (let place = 0; place < targets.length; place++) {
      const target = targets[place] as number;
      const to = target * WORDS;
      const low = words[to + LOW] as number;
      const high = words[to + HIGH] as number;
      let relation = 0;
      if (((low & lacks) | (high & lacksToo)) === 0) relation = 1;
      if (((low & gainsNot) | (high & gainsNotToo)) === 0) relation += 2;
      const targetUid = words[to + UID] as number;
      if (targetUid === uid) relation += 4;
      if (words[to + GID] === gid) relation += 8;
      const at = (base + (words[to + KIND] as number)) * PLAIN_RELATIONS + relation;
      let code = targetUid < 0 ? this.of(tracer, target) : (table[at] as number);
      if (code === NOT_ASKED) code = this.#askFor(table, at, tracer, target);
      if (code !== 0) hits[end++] = hitOf(target, code);
    }
    return end;
  }
}
