/** Numbers from a seed alone: mulberry32 (Tommy Ettinger, public domain). The streams of one seed don't depend on each other. */
export class Random {
  #state: number;

  constructor(seed: number, ...stream: (number | string)[]) {
    this.#state = stream.reduce<number>(
      (state, part) => [...`${part}/`].reduce((hash, letter) => mix(hash ^ letter.charCodeAt(0)), state),
      mix(seed),
    );
  }

  /** Below 2^32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** `[item, weight]` each. */
  pickWeighted<T>(items: readonly (readonly [T, number])[]): T {
    let at = (this.next() / 2 ** 32) * items.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [item, weight] of items) {
      if (at < weight) return item;
      at -= weight;
    }
    return items.at(-1)![0];
  }

  shuffle<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.map(() => left.splice(this.below(left.length), 1)[0]!);
  }
}

/** The finalizer of MurmurHash3. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) + 0x9e3779b9;
}
