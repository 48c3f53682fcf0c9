// @ts-check
// npm run test:runners [-- --own]: the installed package under each test runner of test/runners, by each Node of nodes.mjs, or
// by the Node that runs this script alone. The passing file passes. The failing
// file, which leaves a relative behind, fails, and the runner ends by itself. npm ci installs the runners once into the
// cache; the package is packed here, and installed beside them.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { installLocked } from '../npm-cache.mjs';
import { nodeOf, VERSIONS } from './nodes.mjs';
import { packed, shellEnvironment } from './pack.mjs';
import { Totals } from './totals.mjs';

const root = join(import.meta.dirname, '..', '..');
const runners = join(root, 'test', 'runners');
const { values } = parseArgs({ options: { own: { type: 'boolean' } } });
const totals = new Totals();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-runners-'));
const app = join(scratch, 'app');

/** Also without what another runner tells those that it starts. */
const env = Object.fromEntries(
  Object.entries(shellEnvironment).filter(([name]) => !/^(NODE_TEST|JEST|VITEST)/.test(name)),
);

const modules = 'node_modules';
const JEST = `${modules}/jest/bin/jest.js`;

/** The words of each runner for its files. @type {Record<string, { words: string[], folder: string }>} */
const RUNNERS = {
  'jest, CommonJS': { words: [JEST], folder: 'jest-cjs' },
  'jest, ES modules': { words: ['--experimental-vm-modules', '--no-warnings', JEST], folder: 'jest-esm' },
  vitest: { words: [`${modules}/vitest/vitest.mjs`, 'run'], folder: 'vitest' },
  'node:test': { words: ['--test'], folder: 'node-test' },
  mocha: { words: [`${modules}/mocha/bin/mocha.js`], folder: 'mocha' },
};

/** A runner that goes on after its last test would go on for ever. */
const LIMIT_MS = 120_000;

async function prepare() {
  const tarball = await packed(scratch);
  cpSync(runners, app, { recursive: true });
  cpSync(installLocked(runners), join(app, modules), { recursive: true, verbatimSymlinks: true });
  const words = ['install', '--silent', '--no-save', '--ignore-scripts', '--prefer-offline', tarball];
  execFileSync('npm', words, { cwd: app, env, stdio: 'inherit' });
}

/**
 * What it said, and its exit code or the signal of the limit.
 *
 * @param {string} node @param {string} runner @param {string} file
 */
async function run(node, runner, file) {
  const { words, folder } = RUNNERS[runner] ?? { words: [], folder: '' };
  const name = readdirSync(join(app, folder)).find(each => each.startsWith(`${file}.`));
  const child = spawn(node, [...words, `${folder}/${name}`], {
    cwd: app,
    // jest leaves its cache in TMPDIR.
    env: { ...env, CI: 'true', TMPDIR: scratch },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  const closed = once(child, 'close');
  const said = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code, signal] = await closed;
  return { said: said.join('\n'), end: code ?? signal };
}

/** @param {string} title @param {string | null} complaint */
function report(title, complaint) {
  if (complaint === null) totals.passed += 1;
  else totals.failures.push(`${title}\n${complaint.replaceAll(/^/gm, '    ')}`);
  console.log(`${complaint === null ? 'ok' : 'FAILED'}  ${title}`);
}

try {
  await prepare();
  const versions = values.own ? [process.versions.node] : VERSIONS;
  const cells = versions.flatMap(version => Object.keys(RUNNERS).map(runner => ({ version, runner })));
  for (const { version, runner } of cells) {
    const node = values.own ? process.execPath : await nodeOf(version);
    const title = `${runner}, Node ${version}`;
    const passing = await run(node, runner, 'passes');
    report(
      `${title}: every check passes`,
      passing.end === 0 ? null : `ended by ${passing.end}\n${passing.said}`,
    );
    const failing = await run(node, runner, 'fails');
    const isRight = failing.end === 1 && failing.said.includes('not to be attachable by this process');
    report(
      `${title}: a failed assertion is shown, and the runner ends by itself with exit code 1`,
      isRight ? null : `ended by ${failing.end}\n${failing.said}`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
totals.close();
