// npm run test:differential: the model (checkAccess) against the kernel, on random populations of real processes.
//   --seed N       the seed of the populations (default: a new one each time, which is printed)
//   --count N      ordered pairs of processes at each scope (default 20000)
//   --kernel K     uml, qemu-6.1, qemu-6.12, here (this machine's own, as it is) or all (default uml)
//   --scope N[,N]  ptrace_scope, all in one boot (default 0,1,2,3)
//   --replay JSON  one population, as a difference prints it
// Prints a line for each kernel and scope, which counts as a test, and at the end `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commitSeed } from './commit-seed.mjs';
import { buildSuite, isKernel, labCommand } from './scopes/lab-suite.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '20000' },
    kernel: { type: 'string', default: 'uml' },
    scope: { type: 'string', default: '0,1,2,3' },
    replay: { type: 'string' },
  },
});

/** @param {string} option @param {string} text @param {number} limit */
function number(option, text, limit) {
  if (/^\d+$/.test(text) && Number(text) < limit) return Number(text);
  console.error(`--${option} wants a number below ${limit}, not '${text}'`);
  process.exit(2);
}

const seed = values.seed === undefined ? randomInt(2 ** 32) : number('seed', values.seed, 2 ** 32);
const count = number('count', values.count, 2 ** 32);
const scopes = values.scope.split(',').map(text => number('scope', text, 4));
const KERNELS = ['uml', 'qemu-6.1', 'qemu-6.12', 'here'];
if (!['all', 'here'].includes(values.kernel) && !isKernel(values.kernel)) {
  console.error(`--kernel wants ${KERNELS.join(', ')} or all, not '${values.kernel}'`);
  process.exit(2);
}
const kernels = values.kernel === 'all' ? KERNELS : [values.kernel];

const root = join(import.meta.dirname, '..', '..');
const reports = join(root, 'build', 'reports');
const SUITE = 'differential.scopes';
const here = [
  process.execPath,
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--project',
  'scopes',
  SUITE,
];

/** @param {number} part @param {number} whole */
const percent = (part, whole) => `${((100 * part) / whole).toFixed(2)}%`;

/** @param {string} kernel @returns {boolean[]} a verdict for each scope */
function run(kernel) {
  const directory = join(reports, `differential-${kernel}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const given = values.replay === undefined ? { seed, count } : { replay: JSON.parse(values.replay) };
  const command =
    kernel === 'here' ? here : labCommand(program, { kernel, scopes, reports: directory, files: [SUITE] });
  const env = {
    ...process.env,
    NO_COLOR: '1',
    TRACEGATE_SEED: commitSeed(),
    TRACEGATE_DIFFERENTIAL: JSON.stringify({ ...given, directory }),
  };
  const [file = '', ...words] = command;
  const { status, stdout, stderr, error } = spawnSync(file, words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) console.log(`${stdout}${stderr}${error ?? ''}`);
  return (kernel === 'here' ? [null] : scopes).map(scope => {
    const where = `${kernel} ${scope === null ? 'as it is' : `scope ${scope}`}`;
    return isWithoutDifference(where, join(directory, `totals-${scope}.json`));
  });
}

/** @param {string} where @param {string} report */
function isWithoutDifference(where, report) {
  if (!existsSync(report)) {
    console.log(`${where}: NOT COMPARED`);
    return false;
  }
  const { pairs, comparisons, differences, unknown, refusedUnseen, isGood } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  const drawn = values.replay === undefined ? `seed ${seed}` : 'a replay';
  console.log(
    `${where}: ${pairs} pairs, ${differences} differences, ${refusedUnseen} refused unseen, ${drawn}`,
  );
  for (const [tracer, count] of Object.entries(comparisons)) {
    if (count === 0) continue;
    /** @param {string} view */
    const of = view => percent(unknown[view][tracer], count);
    const shares = `unknown ${of('root')} (root), ${of('user')} (uid 1000), ${of('user, hidden')} (uid 1000, hidden /proc)`;
    console.log(`  ${tracer} tracers: ${count} comparisons, ${shares}`);
  }
  return isGood;
}

const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
const program = await buildSuite();
const results = kernels.flatMap(run);
const failed = results.filter(isGood => !isGood).length;
console.log(`\n${results.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
