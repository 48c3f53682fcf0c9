// The two tiers of the suite. `npm test` asks every rule once, with small counts. `npm run test:nightly` asks the same
// rules with large counts. The tests are the same in both tiers: only how often they ask differs. One is asked at
// night alone, and skipped by that name in the day: the play of the Ansible role in the lab, which takes minutes.

/** False in a plain vitest run too. */
export const isNightly = process.env.TRACEGATE_TIER === 'nightly';

/**
 * The tag of tests whose answer, or the way to it, depends on the privilege of the process that runs them. As root,
 * `npm test` runs these tests a second time as an ordinary user, and `npm run test:nightly` runs their whole files.
 */
export const BY_USER_TOO = { tags: ['by-user-too'] };

/** How often a test asks, or of how many: in `npm test`, and in `npm run test:nightly`. */
export const times = (short: number, nightly: number): number => (isNightly ? nightly : short);

/**
 * The seed of every random test: it comes from the commit (vitest.config.ts), so that each commit asks something new, and
 * the same commit asks the same again. `TRACEGATE_SEED=N` sets another one.
 */
export const SEED = Number(process.env.TRACEGATE_SEED);
if (!Number.isSafeInteger(SEED))
  throw new Error(`TRACEGATE_SEED is '${process.env.TRACEGATE_SEED}': want a whole number`);
