// npm run test:sysctl: compares the model of sysctl.d (lib/audit) with the real loaders, each tree in a root of its own:
// systemd-sysctl, `sysctl --system` of procps, `sysctl -p` of busybox, and what Void's and Alpine's scripts do with either
// sysctl. The releases are this machine's, and those of Debian 11, 12, 13 and the next (scripts/test/sysctl-loaders.mjs).
// In the lab's kernel the scripts run with this machine's programs alone.
//   --seed N    the seed of the trees (default: a new one each time, which is printed)
//   --count N   trees (default 2000) in the lab's kernel, and as many on ordinary files in the place of /proc/sys
//   --boots N   trees with a boot for each loader, so that they may ask for 3, which can't be undone (default 20)
//   --mode M    kernel, plain, boots or all (default all)
// The trees of test/sysctl/corners.ts come first, except in the mode boots. Each processor gets a part of the trees at a time: a
// test file may not run longer than the limit of test/helpers/watchdog.mjs. Prints a line for each part and each mode. A mode counts
// as a test. The last line is `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { onProcessor } from '../lab-host/processor.mjs';

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

/** @typedef {import('../../test/sysctl/run.js').Totals} Totals */

/** The trees of one process, which takes minutes. @type {Record<string, number>} */
const PART = { plain: 100, kernel: 100, boots: 5 };

/**
 * @param {string} mode @param {number} first @param {number} count @param {number} processor
 * @returns {Promise<{ totals: Totals | null, isGood: boolean }>}
 */
async function runPart(mode, first, count, processor) {
  const report = join(reports, `sysctl-${mode}-${first}.json`);
  rmSync(report, { force: true });
  const settings = JSON.stringify({ seed, count, first, mode, report });
  const [program = '', ...words] = [...onProcessor(processor), process.execPath, vitest, ...suite];
  const child = spawn(program, words, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', TRACEGATE_SYSCTL: settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  /** @type {Totals | null} */
  const totals = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
  const isGood = status === 0 && totals !== null;
  if (!isGood) console.log(`${stdout}${stderr}`);
  console.log(
    `  ${mode}, from tree ${first}: ${totals === null ? 'NOT COMPARED' : `${totals.trees} trees, ${totals.differences} differences`}`,
  );
  return { totals, isGood };
}

/** @param {string} mode */
async function run(mode) {
  const count = counts[mode] ?? 0;
  const part = PART[mode] ?? count;
  const waiting = Array.from({ length: Math.max(1, Math.ceil(count / part)) }, (_, index) => index * part);
  /** @type {Awaited<ReturnType<typeof runPart>>[]} */
  const parts = [];
  const work = async (/** @type {number} */ processor) => {
    for (let first = waiting.shift(); first !== undefined; first = waiting.shift())
      parts.push(await runPart(mode, first, Math.min(part, count - first), processor));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, (_, processor) => work(processor)));

  const compared = parts.flatMap(({ totals }) => totals ?? []);
  const sum = (/** @type {(totals: Totals) => number} */ of) =>
    compared.reduce((total, each) => total + of(each), 0);
  const trees = sum(each => each.trees);
  const kinds = new Set(compared.flatMap(({ shares }) => Object.keys(shares)));
  const share = [...kinds]
    .map(kind => ({ kind, percent: Math.round((100 * sum(({ shares }) => shares[kind] ?? 0)) / trees) }))
    .sort((a, b) => b.percent - a.percent)
    .map(({ kind, percent }) => `${kind} ${percent}%`)
    .join(', ');
  console.log(`${mode}: ${trees} trees, ${sum(each => each.differences)} differences, seed ${seed}`);
  for (const release of compared[0]?.releases ?? []) console.log(`  ${release}`);
  console.log(
    `  trees with: ${share}; cat-config printed the whole list of ${sum(each => each.catConfigWhole)}`,
  );
  return parts.every(({ isGood }) => isGood);
}

const modes = values.mode === 'all' ? Object.keys(counts) : [values.mode];
let failed = 0;
for (const mode of modes) if (!(await run(mode))) failed++;
console.log(`\n${modes.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
