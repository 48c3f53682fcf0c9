// The facts that a probe reports about its target. The oracle is /proc itself, read here, and the changes that the test
// makes to the process.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { type ProbeOptions, type ProbeResult, probe, probeSync } from '../../lib/index.js';
import { start } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { IS_ROOT, PUBLIC_DIST, sleeper, straceAttaches, USER } from '../helpers/processes.js';
import { times } from '../helpers/tier.js';

function started(command: string[]) {
  const child = start(compile('with-parent.c'), command);
  onTestFinished(() => child.kill());
  return child;
}

/** The process that has the pid now. */
function identity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))} since ${fields[19]}`;
  } catch {
    return null;
  }
}

const identityIn = ({ comm, startTime }: ProbeResult) => `${comm} since ${startTime}`;

it.each<[string, Buffer]>([
  ['brackets and blanks', Buffer.from(') S 1 (( ')],
  ['line breaks and backslashes', Buffer.from('a\n\\nTgid:\t1\\')],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82])],
  ['nothing at all', Buffer.alloc(0)],
])('a process is named as it names itself, with %s', async (_, name) => {
  const child = started([compile('named.c'), name.toString('hex')]);
  await child.line();
  for (const result of [await probe(child.pid), probeSync(child.pid)]) {
    expect(result.comm).toBe(name.toString('utf8'));
    expect(identityIn(result)).toBe(identity(child.pid));
  }
});

it('a process that changes its name is reported by the new one', async () => {
  const child = started(['sh', '-c', 'echo; read line; printf renamed > /proc/$$/comm; echo; read line']);
  // It is the shell by then.
  await child.line();
  expect(probeSync(child.pid).comm).toBe(readFileSync(`/proc/${child.pid}/comm`, 'utf8').trimEnd());
  child.say('\n');
  await child.line();
  expect(probeSync(child.pid)).toMatchObject({ comm: 'renamed', outcome: 'allowed' });
});

it('processes that are probed in turn have their own start times', async () => {
  const pids = [process.pid, process.ppid, (await sleeper()).pid, 2];
  for (let round = 0; round < 3; round++) {
    for (const pid of pids) expect(identityIn(probeSync(pid))).toBe(identity(pid));
  }
});

it('a tracer that attaches or detaches between two probes is noticed', async () => {
  const { pid } = await sleeper();
  expect(probeSync(pid)).toMatchObject({ outcome: 'allowed', tracerPid: 0 });
  const strace = await straceAttaches(pid);
  expect(probeSync(pid)).toMatchObject({
    outcome: 'denied',
    reason: 'already-traced',
    tracerPid: strace?.pid,
  });
  await strace?.detach();
  expect(probeSync(pid)).toMatchObject({ outcome: 'allowed', tracerPid: 0 });
});

// Each lives for 5 ms after it takes its name, and two in a row take different names. So two of the same name begin in
// different clock ticks. Before that all have the name of the program, and two in a row may begin in one tick.
it.runIf(IS_ROOT)('of processes that get the same pid, each answer names the present one', async () => {
  const child = started([compile('recycled.c'), `${USER}`]);
  const pid = Number(await child.line());
  const seen = new Set<string>();
  while (seen.size < times(30, 300)) {
    const before = identity(pid);
    const result = probeSync(pid);
    if (before === null || !/^\d/.test(before) || before !== identity(pid)) continue;
    expect(identityIn(result)).toBe(before);
    seen.add(before);
  }
});

/** probeSync and probe of another Node, which both must say. */
const ASK = `
  const { probe, probeSync } = await import(process.argv[1]);
  const [pid, options] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
  console.log(JSON.stringify([await probe(pid, options), probeSync(pid, options)]));`;

async function askElsewhere(before: string[], flags: string[], pid: number, options: ProbeOptions = {}) {
  const words = [
    '--input-type=module',
    '-e',
    ASK,
    `${PUBLIC_DIST}/index.js`,
    `${pid}`,
    JSON.stringify(options),
  ];
  const [file = '', ...rest] = [...before, process.execPath, ...flags, ...words];
  const { stdout } = await promisify(execFile)(file, rest);
  const [later, now] = JSON.parse(stdout) as ProbeResult[];
  expect(now).toEqual(later);
  return now;
}

const UNSEEN = { startTime: null, comm: null, tracerPid: null };

const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const RESTRICTED = [
  PERMISSION,
  '--allow-addons',
  '--no-warnings',
  `--allow-fs-read=${dirname(PUBLIC_DIST)}/*`,
];

it.each([
  ['neither file', []],
  ['stat alone', ['stat']],
  ['status alone', ['status']],
])(
  'where Node’s permission model allows to read %s of the target, the addon reads nothing',
  async (_, names) => {
    const { pid } = await sleeper();
    const allowed = [`/proc/self`, ...names.map(name => `/proc/${pid}/${name}`)];
    const flags = [...RESTRICTED, ...allowed.map(path => `--allow-fs-read=${path}`)];
    expect(await askElsewhere([], flags, pid)).toMatchObject({ outcome: 'unknown', ...UNSEEN });
  },
);

it('where Node’s permission model allows to read both, the target is seen', async () => {
  const { pid } = await sleeper();
  const allowed = [`/proc/self`, `/proc/${pid}/stat`, `/proc/${pid}/status`];
  const flags = [...RESTRICTED, ...allowed.map(path => `--allow-fs-read=${path}`)];
  const result = await askElsewhere([], flags, pid);
  expect(result).toMatchObject({ outcome: 'allowed', comm: 'cat', tracerPid: 0 });
  expect(await askElsewhere([], flags, 2 ** 31 - 1)).toMatchObject({
    outcome: 'denied',
    reason: 'no-such-process',
  });
});

const privately = (command: string, ...as: string[]) => [
  ...['unshare', '--mount', 'sh', '-c', `${command} && exec "$0" "$@"`, ...as],
];
const asUser = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

it.runIf(IS_ROOT).each([1, 2])(
  'if hidepid=%i hides a process, only the answer of the kernel is given',
  async hidepid => {
    const { pid } = await sleeper();
    const { pid: own } = await sleeper({ uid: USER, gid: USER });
    const before = privately(`mount -t proc -o hidepid=${hidepid} proc /proc`, ...asUser);
    expect(await askElsewhere(before, [], pid)).toMatchObject({
      outcome: 'denied',
      code: 'EPERM',
      ...UNSEEN,
    });
    expect(await askElsewhere(before, [], pid, { as: 'stranger' })).toMatchObject({
      ...{ outcome: 'unknown', code: 'ENOENT', ...UNSEEN },
    });
    expect(await askElsewhere(before, [], own)).toMatchObject({ outcome: 'allowed', comm: 'cat' });
    expect(await askElsewhere(before, [], 2 ** 31 - 1)).toMatchObject({
      outcome: 'denied',
      reason: 'no-such-process',
      ...UNSEEN,
    });
  },
);

it.runIf(IS_ROOT)('without /proc an allowing kernel is not enough for allowed', async () => {
  const { pid } = await sleeper();
  const before = privately('mount -t tmpfs none /proc');
  expect(await askElsewhere(before, [], pid)).toMatchObject({
    ...{ outcome: 'unknown', code: 'ENOENT', ...UNSEEN },
  });
  expect(await askElsewhere(before, [], 2 ** 31 - 1)).toMatchObject({
    outcome: 'denied',
    reason: 'no-such-process',
  });
});

it.runIf(IS_ROOT)('if /proc is that of another pid namespace, its numbers are not used', async () => {
  const before = ['unshare', '--pid', '--fork', '--kill-child'];
  // Node is pid 1 there, and processes of other namespaces have no entry in that /proc.
  expect(await askElsewhere(before, [], 1)).toMatchObject({ ...UNSEEN });
});
