// npm test: asks every rule once. It builds, and then runs in parallel: biome and tsc, the unit and integration suites
// on this kernel, and the scope suite at ptrace_scope 0, 1, 2 and 3 in the uml lab. As root it also runs what an
// ordinary user sees. `--nightly`: the same tests with large counts (test/helpers/tier.ts), and all of them as that
// user. Ends with the line `N passed, N failed, N skipped`; a suite that could not run is a failure.
import {
  cpSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commitSeed } from './commit-seed.mjs';
import { runBeside } from './run-beside.mjs';
import { ScopeSuite } from './scopes/scope-suite.mjs';
import { Totals } from './totals.mjs';

const SCOPES = [0, 1, 2, 3];
const ORDINARY_USER = 1000;

/** The nightly run repeats these whole as an ordinary user: the others need root, or start no process of the package. */
const FILES_BY_USER = [
  'probe',
  'cli',
  'process-names',
  'users',
  'completion',
  'demo',
  'prctl',
  'storm',
  'explain',
  'core-dump',
  'testing',
  'deny',
  'run',
  'spawn-denied',
  'procctl',
  'debugger',
  'spawn-debugger',
  'grants',
  'scan',
  'map',
  'map-fleet',
  'fleet-queries',
  'process-table',
].map(name => `test/integration/${name}.test.ts`);

const { values } = parseArgs({ options: { nightly: { type: 'boolean', default: false } } });
const root = join(import.meta.dirname, '..', '..');
const reports = join(root, 'build', 'reports');
const totals = new Totals();
process.env.TRACEGATE_SEED = commitSeed();
if (values.nightly) process.env.TRACEGATE_TIER = 'nightly';

/** @type {Record<string, number>} seconds of each step, for scripts/bench/tests.mjs */
const seconds = {};

/** @param {string} title @param {string[]} command @param {import('node:child_process').SpawnOptions} [options] */
async function run(title, command, options) {
  const result = await runBeside(title, command, options);
  seconds[title] = result.seconds;
  return result.isGood;
}

/** @param {string} directory @param {string} report @param {string[]} words */
const vitest = (directory, report, words) => [
  process.execPath,
  join(directory, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  ...words,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
];

async function testHere() {
  const title = 'unit and integration';
  const report = join(reports, 'here.json');
  const words = ['--project', 'unit', '--project', 'integration'];
  totals.addReport(title, report, await run(title, vitest(root, report, words)));
}

/** Of the tests whose answer depends on who runs them: test/helpers/tier.ts. */
const TAG = 'by-user-too';

/** In `npm test` those tests alone. */
function asOrdinaryUser() {
  const directory = join('test', 'integration');
  const files = readdirSync(join(root, directory)).map(name => join(directory, name));
  const tagged = files.filter(file => readFileSync(join(root, file), 'utf8').includes('BY_USER_TOO'));
  return values.nightly ? FILES_BY_USER : [`--tags-filter=${TAG}`, ...tagged];
}

/** A copy that this user owns, for a clone that lies where only root can read. @param {string} copy */
function copyForUser(copy) {
  for (const name of readdirSync(root)) {
    if (name !== '.git')
      cpSync(join(root, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of readdirSync(copy, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(copy, name), ORDINARY_USER, ORDINARY_USER);
}

/** The same tests by a user without privilege. */
async function testAsOrdinaryUser() {
  const title = `integration as uid ${ORDINARY_USER}`;
  const user = ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups'];
  const home = mkdtempSync(join(tmpdir(), 'tracegate-user-'));
  try {
    lchownSync(home, ORDINARY_USER, ORDINARY_USER);
    const isReadable = await run(`may uid ${ORDINARY_USER} read the clone?`, [
      ...user,
      'test',
      '-r',
      join(root, 'package.json'),
    ]);
    const directory = isReadable ? root : home;
    if (!isReadable) copyForUser(home);
    const report = join(home, 'report.json');
    // vitest writes nothing into the clone then.
    const unwritten = ['--configLoader=runner', '--cache=false'];
    const words = [...unwritten, '--project', 'integration', ...asOrdinaryUser()];
    const env = { ...process.env, HOME: home, TMPDIR: tmpdir() };
    const isGood = await run(title, [...user, ...vitest(directory, report, words)], { cwd: directory, env });
    totals.addReport(title, report, isGood, values.nightly ? undefined : TAG);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function testInLab() {
  const start = performance.now();
  const suite = await ScopeSuite.build(reports);
  await suite.run({ kernel: 'uml', scopes: SCOPES }, totals);
  seconds['scope suite in uml'] = (performance.now() - start) / 1000;
}

async function check() {
  if (!(await run('check', ['npm', 'run', '--silent', 'check']))) totals.failures.push('check');
}

/** The lab has one processor for each guest, and is usually done before the rest. */
async function testElsewhere() {
  const here = testHere();
  await testInLab();
  // The ordinary user needs the programs that the tests of this kernel compile into the clone.
  await here;
  if (process.getuid?.() === 0) await testAsOrdinaryUser();
}

async function testAll() {
  if (!(await run('build', ['npm', 'run', '--silent', 'build']))) {
    totals.failures.push('build');
    return;
  }
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  await Promise.all([check(), testElsewhere()]);
  writeFileSync(join(reports, 'steps.json'), JSON.stringify(seconds));
}

console.log(
  `The seed of all random tests is ${process.env.TRACEGATE_SEED}, by the commit: TRACEGATE_SEED=N draws others.`,
);
await testAll();
totals.close();
