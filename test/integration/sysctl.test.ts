// The model of sysctl.d, compared with the real loaders, each in a root directory of its own: this machine's, and those of
// Debian's releases that scripts/setup.sh has fetched. Without settings a small run on ordinary files in the place of /proc/sys;
// scripts/test/sysctl.mjs draws others, in the lab's kernel.
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AS_USER, IS_ROOT, PUBLIC_MODULES } from '../helpers/processes.js';
import { isNightly, SEED, times } from '../helpers/tier.js';
import { plantFiles } from '../sysctl/planted.js';
import { Nursery, runTrees, type Settings } from '../sysctl/run.js';

const given = JSON.parse(process.env.TRACEGATE_SYSCTL ?? '{}') as Partial<Settings> & { report?: string };
const { seed = SEED, count = times(10, 300), first = 0, mode = 'plain' } = given;

// chroot(2) wants CAP_SYS_CHROOT.
let nursery: Nursery | undefined;
beforeAll(() => {
  // In the lab the scripts take longer than all else: there they run with this machine's programs alone.
  const withScripts = mode === 'plain' && (given.report || isNightly);
  if (IS_ROOT) nursery = new Nursery(withScripts ? 'scripts' : 'programs');
});
afterAll(() => nursery?.clear());

it.skipIf(!IS_ROOT)(
  `${count} trees of seed ${seed} (${mode}): the same value, the same order of files (needs root: chroot)`,
  () => {
    const totals = runTrees(nursery!, { seed, count, first, mode });
    if (given.report) writeFileSync(given.report, JSON.stringify(totals));
    expect(totals.reproductions.join('\n\n')).toBe('');
    expect(totals.differences).toBe(0);
    expect(totals.trees).toBeGreaterThanOrEqual(count);
  },
);

it('a file that an ordinary user may not read gives unknown, unless it cannot matter', () => {
  const set = 'kernel.yama.ptrace_scope=2\n';
  const root = plantFiles({ '/etc/sysctl.d/a.conf': set, '/etc/sysctl.conf': set, '/run/sysctl.d/': '' });
  chmodSync(dirname(root), 0o755);
  const script = `
    const { openFileTree } = await import('${PUBLIC_MODULES}/audit/tree/file-tree.js');
    const { readSysctlConfig } = await import('${PUBLIC_MODULES}/audit/sysctl/config.js');
    const { nextBoot, unreadable } = readSysctlConfig(openFileTree('${root}'));
    console.log(JSON.stringify([nextBoot['systemd-sysctl'].state, nextBoot.procps.state, ...unreadable.map(({ cause }) => cause)]));`;
  const ask = () => {
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      ...AS_USER,
    });
    return JSON.parse(child.stdout) as string[];
  };
  expect(ask()).toEqual(['known', 'known']);
  chmodSync(join(root, 'etc/sysctl.conf'), 0);
  expect(ask()).toEqual(['known', 'unknown', expect.stringContaining('EACCES')]);
  chmodSync(join(root, 'run/sysctl.d'), 0);
  expect(ask().slice(0, 2)).toEqual(['unknown', 'unknown']);
  chmodSync(join(root, 'run/sysctl.d'), 0o700);
});
