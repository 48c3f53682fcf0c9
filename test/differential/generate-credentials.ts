// Random ids and capabilities: few different ones, so that many are the same, or differ in one place only.
import { type Capability, capabilityMask } from '../../lib/kernel/capabilities.js';
import type { CredentialsSpec, IdSet } from './population.js';
import type { Random } from './random.js';

export const ID_POOL: readonly number[] = [0, 1000, 1001];

/** The ids that a process can take, as its namespace numbers them. */
export interface IdsAtHand {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly isInitial: boolean;
}

export const INITIAL_IDS: IdsAtHand = { uids: ID_POOL, gids: ID_POOL, isInitial: true };

const ALL = 'ffffffffffffffff';

/**
 * If a process has the uid and gid of its namespace's root, no process can see its dumpable flag. So there are few of
 * these.
 */
const INITIAL_WEIGHTS: Record<number, number> = { 0: 0.5, 1000: 6, 1001: 1.5 };
const INNER_WEIGHTS: Record<number, number> = { 0: 0.15 };

/** -1, which changes nothing, where none is at hand. */
export function generateId(random: Random, atHand: readonly number[], isInitial: boolean): number {
  const weight = (id: number) => (isInitial ? INITIAL_WEIGHTS : INNER_WEIGHTS)[id] ?? 1;
  return atHand.length === 0 ? -1 : random.pickWeighted(atHand.map(id => [id, weight(id)] as const));
}

function generateIds(random: Random, atHand: readonly number[], isInitial: boolean, mixing: number): IdSet {
  const one = () => generateId(random, atHand, isInitial);
  const main = one();
  if (!random.chance(mixing)) return [main, main, main, main];
  const other = () => (random.chance(0.4) ? one() : main);
  const [real, effective, saved] = [other(), other(), other()];
  return [real, effective, saved, random.chance(0.3) ? one() : effective];
}

const SETS: readonly (readonly [readonly Capability[] | 'all', number])[] = [
  [[], 10],
  ['all', 1.5],
  [['CAP_SYS_PTRACE'], 2],
  [['CAP_NET_RAW'], 2],
  [['CAP_NET_RAW', 'CAP_SYS_PTRACE'], 1],
  [['CAP_DAC_OVERRIDE'], 1],
  [['CAP_DAC_READ_SEARCH', 'CAP_NET_RAW'], 1],
  [['CAP_PERFMON'], 0.7],
  [['CAP_SYS_ADMIN'], 0.7],
  [['CAP_KILL', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'], 0.7],
];

const hex = (names: readonly Capability[] | 'all') =>
  names === 'all' ? ALL : capabilityMask(names).toString(16);

/** In an inner namespace CAP_SYS_PTRACE is what decides, so many have it. */
const INNER_SETS: typeof SETS = [...SETS, ['all', 3], [['CAP_SYS_PTRACE'], 4]];

function generateCapabilities(
  random: Random,
  isInitial: boolean,
): Pick<CredentialsSpec, 'permitted' | 'effective'> {
  const permitted = random.pickWeighted(isInitial ? SETS : INNER_SETS);
  const kind = random.pickWeighted([
    ['all of them', 6],
    ['none', 2],
    ['some', 2],
  ]);
  if (kind === 'all of them') return { permitted: hex(permitted), effective: hex(permitted) };
  if (kind === 'none') return { permitted: hex(permitted), effective: '0' };
  const some = permitted === 'all' ? random.pickWeighted(SETS) : permitted.filter(() => random.chance(0.5));
  return { permitted: hex(permitted), effective: hex(some) };
}

/** Nothing: it stays as it was made. */
export function generateCredentials(
  random: Random,
  { uids, gids, isInitial }: IdsAtHand,
): { credentials?: CredentialsSpec } {
  if (random.chance(0.06)) return {};
  return {
    credentials: {
      uids: generateIds(random, uids, isInitial, 0.25),
      gids: generateIds(random, gids, isInitial, 0.12),
      ...generateCapabilities(random, isInitial),
    },
  };
}
