// The model against the kernel: random populations of real processes, every ordered pair of them. Without settings a small
// run, whose populations the commit's seed draws; scripts/test-differential.mjs compares more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VIEWS } from '../differential/compare.js';
import {
  type Replay,
  replayDifferential,
  runDifferential,
  type Totals,
} from '../differential/differential.js';
import { Laboratory } from '../differential/laboratory.js';
import { SEED, times } from '../helpers/tier.js';
import { kernelName, labScope, requirePowers, scope, scopeName } from './scope.js';

interface Given {
  seed?: number;
  count?: number;
  replay?: Replay;
  /** Where the totals go, a file for each scope. */
  directory?: string;
}

const given = JSON.parse(process.env.TRACEGATE_DIFFERENTIAL ?? '{}') as Given;
const PAIRS = times(1000, 3000);
/** The share of a few populations varies with the seed: 1.6 to 3.2 % were seen of three. */
const mostUnknown = (pairs: number) => (pairs < 10_000 ? 0.1 : 0.02);

const where = `--kernel ${process.env.TRACEGATE_LAB ?? 'here'}${scope === null ? '' : ` --scope ${scope}`}`;

let laboratory: Laboratory;
beforeAll(async () => {
  requirePowers();
  laboratory = await Laboratory.open();
});
afterAll(() => laboratory?.close());

const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)}%`;

/** Of what root sees, also where nothing lists the security modules. */
const mostOfRoot = ({ unknown, comparisons }: Totals) =>
  Math.max(unknown.root, unknown['root, no list']) / comparisons;

function check(totals: Totals, what: string) {
  const { pairs, populations, comparisons, differences, unknown, reproductions } = totals;
  const unknowns = VIEWS.map(view => `${share(unknown[view], comparisons)} (${view})`).join(', ');
  console.log(
    `${scopeName} (${kernelName}), ${what}: ${populations} populations, ${pairs} pairs, ${comparisons} comparisons, ${differences} differences, unknown: ${unknowns}`,
  );
  const isGood = differences === 0 && mostOfRoot(totals) < mostUnknown(pairs);
  if (given.directory)
    writeFileSync(join(given.directory, `totals-${labScope}.json`), JSON.stringify({ ...totals, isGood }));
  expect(reproductions.join('\n\n')).toBe('');
  expect(differences).toBe(0);
}

if (given.replay) {
  const replay = given.replay;
  it('the model says what the kernel answers, once more', async () => {
    check(await replayDifferential(laboratory, replay, where), 'a replay');
  });
} else {
  it.each([given.seed ?? SEED])(
    `the model says what the kernel answers at ${scopeName}: seed %i`,
    async seed => {
      const totals = await runDifferential(laboratory, { seed, count: given.count ?? PAIRS }, where);
      check(totals, `seed ${seed}`);
      expect(mostOfRoot(totals)).toBeLessThan(mostUnknown(totals.pairs));
    },
  );
}
