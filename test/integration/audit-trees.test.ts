// The audit on the trees that scripts/test/trees.mjs has booted: what it recorded of each tree is planted and audited, and the answer
// compared with the boot's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { audit } from '../../lib/audit/index.js';
import { agreement, oursOf } from '../../scripts/trees/judge.mjs';
import { stateOf } from '../../scripts/trees/make.mjs';
import { tablesOf, tablesOnPage } from '../../scripts/trees/page.mjs';
import { plantDistilled } from '../../scripts/trees/plant.mjs';
import { readRecorded } from '../../scripts/trees/recorded.mjs';
import { TREES } from '../trees/trees.mjs';

const { answers, distilled } = readRecorded();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-trees-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe.each(TREES.map(tree => [tree.name, tree] as const))('the tree %s', (name, tree) => {
  it('was booted as it is described', () => {
    expect(answers[name]?.state).toBe(stateOf(tree));
  });

  it('brings at its boot what the audit says', async () => {
    const { real, ours: recorded } = answers[name]!;
    const root = join(scratch, name);
    plantDistilled(distilled[name]!, root);
    const ours = oursOf(await audit({ root }));
    // What is recorded of a tree has no programs, so it may leave more open than the tree itself.
    expect(ours.found).toBe(recorded.found);
    expect(agreement(real, ours)).not.toBe('FALSE PASS');
  });
});

it('the page shows what was recorded', () => {
  expect(tablesOnPage()).toBe(tablesOf(answers));
});
