import { holds } from './capable.js';
import { isApart, isUniform } from './class-groups.js';
import { FULL, HELPFUL, isPart, maskOf, union } from './guises.js';
import { labelKind } from './other-lsm.js';
import { type ProcessClass, ruledOutKey } from './process-classes.js';

interface Kind {
  /** By number: all that the rules look at but the ids, and which capabilities exactly it has. */
  alone: number;
  /** The same, with the ids. */
  withIds: number;
  permitted: bigint | null;
  /** What an exec may permit it. */
  gained: bigint | null;
}

const powersOf = (mask: string | null) =>
  mask === null ? 'unseen' : HELPFUL.map(capability => Number(holds(mask, capability))).join('');

function numbered(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}

function kindOf(its: ProcessClass, numbers: Map<string, number>): Kind {
  const { facts } = its;
  const { uids, gids, userNs, memoryUserNs, capPermitted, capInheritable, capBounding } = facts;
  const [permitted, gains] = [maskOf(capPermitted), union(capInheritable, capBounding)];
  const gained = maskOf(gains);
  // Of the class as a tracer and as a target.
  const parts = [
    ...[
      userNs,
      ruledOutKey(facts),
      memoryUserNs,
      facts.dumpable,
      facts.kind,
      facts.seccomp,
      facts.noNewPrivs,
    ],
    ...[labelKind(facts.lsmLabel), isUniform(its), uids.real === 0],
    ...[powersOf(capPermitted), permitted === 0n, isPart(permitted, maskOf(FULL))],
    ...[powersOf(gains), isPart(gained, permitted)],
  ].join('|');
  const ids = [uids.real, uids.effective, uids.saved, gids.real, gids.effective, gids.saved];
  return {
    alone: numbered(numbers, parts),
    withIds: numbered(numbers, `${parts}|${ids}`),
    permitted,
    gained,
  };
}

export function hasSameIds(tracer: ProcessClass, target: ProcessClass): boolean {
  if (isApart(tracer) || isApart(target) || !isUniform(tracer) || !isUniform(target)) return false;
  const [from, to] = [tracer.facts, target.facts];
  return from.uids.real === to.uids.real && from.gids.real === to.gids.real;
}

/**
 * Pairs of classes of which the rules say the same. Whoever may make user namespaces can have thousands of capability sets,
 * and so of classes; what counts of two is whether one holds all that the other has.
 */
export class Kinds {
  readonly #numbers = new Map<string, number>();
  readonly #kinds = new Map<ProcessClass, Kind>();
  /** More than there can be numbers. */
  readonly #base: number;

  constructor(classes: readonly ProcessClass[]) {
    this.#base = 2 * classes.length + 1;
  }

  #of(its: ProcessClass): Kind {
    let kind = this.#kinds.get(its);
    if (kind === undefined) {
      kind = kindOf(its, this.#numbers);
      this.#kinds.set(its, kind);
    }
    return kind;
  }

  /** The same number for pairs that get the same answer; where `isAlike`, whichever ids they have. */
  keyOf(tracer: ProcessClass, target: ProcessClass, isAlike: boolean): number {
    const [from, to] = [this.#of(tracer), this.#of(target)];
    const pair = isAlike ? from.alone * this.#base + to.alone : from.withIds * this.#base + to.withIds;
    const isWithin = Number(isPart(to.permitted, from.permitted));
    const isWithinGained = Number(isPart(to.permitted, from.gained));
    return (pair * 2 + isWithin) * 2 + isWithinGained;
  }
}
