// The model against the kernel: random populations of real processes, every ordered pair of them. Without settings a small
// run, whose populations the commit's seed draws; scripts/test/differential.mjs compares more.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TRACERS, VIEWS } from '../differential/compare.js';
import {
  type Replay,
  replayDifferential,
  runDifferential,
  type Totals,
} from '../differential/differential.js';
import { Laboratory } from '../differential/laboratory.js';
import { SEED, times } from '../helpers/tier.js';
import { isStock, kernelName, labScope, requirePowers, scope, scopeName } from './scope.js';

interface Given {
  seed?: number;
  count?: number;
  replay?: Replay;
  /** Where the totals go, a file for each scope. */
  directory?: string;
}

const given = JSON.parse(process.env.TRACEGATE_DIFFERENTIAL ?? '{}') as Given;
// In QEMU each instruction is translated.
const PAIRS = times(isStock ? 200 : 400, 3000);
/** The share of one population varies with the seed: of 80 the mean was 1.1 %, the largest 7 %. */
const mostUnknown = (pairs: number) => (pairs < 10_000 ? 0.15 : 0.02);

const where = `--kernel ${process.env.TRACEGATE_LAB ?? 'here'}${scope === null ? '' : ` --scope ${scope}`}`;

let laboratory: Laboratory;
beforeAll(async () => {
  requirePowers();
  laboratory = await Laboratory.open();
});
afterAll(() => laboratory?.close());

const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)}%`;

/** Of what root sees, also where nothing lists the security modules, and of tracers of which nothing is hidden by nature. */
const mostOfRoot = ({ unknown, comparisons }: Totals) =>
  Math.max(unknown.root.plain, unknown['root, no list'].plain) / comparisons.plain;

function check(totals: Totals, what: string) {
  const { pairs, populations, comparisons, differences, unknown, refusedUnseen, reproductions } = totals;
  const unknowns = TRACERS.filter(kind => comparisons[kind] > 0).map(kind => {
    const shares = VIEWS.map(view => `${share(unknown[view][kind], comparisons[kind])} (${view})`);
    return `\n  ${kind} tracers, ${comparisons[kind]} comparisons, unknown: ${shares.join(', ')}`;
  });
  console.log(
    `${scopeName} (${kernelName}), ${what}: ${populations} populations, ${pairs} pairs, ${differences} differences, ${refusedUnseen} refused by a Landlock domain that no fact shows${unknowns.join('')}`,
  );
  const isGood = differences === 0 && mostOfRoot(totals) < mostUnknown(pairs);
  if (given.directory)
    writeFileSync(join(given.directory, `totals-${labScope}.json`), JSON.stringify({ ...totals, isGood }));
  expect(reproductions.join('\n\n')).toBe('');
  expect(differences).toBe(0);
}

if (given.replay) {
  const replay = given.replay;
  it('the model gives the answer of the kernel in this saved case', async () => {
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
