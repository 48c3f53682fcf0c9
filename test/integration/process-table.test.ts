// The table of all processes, compared with a look at each process alone.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { native } from '../../lib/kernel/native.js';
import type { NodeExposure } from '../../lib/kernel/node-exposure.js';
import { tableColumns } from '../../lib/kernel/process-columns.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { SIGHTS } from '../../lib/kernel/process-rows.js';
import { readProcessTable } from '../../lib/kernel/process-table.js';
import { factsOf } from '../../lib/kernel/read-process-facts.js';
import { UserNamespaces } from '../../lib/kernel/user-namespace.js';
import { start, statusOf } from '../fixtures/children.mjs';
import type { ownResources } from '../fixtures/own-resources.mjs';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  IS_ROOT,
  isClosed,
  PUBLIC_MODULES,
  privateDirectory,
  sleeper,
  straceAttaches,
  USER,
  zombie,
} from '../helpers/processes.js';
import { BY_USER_TOO, times } from '../helpers/tier.js';

const FIXTURE = join(PUBLIC_MODULES, '../../test/fixtures/process-table.mjs');

type Child = ReturnType<typeof start>;

interface Compared {
  pid: number;
  table: ProcessFacts | null;
  one: ProcessFacts | null;
  tableExposure: NodeExposure | null;
  oneExposure: NodeExposure | null;
}

function startChild(command: string[], options = {}): Child {
  const child = start(compile('with-parent.c'), command, options);
  onTestFinished(() => child.kill());
  return child;
}

async function startReady(command: string[], options = {}): Promise<number> {
  const child = startChild(command, options);
  expect(await child.line()).toBe('ready');
  return child.pid;
}

/** A process that has the table and the one-process path look at the same pids. */
async function ask<Answer>(words: string[], options = {}, through: string[] = []): Promise<Answer> {
  const asker = startChild(
    [
      ...through,
      process.execPath,
      '--expose-gc',
      '--max-semi-space-size=1',
      FIXTURE,
      PUBLIC_MODULES,
      ...words,
    ],
    options,
  );
  const answer = JSON.parse(await asker.line());
  expect(await asker.closed).toEqual({ code: 0, signal: null, stderr: '' });
  return answer;
}

const NAMES: Record<string, Buffer> = {
  brackets: Buffer.from(') S 1 (('),
  'line breaks': Buffer.from('a\nUid:\t0\t0\n\\n'),
  'bytes that are no UTF-8': Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]),
  'UTF-8 that is cut off': Buffer.from('aaaaaaaaaaaaa€').subarray(0, 15),
  'control characters': Buffer.from([1, 0x1b, 0x5b, 0x32, 0x4a, 0x7f, 9]),
  blanks: Buffer.from('  '),
};

const READY = "console.log('ready'); process.stdin.resume()";

/** Processes in every state that the facts distinguish, by their kind. */
async function population(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const [what, bytes] of Object.entries(NAMES)) {
    found.set(what, await startReady([compile('named.c'), bytes.toString('hex')]));
  }
  const named = [compile('named.c'), Buffer.from('x').toString('hex')];
  found.set('of the user', await startReady(named, AS_USER));
  found.set('not dumpable', await startReady([...named, 'closed'], AS_USER));
  const traced = await sleeper(AS_USER);
  expect(await straceAttaches(traced.pid)).not.toBeNull();
  found.set('traced', traced.pid);
  found.set('zombie', await zombie());
  found.set('in a user namespace', await startReady(['unshare', '--user', ...named]));
  found.set('root of a user namespace', await startReady(['unshare', '--user', '-r', ...named], AS_USER));
  found.set('no new privileges', await startReady(['setpriv', '--no-new-privs', ...named]));
  found.set('node', await startReady([process.execPath, '-e', READY]));
  found.set('node of the user', await startReady([process.execPath, '-e', READY], AS_USER));
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  // Node 20 has no --disable-sigusr1; there a listener that came and went leaves the signal at its default.
  const isThere = major > 23 || (major === 23 && minor >= 7) || (major === 22 && minor >= 14);
  const closing = isThere ? ['--disable-sigusr1', '-e'] : ['-e'];
  const script = isThere
    ? READY
    : `process.once('SIGUSR1', () => {}).removeAllListeners('SIGUSR1'); ${READY}`;
  found.set('node without the inspector', await startReady([process.execPath, ...closing, script]));
  const fewest = [
    '--single-threaded',
    '--v8-pool-size=0',
    ...(isThere ? ['--disable-sigusr1'] : []),
    '-e',
    READY,
  ];
  found.set('node of the fewest threads', await startReady([process.execPath, ...fewest]));
  found.set('no node by its name', await startReady(['bash', '-c', 'exec -a node "$@"', 'bash', ...named]));
  found.set('node with flags', await startReady([process.execPath, '--report-on-signal', '-e', READY]));
  return found;
}

function expectSame(rows: readonly Compared[], names: readonly string[]): void {
  const named = (facts: (row: Compared) => unknown) =>
    Object.fromEntries(rows.map((row, at) => [names[at], facts(row)]));
  expect(named(({ table, tableExposure }) => ({ facts: table, exposure: tableExposure }))).toEqual(
    named(({ one, oneExposure }) => ({ facts: one, exposure: oneExposure })),
  );
}

const LOOKERS: [string, object][] = IS_ROOT
  ? [
      ['root', {}],
      ['an ordinary user', AS_USER],
    ]
  : [['an ordinary user', {}]];

describe.each(LOOKERS)('seen by %s, the table agrees with a look at each process alone', (who, as) => {
  it.each(['compare', 'compare-worker'])('%s', BY_USER_TOO, async question => {
    const processes = await population();
    const names = [...processes.keys()];
    const pids = JSON.stringify([...processes.values()]);
    const { rows, self } = await ask<{ rows: Compared[]; self: Compared }>([question, pids], as);
    expectSame(rows, names);
    expectSame([self], ['self']);

    const row = (name: string) => rows[names.indexOf(name)]!;
    for (const [what, bytes] of Object.entries(NAMES)) expect(row(what).table!.comm).toBe(bytes.toString());
    expect(row('zombie').table!.kind).toBe('zombie');
    expect(isClosed(row('not dumpable').pid)).toBe(true);
    expect(row('not dumpable').table!.dumpable).toBe(false);
    expect(row('of the user').table).toMatchObject({ uids: { real: USER }, dumpable: true });
    expect(row('traced').table!.tracerPid).toBeGreaterThan(0);
    expect(row('no new privileges').table!.noNewPrivs).toBe(true);
    if (who === 'root') {
      expect(row('in a user namespace').table!.userNs).not.toBe(row('node').table!.userNs);
    }
    expect(row('node').tableExposure).toEqual({ sigusr1: 'handled', flags: [] });
    expect(row('node without the inspector').tableExposure!.sigusr1).toMatch(/^(blocked|default)$/);
    expect(row('node with flags').tableExposure!.flags).toEqual(['--report-on-signal']);
    expect(row('node of the fewest threads').tableExposure).not.toBeNull();
    for (const what of ['brackets', 'no node by its name']) expect(row(what).tableExposure).toBeNull();
  });
});

/**
 * Words of test/fixtures/unlike.c: each process differs from the first in one fact, and in those that follow from it.
 */
function unlikeOnes(): Record<string, string[]> {
  const ids = (other: number) => [0, 1, 2, 3].map(at => (at === other ? USER + 1 : USER)).join(',');
  const [all, caps] = [ids(-1), '401,401,1'];
  const none = '0,0,0,0';
  return {
    first: [all, all, caps],
    ...Object.fromEntries([0, 1, 2, 3].map(at => [`uid ${at}`, [ids(at), all, caps]])),
    ...Object.fromEntries([0, 1, 2, 3].map(at => [`gid ${at}`, [all, ids(at), caps]])),
    permitted: [all, all, '403,401,1'],
    effective: [all, all, '401,400,1'],
    inheritable: [all, all, '401,401,401'],
    ...Object.fromEntries(
      ['bounding', 'namespace', 'seccomp', 'blocked', 'ignored', 'handled'].map(word => [
        word,
        [all, all, caps, word],
      ]),
    ),
    'of group 0': [all, none, caps],
    'of group 0, closed: another uid owns its files': [all, none, caps, 'closed'],
    'of root': [none, all, caps],
    'of root, closed: another gid owns its files': [none, all, caps, 'closed'],
  };
}

it.runIf(IS_ROOT)('processes that differ in one fact stay different', async () => {
  const node = ['bash', '-c', 'exec -a node "$0" "$@"', compile('unlike.c')];
  const found = new Map<string, number>();
  for (const [what, words] of Object.entries(unlikeOnes()))
    found.set(what, await startReady([...node, ...words]));
  const names = [...found.keys()];
  const { rows } = await ask<{ rows: Compared[] }>(['compare', JSON.stringify([...found.values()])]);
  expectSame(rows, names);
  const own = { pid: 0, startTime: 0 };
  const [first, ...others] = rows.map(({ table, tableExposure }) => ({
    ...table,
    ...own,
    exposure: tableExposure,
  }));
  expect(first).toMatchObject({ dumpable: true, threads: 2, exposure: { sigusr1: 'default' } });
  for (const [at, other] of others.entries()) expect(other, names[at + 1]).not.toEqual(first);
});

/** A process of a user namespace of its own, with so many ids of which 0 is `root`, `through` other programs. */
async function inNamespace(root: number, ids: number, through: string[] = []): Promise<number> {
  const pid = await startReady([...through, 'unshare', '--user', compile('named.c'), '78']);
  const map = `0 ${root} ${ids}`;
  const write = `echo ${map} > /proc/${pid}/gid_map && echo ${map} > /proc/${pid}/uid_map`;
  execFileSync('env', [...through, 'sh', '-c', write]);
  return pid;
}

it.runIf(IS_ROOT)('facts about a namespace from one process hold for all of the same table', async () => {
  const enter = (pid: number, id: number) => `nsenter -t ${pid} -U -S ${id} -G ${id}`.split(' ');
  const above = await inNamespace(100_000, 60_000);
  const root = await inNamespace(1000, 50_000, enter(above, 0));
  const below = () => startReady([...enter(root, 5), compile('named.c'), '78']);
  const [one, other] = [await below(), await below()];
  const look = (pids: number[]) => {
    const namespaces = new UserNamespaces();
    const { processes } = readProcessTable(pids, new UserNamespaces(), false);
    expect(processes).toEqual(pids.map(pid => factsOf(pid, namespaces)));
    return processes.map(({ dumpable }) => dumpable);
  };
  expect(look([one, above, other])).toEqual([null, null, true]);
  expect(look([above, one, other])).toEqual([null, true, true]);
});

const CALLS = times(50, 1000);

/** Microseconds, a storm each: the children of some are gone when they are looked at, those of others are still there. */
const DWELLS = [0, 0, 0, 1000, 5000, 20_000];

interface Resources {
  before: ReturnType<typeof ownResources>;
  after: ReturnType<typeof ownResources>;
}

interface Storm extends Resources {
  different: unknown[];
  strange: unknown[];
  others: number;
  apart: number;
}

interface Large extends Resources {
  failed: number;
  kept: number;
}

async function startStorms(dwells: readonly number[]): Promise<string> {
  const storm = (dwell: number) => startReady([compile('fork-storm.c'), `${dwell}`], AS_USER);
  const storms = await Promise.all(dwells.map(storm));
  const named = await startReady([compile('named.c'), '78'], AS_USER);
  return JSON.stringify([named, ...storms]);
}

// strace holds the table up before it reads a link, so that most processes of the storm change in between. Node's own
// call is readlink.
const SLOWED = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=readlinkat:delay_enter=2000', '--'];

it('a process that changes while its row is read is read again', async () => {
  const storms = await startStorms(new Array(6).fill(20_000));
  const calls = times(60, 150);
  const seen = await ask<Storm>(['torn', storms, `${calls}`], AS_USER, SLOWED);
  expect(seen.strange).toEqual([]);
  expect(seen.others).toBeGreaterThan(calls / 2);
  expect(seen.apart).toBeGreaterThan(0);
});

it.runIf(IS_ROOT)(
  'processes with the same pid, one after the other, have no row of two of them',
  async () => {
    const pid = Number(await startChild([compile('recycled.c'), `${USER}`]).line());
    const seen = await ask<string[]>(['recycled', `[${pid}]`, `${times(200, 1000)}`], {}, SLOWED);
    for (const uid of [USER, USER + 1]) expect(seen).toContain(`${uid} of ${uid}`);
    // From its name on.
    const named = seen.filter(row => /^\d/.test(row));
    expect(named.filter(row => !/^(\d+) of (0|\1)$/.test(row))).toEqual([]);
  },
);

it.runIf(IS_ROOT)('and a look at that pid alone has facts of one process', async () => {
  const pid = Number(await startChild([compile('recycled.c'), `${USER}`]).line());
  const look = (launcher: string[]) =>
    ask<string[]>(['recycled-alone', `[${pid}]`, `${times(200, 1000)}`], {}, launcher);
  // Before each status: often the next process has begun then, in the same clock tick.
  const delayed = ['-P', `/proc/${pid}/status`, '-e', 'inject=openat:delay_enter=3000'];
  const seen = [
    ...(await look([])),
    ...(await look(['strace', '-f', '-qq', '-o', '/dev/null', ...delayed, '--'])),
  ];
  for (const uid of [USER, USER + 1]) expect(seen).toContain(`${uid} of ${uid}`);
  const named = seen.filter(row => /^\d/.test(row));
  expect(named.filter(row => !/^(\d+) of (0|\1)$/.test(row))).toEqual([]);
});

// Of the native rows alone: factsOf() takes so long that such a process may be as it was again.
it.runIf(IS_ROOT).each([
  ['runs', []],
  ['seems to sleep', ['200']],
])('a process that changes and %s all the time has no row of two moments', async (_what, children) => {
  const flipping = await startReady([compile('flipping.c'), `${USER}`, `${USER}`, ...children]);
  const table = native().processTable(new Int32Array(times(10_000, 50_000)).fill(flipping), 0, 512);
  if (typeof table === 'number') throw new Error(`${table}`);
  const found = new Set<string>();
  const profiles: number[] = [];
  const columns = tableColumns();
  for (let portion = table.next(); portion !== null; portion = table.next()) {
    const { rows } = portion;
    profiles.push(...portion.profiles);
    for (let at = 0; at < rows.length; at += columns.rowLength) {
      const profile = rows[at + columns.row.profile]! * columns.profileLength;
      const [owner, effective] = [columns.profile.ownerUid, columns.profile.effective].map(
        column => profiles[profile + column],
      );
      const isSeen = SIGHTS[rows[at + columns.row.sight]!] === 'seen';
      found.add(isSeen ? `owner ${owner}, effective ${effective!.toString(16)}` : 'to be looked at');
    }
  }
  table.close();
  expect(found).toContain('to be looked at');
  expect(found).not.toContain(`owner ${USER}, effective 400`);
});

describe.each(LOOKERS)('seen by %s', (_who, as) => {
  it(`processes that come and go make no wrong row, and ${CALLS} looks leave nothing behind`, async () => {
    const seen = await ask<Storm>(['storm', await startStorms(DWELLS), `${CALLS}`], as);
    expect(seen.different).toEqual([]);
    expect(seen.strange).toEqual([]);
    expect(seen.others).toBeGreaterThan(CALLS / 50);
    expect(seen.apart).toBeGreaterThan(0);
    expect(seen.after.fds).toBe(seen.before.fds);
    expect(seen.after.threads).toBe(seen.before.threads);
  });
});

// Three portions, and more than the kernel gives of a directory at once.
const SLEEPERS = 1500;

const listOfProc = () =>
  readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0);

/** The pids of the native table itself, which TypeScript would do without. */
function pidsOfAddon(): number[] {
  const table = native().processTable(null, 0, 512);
  if (typeof table === 'number') throw new Error(`${table}`);
  const pids: number[] = [];
  const { row, rowLength } = tableColumns();
  for (let portion = table.next(); portion !== null; portion = table.next()) {
    pids.push(...portion.rows.filter((_, at) => at % rowLength === row.pid));
  }
  table.close();
  expect(pids.length).toBeLessThanOrEqual(table.count);
  return pids;
}

/** The pids of a look whose list strace fails in its second part. */
async function pidsOfCutList(): Promise<number[]> {
  const log = join(privateDirectory(), 'strace');
  const cut = `strace -f -qq -o ${log} -P /proc -e inject=getdents64:error=EIO:when=2 --`;
  const pids = await ask<number[]>(['listed', '[]'], {}, cut.split(' '));
  expect(readFileSync(log, 'utf8')).toContain('(INJECTED)');
  return pids;
}

it.each([
  ['the addon', async () => pidsOfAddon()],
  ['observe()', () => ask<number[]>(['listed', '[]'])],
  ['Node, where the addon got a part of it,', pidsOfCutList],
])('%s lists all of a large /proc, in order', async (_who, look) => {
  await startReady([compile('../../scripts/bench/scan.c'), 'sleepers', `${SLEEPERS}`, '1']);
  const before = listOfProc();
  const found = await look();
  const after = new Set(listOfProc());
  const stayed = before.filter(pid => after.has(pid));
  expect(stayed.length).toBeGreaterThan(SLEEPERS);
  expect(found).toEqual(expect.arrayContaining(stayed));
  // Each once.
  expect(found).toEqual([...new Set(found)].sort((one, other) => one - other));
});

it('does not list its own reading threads', () => {
  const threads = () => Number(statusOf(process.pid, 'Threads'));
  const before = threads();
  const pids = [process.pid, ...Array.from({ length: 5000 }, () => process.ppid)];
  const { processes } = readProcessTable(pids, new UserNamespaces(), false);
  expect(processes[0]!.pid).toBe(process.pid);
  expect(processes[0]!.threads).toBeLessThanOrEqual(Math.max(before, threads()));
});

// A leaked table of 20,000 would be 7 MB in the addon and 1.4 MB in JavaScript, and less if it is abandoned in the
// middle. Measured: no growth in JavaScript, and up to 7 MiB in the allocator, the space of one table. With a
// deliberate leak, 60 calls grow by 40 tables. A smaller table is a smaller leak. AddressSanitizer keeps what is freed,
// and there memoryUsage.rss() is 0: scripts/test/sanitizers.mjs, UNMEASURED.
const LARGE = times(5000, 20_000);
const LARGE_CALLS = times(40, 60);
const MOST_KEPT = (2 * 2 ** 20 * LARGE) / 20_000;
const MOST_GROWTH = (20 * 2 ** 20 * LARGE) / 20_000;

it('large tables leave nothing behind, also if the caller fails in the middle of one', async () => {
  const asleep = await startReady([compile('named.c'), '78']);
  const pids = JSON.stringify(new Array(LARGE).fill(asleep));
  const { failed, kept, before, after } = await ask<Large>(['large', pids, `${LARGE_CALLS}`]);
  expect(failed).toBe(5);
  expect(kept).toBeLessThan(MOST_KEPT);
  expect(after.rss - before.rss).toBeLessThan(MOST_GROWTH);
  expect({ ...after, rss: 0 }).toEqual({ ...before, rss: 0 });
});

it('reports its progress, and has each process of every portion', async () => {
  const told: number[][] = [];
  const one = await startReady([compile('named.c'), '78'], AS_USER);
  const other = await startReady([compile('named.c'), '79', 'closed'], AS_USER);
  const third = await startReady([compile('named.c'), '7a'], {});
  // In each portion another is the first, and in the second there is one that is unlike those before.
  const pids = Array.from({ length: 1500 }, (_, at) => {
    if (at > 600 && at % 5 === 1) return third;
    return at === 0 || at === 1024 || at % 3 === 1 ? one : other;
  });
  const { processes } = readProcessTable(pids, new UserNamespaces(), false, (...far: number[]) =>
    told.push(far),
  );
  const facts = new Map([one, other, third].map(pid => [pid, factsOf(pid)]));
  expect(processes).toEqual(pids.map(pid => facts.get(pid)));
  expect(told).toEqual([0, 512, 1024].map(done => [done, 1500]));
});
