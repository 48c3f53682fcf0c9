// npm run test:differential: the model (checkAccess) against the kernel, on random populations of real processes.
//   --seed N       what the populations are drawn from (default: another one each time; it is printed)
//   --count N      ordered pairs of processes at each scope (default 20000)
//   --kernel K     uml, qemu, here (this machine's own, as it is) or all (default uml)
//   --scope N[,N]  ptrace_scope, a lab for each (default 0,1,2,3)
//   --replay JSON  one population, as a difference prints it
// A line for each kernel and scope, which is a test, and at the end `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildActor } from '../test/native/build-actor.mjs';

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
const KERNELS = ['uml', 'qemu', 'here'];
if (!['all', ...KERNELS].includes(values.kernel)) {
  console.error(`--kernel wants uml, qemu, here or all, not '${values.kernel}'`);
  process.exit(2);
}
const kernels = values.kernel === 'all' ? KERNELS : [values.kernel];

const root = join(import.meta.dirname, '..');
const reports = join(root, 'build', 'reports');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const suite = 'test/scopes/differential.scopes.test.ts';
const command = [process.execPath, vitest, 'run', '--project', 'scopes', suite];

/** @param {string} kernel @param {number | null} scope */
function labFor(kernel, scope) {
  if (scope === null) return [];
  const options = ['--kernel', kernel, '--scope', `${scope}`, '--timeout', '3600'];
  return [join(root, 'scripts', 'lab'), ...options, '--'];
}

/** @param {number} part @param {number} whole */
const percent = (part, whole) => `${((100 * part) / whole).toFixed(2)}%`;

/** @param {string} kernel @param {number | null} scope null: as it is */
function run(kernel, scope) {
  const report = join(reports, `differential-${kernel}-${scope ?? 'own'}.json`);
  rmSync(report, { force: true });
  const given = values.replay === undefined ? { seed, count } : { replay: JSON.parse(values.replay) };
  const [program = '', ...words] = [...labFor(kernel, scope), ...command];
  const env = { ...process.env, NO_COLOR: '1', TRACEGATE_DIFFERENTIAL: JSON.stringify({ ...given, report }) };
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const isGood = status === 0 && existsSync(report);
  if (!isGood) console.log(`${stdout}${stderr}${error ?? ''}`);
  const where = `${kernel} ${scope === null ? 'as it is' : `scope ${scope}`}`;
  if (!existsSync(report)) {
    console.log(`${where}: NOT COMPARED`);
    return false;
  }
  const { pairs, comparisons, differences, unknown } = JSON.parse(readFileSync(report, 'utf8'));
  const unknowns = `unknown ${percent(unknown.root, comparisons)} (root), ${percent(unknown.user, comparisons)} (uid 1000)`;
  const drawn = values.replay === undefined ? `seed ${seed}` : 'a replay';
  console.log(
    `${where}: ${pairs} pairs, ${comparisons} comparisons, ${differences} differences, ${unknowns}, ${drawn}`,
  );
  return isGood;
}

const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
await buildActor();
mkdirSync(reports, { recursive: true });

const results = kernels.flatMap(kernel =>
  kernel === 'here' ? [run(kernel, null)] : scopes.map(scope => run(kernel, scope)),
);
const failed = results.filter(isGood => !isGood).length;
console.log(`\n${results.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
