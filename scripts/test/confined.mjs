// @ts-check
// npm run test:confined: the programs of test/confined do and say the same under `tracegate run --confine` as without it, but for
// those that are listed with a reason. If root runs it, the programs run as uid 1000.
//   --write   writes the table of docs/confine.md
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyPackage } from './copy-repository.mjs';
import { Totals } from './totals.mjs';

const SAME = 'the same';
const NO_NEW_PRIVS = 'no_new_privs: a set-id program gives no rights';
const OUTSIDE = 'that is the purpose: a process outside can be neither signalled nor traced';
const MOUNTS =
  'a domain that restricts tracing alone has to name a right of files, and such a domain refuses mounts';

/**
 * What is run, and what is different when it is confined.
 *
 * @typedef {{ file: string, what: string, options?: string[], why?: string }} Workload
 * @type {Workload[]}
 */
const WORKLOADS = [
  { file: 'vite-hmr.mjs', what: "Vite's dev server with hot modules, and Chromium in its own sandbox" },
  { file: 'git.sh', what: 'git: commit with a hook, merge, clone, gc, fsck' },
  { file: 'make.sh', what: 'make -j2 with a compiler' },
  { file: 'gdb.sh', what: 'gdb and strace on programs of the same tree' },
  { file: 'shell.sh', what: 'a shell: jobs, timeout, traps, setsid, stop and continue' },
  { file: 'python.py', what: "Python's multiprocessing: fork, spawn, forkserver, shared memory, managers" },
  { file: 'agents.sh', what: 'ssh-agent and tmux that are started inside' },
  { file: 'mounts.sh', what: 'a mount in a mount namespace of its own' },
  {
    file: 'mounts.sh',
    what: 'a mount in a mount namespace of its own',
    options: ['--confine=tracing'],
    why: MOUNTS,
  },
  { file: 'set-id.sh', what: 'a set-id program, as sudo and su are', why: NO_NEW_PRIVS },
  { file: 'outside.sh', what: 'kill -0 and gdb -p of a process outside', why: OUTSIDE },
];
const INTERPRETERS = new Map([
  ['mjs', process.execPath],
  ['py', 'python3'],
  ['sh', 'sh'],
]);

const root = join(import.meta.dirname, '..', '..');
const isRoot = process.getuid?.() === 0;
const user = isRoot ? { uid: 1000, gid: 1000 } : {};
const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const totals = new Totals();
const scratch = mkdtempSync('/tmp/tracegate-confined-');
chmodSync(scratch, 0o755);

copyPackage(scratch);
cpSync(join(root, 'test', 'confined'), join(scratch, 'confined'), { recursive: true });
// Vite and its own packages: links where the file system is the same.
const modules = [join(root, 'node_modules'), join(scratch, 'confined', 'node_modules')];
if (spawnSync('cp', ['-al', ...modules]).status !== 0) execFileSync('cp', ['-a', ...modules]);
const launcher = join(scratch, 'native', 'build', 'Release', 'tracegate-launch');
const setId = join(scratch, 'set-id');
copyFileSync('/usr/bin/id', setId);
chmodSync(setId, 0o4755);
const outside = spawn('cat', { ...user, stdio: ['pipe', 'ignore', 'ignore'] });

/** @param {string} file @param {string[]} before */
function run(file, before) {
  const home = mkdtempSync(join(scratch, 'home-'));
  if (isRoot) chownSync(home, 1000, 1000);
  const program = [INTERPRETERS.get(file.split('.')[1] ?? '') ?? '', join(scratch, 'confined', file)];
  const [command = '', ...words] = [...before, ...program];
  const { status, signal, stdout, stderr } = spawnSync(command, words, {
    ...user,
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, OUTSIDE: `${outside.pid}`, SETID: setId },
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { ending: signal ?? status, stdout, stderr };
}

/** @type {string[][]} */
const rows = [];
try {
  for (const { file, what, options = ['--confine'], why } of WORKLOADS) {
    const before = run(file, []);
    const after = run(file, [launcher, ...options, '--']);
    const isSame = before.ending === after.ending && before.stdout === after.stdout;
    // A program that fails or says nothing without confinement proves nothing with it.
    const isSound = before.ending === 0 && before.stdout !== '';
    const title = `${what}, ${options.join(' ')}: ${why === undefined ? SAME : 'different'}`;
    if (isSound && isSame === (why === undefined)) totals.passed += 1;
    else totals.failures.push(`${title}\n${JSON.stringify({ before, after }, null, 2)}`);
    rows.push([what, `\`${options.join(' ')}\``, isSame ? SAME : `fails: ${why}`]);
    console.log(`${isSound && isSame === (why === undefined) ? 'ok' : 'FAILED'}  ${title}`);
  }
} finally {
  outside.stdin.end();
  rmSync(scratch, { recursive: true, force: true });
}

if (values.write) {
  const page = join(root, 'docs', 'confine.md');
  const table = [['what runs', 'under', 'it works'], ['---', '---', '---'], ...rows]
    .map(row => `| ${row.join(' | ')} |`)
    .join('\n');
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(
      /(<!-- workloads -->\n)[\s\S]*(<!-- \/workloads -->)/,
      (_, begin, end) => `${begin}${table}\n${end}`,
    ),
  );
}
totals.close();
