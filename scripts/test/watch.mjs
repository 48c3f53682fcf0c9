// @ts-check
// npm run test:watch: `tracegate watch` in a stock kernel, beside programs that log what they do, at each ptrace_scope. Each access
// must be in the recording, with its outcome; and what the recording at scope 0 says of 1, 2 and 3 must be what happens there.
//   --seed N      the seed of the programs and their accesses (default: the commit's)
//   --count N     accesses at each scope (default 500)
//   --programs N  programs (default 50)
//   --kernel K    qemu-6.1 or qemu-6.12; may be given several times (default both)
// Prints a line for each comparison, which counts as a test, and at the end `N passed, N failed, N skipped`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commitSeed } from './commit-seed.mjs';
import { buildWatch, bundled, runInLab } from './watch/lab.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '500' },
    programs: { type: 'string', default: '50' },
    kernel: { type: 'string', multiple: true, default: ['qemu-6.1', 'qemu-6.12'] },
  },
});

/** @param {string} option @param {string} text */
function number(option, text) {
  if (/^\d+$/.test(text) && Number(text) < 2 ** 32) return Number(text);
  console.error(`--${option} wants a number below ${2 ** 32}, not '${text}'`);
  process.exit(2);
}

const seed = number('seed', values.seed ?? commitSeed());
const count = number('count', values.count);
const programs = number('programs', values.programs);
const SCOPES = [0, 1, 2, 3];
/** Seconds for a scope: for a kernel that hangs. */
const LIMIT = 600 + count / 5;
const MOST_UNKNOWN = 0.02;
/** Of the differences of one comparison, so many are printed. */
const SHOWN = 10;

/** @param {string} kernel @returns {{ title: string, isGood: boolean, differences: readonly string[] }[]} */
function compareIn(kernel) {
  const given = { seed, count, programs };
  const directory = runInLab('in-guest', { kernel, scopes: SCOPES, seconds: LIMIT, given });
  const files = SCOPES.map(scope => join(directory, `scope-${scope}`));
  const missing = files.filter(file => !existsSync(`${file}.json`) || !existsSync(`${file}.ndjson`));
  if (missing.length > 0) return [{ title: `${kernel}: no answer`, isGood: false, differences: missing }];
  const runs = files.map(file => ({
    log: JSON.parse(readFileSync(`${file}.json`, 'utf8')),
    recording: readFileSync(`${file}.ndjson`, 'utf8'),
  }));
  const complete = runs.map(({ log, recording }, scope) => {
    const { accesses, lost, differences } = isComplete(log, recording);
    const rate = Math.round((1000 * accesses) / log.took);
    return {
      title: `${kernel} scope ${scope}: ${accesses} accesses at ${rate} a second, ${lost} lost, ${differences.length} differences`,
      isGood: differences.length === 0 && lost === 0,
      differences,
    };
  });
  const [first] = runs;
  const truths = runs.slice(1).map(({ log }, at) => {
    const truth = first && isTrue(first.log, first.recording, log);
    const { comparisons = 0, unknown = 0, differences = [] } = truth ?? {};
    const share = unknown / comparisons;
    return {
      title: `${kernel} scope ${at + 1}, said at 0: ${comparisons} verdicts, ${differences.length} differences, ${(100 * share).toFixed(2)} % unknown`,
      isGood: comparisons > 0 && differences.length === 0 && share < MOST_UNKNOWN,
      differences,
    };
  });
  return [...complete, ...truths];
}

await buildWatch(['in-guest', 'compare']);
/** @type {typeof import('../../test/watch/compare.js')} */
const { isComplete, isTrue } = await import(bundled('compare'));
console.log(`seed ${seed}: ${count} accesses between ${programs} programs`);
const results = values.kernel.flatMap(compareIn);
for (const { title, isGood, differences } of results) {
  console.log(`${isGood ? 'ok  ' : 'FAIL'} ${title}`);
  for (const difference of differences.slice(0, SHOWN)) console.log(`     ${difference}`);
  if (differences.length > SHOWN) console.log(`     and ${differences.length - SHOWN} more`);
}
const failed = results.filter(({ isGood }) => !isGood).length;
console.log(`\n${results.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
