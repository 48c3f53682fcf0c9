// Random confinement: no_new_privs, seccomp filters and Landlock domains. Apart from generate.ts, because an attacker's code,
// which test/scopes/attack.ts injects into the same populations, would not run behind a filter.
import { constants } from 'node:os';
import { FILTERABLE, type FilterSpec } from './confinement.js';
import type { ConfinementSpec, Population } from './population.js';
import type { Random } from './random.js';

const { EPERM, EACCES, ENOSYS, ESRCH, EINVAL, EBADF, EFAULT, EIO } = constants.errno;

/** The errnos of usual profiles and, more rarely, an errno that the kernel itself gives to an allowed question. */
const ERRNOS: readonly (readonly [number, number])[] = [
  [EPERM, 6],
  [ENOSYS, 3],
  [EACCES, 2],
  [ESRCH, 1],
  [EINVAL, 1],
  [EBADF, 1],
  [EFAULT, 1],
  [EIO, 1],
];

export function generateFilter(random: Random): FilterSpec {
  const share = random.pick([0.25, 0.5, 0.9]);
  return { calls: FILTERABLE.filter(() => random.chance(share)), errno: random.pickWeighted(ERRNOS) };
}

function generateConfinement(random: Random): ConfinementSpec {
  const kind = random.pickWeighted([
    ['filtered', 5],
    ['sandboxed', 5],
    ['both', 1],
    ['neither', 1],
  ]);
  const filters = kind === 'filtered' || kind === 'both' ? 1 + Number(random.chance(0.2)) : 0;
  const domains = kind === 'sandboxed' || kind === 'both' ? 1 + Number(random.chance(0.2)) : 0;
  const isEarly = random.chance(0.3);
  return {
    ...((kind === 'neither' || random.chance(0.6)) && { noNewPrivs: true }),
    ...(filters > 0 && { filters: Array.from({ length: filters }, () => generateFilter(random)) }),
    ...(domains > 0 && { domains }),
    ...(isEarly && { early: true }),
  };
}

/** The same population, in which some processes and threads are confined. */
export function confine(random: Random, population: Population): Population {
  const drawn = (share: number) => (random.chance(share) ? { confines: generateConfinement(random) } : {});
  return population.map(spec => ({
    ...spec,
    ...drawn(0.15),
    ...(spec.threads && { threads: spec.threads.map(thread => ({ ...thread, ...drawn(0.2) })) }),
  }));
}
