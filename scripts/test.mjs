// npm test: the unit and integration suites on the running kernel, as root also as an ordinary user, and the scope
// suite at ptrace_scope 0, 1, 2 and 3 in the uml lab. `--lab qemu`: the scope suite alone, on Debian's stock kernel;
// `--scopes 1,2`: at these.
// Ends with the line `N passed, N failed, N skipped`; a suite that could not run is a failure.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { buildActor } from '../test/native/build-actor.mjs';
import { Totals } from './totals.mjs';

const SCOPES = [0, 1, 2, 3];
const ORDINARY_USER = 1000;

const { values } = parseArgs({ options: { lab: { type: 'string' }, scopes: { type: 'string' } } });
const scopes = values.scopes === undefined ? SCOPES : values.scopes.split(',').map(Number);
const root = join(import.meta.dirname, '..');
const reports = join(root, 'build', 'reports');
const totals = new Totals();

/** @param {string} title @param {string[]} command @param {import('node:child_process').SpawnSyncOptions} [options] */
function run(title, [program = '', ...words], options) {
  console.log(`\n== ${title}`);
  const { status, signal, error } = spawnSync(program, words, { stdio: 'inherit', cwd: root, ...options });
  if (status !== 0) console.error(`== ${title}: ${error?.message ?? signal ?? `exit code ${status}`}`);
  return status === 0;
}

/** @param {string} directory */
const vitest = directory => [
  process.execPath,
  join(directory, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
];

/** @param {string} file */
const reporting = file => ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];

/** The same tests by somebody without privilege, on a copy that he owns: the clone may lie where he can't read. */
function testAsOrdinaryUser() {
  const copy = mkdtempSync(join(tmpdir(), 'tracegate-user-'));
  try {
    for (const name of readdirSync(root)) {
      if (name !== '.git')
        cpSync(join(root, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
    }
    for (const name of ['', ...readdirSync(copy, { recursive: true, encoding: 'utf8' })]) {
      lchownSync(join(copy, name), ORDINARY_USER, ORDINARY_USER);
    }
    const file = join(copy, 'report.json');
    const suites = [
      'probe',
      'cli',
      'demo',
      'prctl',
      'storm',
      'explain',
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
    const user = ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups'];
    const command = [...user, ...vitest(copy), '--project', 'integration', ...suites, ...reporting(file)];
    const env = { ...process.env, HOME: copy, TMPDIR: tmpdir() };
    const title = `integration as uid ${ORDINARY_USER}`;
    totals.addReport(title, file, run(title, command, { cwd: copy, env }));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** gdb, gcore and a browser take minutes where every instruction is translated: these are proved in uml. */
const SLOW = ['channels', 'map'];

/** @param {string} kernel */
const leftOut = kernel =>
  kernel === 'qemu' ? SLOW.flatMap(name => ['--exclude', `**/${name}.scopes.test.ts`]) : [];

/**
 * How many guests run at a time, if there are the processors: one of uml has one CPU, one of qemu two.
 *
 * @type {Record<string, number>}
 */
const GUESTS = { uml: 2, qemu: 1 };

/** @param {string} kernel */
async function testInLab(kernel) {
  await buildActor();
  const waiting = scopes.values();
  const guest = async () => {
    for (const scope of waiting) await testAtScope(kernel, scope);
  };
  await Promise.all(Array.from({ length: Math.min(GUESTS[kernel] ?? 1, availableParallelism()) }, guest));
  printCells(kernel);
}

/** @param {string} kernel @param {number} scope */
const cellsFile = (kernel, scope) => join(reports, `cells-${kernel}-${scope}.json`);

/** @param {string} kernel @param {number} scope */
async function testAtScope(kernel, scope) {
  const title = `ptrace_scope ${scope} in ${kernel}`;
  const file = join(reports, `${kernel}-${scope}.json`);
  const lab = ['--kernel', kernel, '--scope', `${scope}`, '--timeout', '1200', '--'];
  // Without vitest's cache, a file that guests would share.
  const tests = [...vitest(root), '--cache=false', '--project', 'scopes', ...leftOut(kernel)];
  const command = [join(root, 'scripts', 'lab'), ...lab, ...tests, ...reporting(file)];
  const env = { ...process.env, TRACEGATE_CELLS_FILE: cellsFile(kernel, scope) };
  totals.addReport(title, file, await runBeside(title, command, { env }));
}

/**
 * As run(), beside others: each line with its title.
 *
 * @param {string} title @param {string[]} command @param {import('node:child_process').SpawnOptions} options
 */
async function runBeside(title, [program = '', ...words], options) {
  console.log(`\n== ${title}`);
  const child = spawn(program, words, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', line => console.log(`${title} | ${line}`));
  const [status, signal] = await once(child, 'close').catch(({ message }) => [message, null]);
  if (status !== 0) console.error(`== ${title}: ${signal ?? `exit code ${status}`}`);
  return status === 0;
}

/** @param {string} kernel */
function printCells(kernel) {
  console.log();
  for (const scope of scopes) {
    const file = cellsFile(kernel, scope);
    const cells = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
    if (cells === undefined)
      totals.failures.push(`ptrace_scope ${scope} in ${kernel}: no cells were checked`);
    const found = cells && `${cells.cells} cells, ${cells.answers} answers checked, ${cells.skipped} skipped`;
    console.log(`ptrace_scope ${scope} (${kernel}): ${found ?? 'NOT CHECKED'}`);
  }
}

async function testAll() {
  for (const step of ['build', 'check']) {
    if (run(step, ['npm', 'run', '--silent', step])) continue;
    totals.failures.push(step);
    return;
  }
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  if (values.lab !== undefined) {
    await testInLab(values.lab);
    return;
  }
  const file = join(reports, 'here.json');
  const command = [...vitest(root), '--project', 'unit', '--project', 'integration', ...reporting(file)];
  const title = 'unit and integration, on this kernel';
  totals.addReport(title, file, run(title, command));
  if (process.getuid?.() === 0) testAsOrdinaryUser();
  await testInLab('uml');
}

await testAll();
totals.close();
