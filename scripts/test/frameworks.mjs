// @ts-check
// npm run test:frameworks: the programs of test/frameworks (an Express server, worker_threads, cluster, child_process, better-sqlite3)
// print and do the same under denial, and confined, as without it. If root runs it, the programs run as uid 1000. npm ci, which is
// confined, installs their dependencies once into the cache, and compiles better-sqlite3.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { installLocked } from '../npm-cache.mjs';
import { copyPackage } from './copy-repository.mjs';
import { Totals } from './totals.mjs';

const PROGRAMS = ['express', 'worker-threads', 'cluster', 'fork', 'better-sqlite3'];

const root = join(import.meta.dirname, '..', '..');
const frameworks = join(root, 'test', 'frameworks');
const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
const totals = new Totals();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-frameworks-'));

function prepare() {
  chmodSync(scratch, 0o755);
  copyPackage(scratch);
  cpSync(frameworks, join(scratch, 'app'), { recursive: true });
  // Compiled here, confined: of what its authors built, only npm is there.
  const modules = installLocked(frameworks, [], { npm_config_build_from_source: 'true' }, CONFINE);
  cpSync(modules, join(scratch, 'app', 'node_modules'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(scratch, 'tmp'));
  if (user.uid !== undefined) chownSync(join(scratch, 'tmp'), user.uid, user.gid);
}

const REGISTER = ['--import', join(scratch, 'dist', 'deny.js')];
const LAUNCH = join(scratch, 'native', 'build', 'Release', 'tracegate-launch');
const CONFINE = [LAUNCH, '--confine', '--'];

/** @type {Record<string, { words: string[], isClosed: boolean }>} */
const WAYS = {
  'without denial': { words: [process.execPath], isClosed: false },
  '--import tracegate/deny': { words: [process.execPath, ...REGISTER], isClosed: true },
  'tracegate-launch --confine': { words: [...CONFINE, process.execPath], isClosed: false },
  '--import tracegate/confine': {
    words: [process.execPath, '--import', join(scratch, 'dist', 'confine.js')],
    isClosed: false,
  },
  'tracegate-launch --deny': {
    words: [LAUNCH, '--deny', '--', process.execPath, ...REGISTER],
    isClosed: true,
  },
};

/**
 * Returns the output of a program, its end, and the owner of its files in /proc while it runs. The owner is root if the
 * program is not dumpable.
 */
/** @param {string} program @param {string[]} words */
async function run(program, words) {
  const [file = '', ...rest] = [...words, join(scratch, 'app', `${program}.mjs`)];
  const env = { PATH: process.env.PATH, TMPDIR: join(scratch, 'tmp') };
  const child = spawn(file, rest, { ...user, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  const closed = once(child, 'close');
  const said = [];
  let owner = null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') {
      owner = statSync(`/proc/${child.pid}/environ`).uid;
      child.stdin.end();
    } else {
      said.push(line);
    }
  }
  const [code, signal] = await closed;
  return { seen: { said, stderr, code, signal }, isDone: owner !== null, isClosed: owner === 0 };
}

/** @param {string} title @param {string[]} complaints */
function report(title, complaints) {
  if (complaints.length === 0) totals.passed += 1;
  else totals.failures.push([title, ...complaints].join('\n    '));
  console.log(`${complaints.length === 0 ? 'ok' : 'FAILED'}  ${title}`);
}

/** @param {string} program */
async function compare(program) {
  /** @type {Awaited<ReturnType<typeof run>>['seen'] | undefined} */
  let expected;
  for (const [way, { words, isClosed }] of Object.entries(WAYS)) {
    const result = await run(program, words);
    expected ??= result.seen;
    const complaints = [];
    if (!result.isDone || result.seen.code !== 0 || result.seen.stderr !== '')
      complaints.push(`it ended before its end: ${JSON.stringify(result.seen)}`);
    if (!isDeepStrictEqual(result.seen, expected))
      complaints.push(`it said ${JSON.stringify(result.seen)}`, `and before ${JSON.stringify(expected)}`);
    if (result.isDone && result.isClosed !== isClosed)
      complaints.push(`it was ${result.isClosed ? 'not ' : ''}dumpable`);
    report(`${program}, ${way}`, complaints);
  }
}

try {
  prepare();
  for (const program of PROGRAMS) await compare(program);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
totals.close();
