// npm run test:sysctl: compares the model of sysctl.d (lib/audit) with the real loaders, each tree in a root of its own:
// systemd-sysctl, `sysctl --system` of procps, `sysctl -p` of busybox, and what Void's and Alpine's scripts do with either
// sysctl. The releases are this machine's, and those of Debian 11, 12, 13 and the next (scripts/test/sysctl-loaders.mjs).
// In the lab's kernel the scripts run with this machine's programs alone.
//   --seed N    the seed of the trees (default: a new one each time, which is printed)
//   --count N   trees (default 2000) in the lab's kernel, and as many on ordinary files in the place of /proc/sys
//   --boots N   trees with a boot for each loader, so that they may ask for 3, which can't be undone (default 20)
//   --mode M    kernel, plain, boots or all (default all)
// The trees of test/sysctl/corners.ts come first, except in the mode boots. Prints a line for each mode, which counts
// as a test, and at the end `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '2000' },
    boots: { type: 'string', default: '20' },
    mode: { type: 'string', default: 'all' },
  },
});

/** @param {string} option @param {string} text */
function number(option, text) {
  if (/^\d+$/.test(text) && Number(text) < 2 ** 32) return Number(text);
  console.error(`--${option} wants a number below ${2 ** 32}, not '${text}'`);
  process.exit(2);
}

const seed = values.seed === undefined ? randomInt(2 ** 32) : number('seed', values.seed);
/** @type {Record<string, number>} */
const counts = {
  plain: number('count', values.count),
  kernel: number('count', values.count),
  boots: number('boots', values.boots),
};
if (values.mode !== 'all' && !Object.hasOwn(counts, values.mode)) {
  console.error(`--mode wants kernel, plain, boots or all, not '${values.mode}'`);
  process.exit(2);
}
if (process.geteuid?.() !== 0) {
  console.error('test-sysctl: a root for each tree takes chroot(2): run it as root');
  process.exit(3);
}

const root = join(import.meta.dirname, '..', '..');
const reports = join(root, 'build', 'reports');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const suite = ['run', '--project', 'integration', 'test/integration/sysctl.test.ts', '-t', 'trees of seed'];
mkdirSync(reports, { recursive: true });

/** @param {string} mode */
function run(mode) {
  const report = join(reports, `sysctl-${mode}.json`);
  rmSync(report, { force: true });
  const settings = JSON.stringify({ seed, count: counts[mode], mode, report });
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, ...suite], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', TRACEGATE_SYSCTL: settings },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const isGood = status === 0 && existsSync(report);
  if (!isGood) console.log(`${stdout}${stderr}`);
  if (!existsSync(report)) {
    console.log(`${mode}: NOT COMPARED`);
    return false;
  }
  const { trees, releases, differences, shares, catConfigWhole } = JSON.parse(readFileSync(report, 'utf8'));
  const share = Object.entries(/** @type {Record<string, number>} */ (shares))
    .sort(([, a], [, b]) => b - a)
    .map(([kind, part]) => `${kind} ${Math.round((100 * part) / trees)}%`)
    .join(', ');
  console.log(`${mode}: ${trees} trees, ${differences} differences, seed ${seed}`);
  for (const release of releases) console.log(`  ${release}`);
  console.log(`  trees with: ${share}; cat-config printed the whole list of ${catConfigWhole}`);
  return isGood;
}

const modes = values.mode === 'all' ? Object.keys(counts) : [values.mode];
const failed = modes.map(run).filter(isGood => !isGood).length;
console.log(`\n${modes.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
