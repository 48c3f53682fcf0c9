// The model of sysctl.d against the real systemd-sysctl and `sysctl --system`, each in a root of its own. Without settings a
// small run on ordinary files in the place of /proc/sys; scripts/test-sysctl.mjs draws others, in the lab's kernel.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Nursery, runTrees, type Settings } from '../sysctl/run.js';

const given = JSON.parse(process.env.TRACEGATE_SYSCTL ?? '{}') as Partial<Settings> & { report?: string };
const { seed = 1, count = 300, mode = 'plain' } = given;

// chroot(2) wants CAP_SYS_CHROOT.
const isRoot = process.geteuid?.() === 0;
let nursery: Nursery | undefined;
beforeAll(() => {
  if (isRoot) nursery = new Nursery();
});
afterAll(() => nursery?.clear());

it.skipIf(!isRoot)(
  `${count} trees of seed ${seed} (${mode}): the same value, the same order of files (needs root: chroot)`,
  { timeout: 3_600_000 },
  () => {
    const totals = runTrees(nursery!, { seed, count, mode });
    if (given.report) writeFileSync(given.report, JSON.stringify(totals));
    expect(totals.reproductions.join('\n\n')).toBe('');
    expect(totals.differences).toBe(0);
    expect(totals.trees).toBe(count);
  },
);
