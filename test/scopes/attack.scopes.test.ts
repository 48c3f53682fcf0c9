// What control of one process is worth, by an attacker who really goes from process to process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { secretOf } from '../differential/commands.js';
import { SEED, times } from '../helpers/tier.js';
import { ended } from '../helpers/waits.js';
import { Actor } from './actor.js';
import { Attack, type Host } from './attack.js';
import { AttackRange, specOf } from './attack-reach.js';
import { statusOf } from './attack-ways.js';
import type { Scope } from './rules.js';
import { isStock, requirePowers, scope, scopeName } from './scope.js';

/** Milliseconds. A test takes a tenth of a second; no machine is as slow as this. */
const PATIENCE = 600_000;

let actor: Actor;
beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
// A target that doesn't go on as it was doesn't answer: then the actor ends, and with it the rest.
let timer: NodeJS.Timeout;
beforeEach(() => {
  timer = setTimeout(() => void actor.kill(), PATIENCE);
});
afterEach(() => clearTimeout(timer));
afterAll(() => actor?.stop());

const CAP_SETGID = 1n << 6n;
const CAP_SETUID = 1n << 7n;
const CAP_NET_RAW = 1n << 13n;
const CAP_SYS_PTRACE = 1n << 19n;

interface Credentials {
  /** Real, effective and saved; or all of them. */
  uids?: number | readonly [number, number, number];
  gid?: number;
  permitted?: bigint;
  effective?: bigint;
}

/** uid and gid 1000, or the given ones; dumpable again, after the change of ids. */
function is(
  role: string,
  { uids = 1000, gid = 1000, permitted = 0n, effective = permitted }: Credentials = {},
) {
  const [real, cls, saved] = typeof uids === 'number' ? [uids, uids, uids] : uids;
  return [
    `${role} become-all ${real} ${cls} ${saved} ${cls} ${gid} ${gid} ${gid} ${gid} 0x${permitted.toString(16)} 0x${effective.toString(16)}`,
    `${role} dumpable 1`,
  ];
}

const siblings = (...roles: string[]) => roles.map(role => `conductor fork ${role}`);

interface Case {
  readonly rule: string;
  readonly lines: readonly string[];
  /** The ways from `a`, at scope 0, 1, 2 and 3. A process at the end of no way isn't reached. */
  readonly ways: readonly [string, string, string, string];
  /** At scope 0: processes that are traced already, and whose memory can be written nevertheless. */
  readonly written?: string;
}

const ALL = '0xffffffffffffffff';
/** In a user namespace of `owner`, as its root, which is uid and gid 1002 outside. */
const inNamespaceOf = (role: string, owner: number) => [
  `${role} unshare-user ${owner} 1000 1 0 1002 1 0 1002 1`,
  `${role} become-all ${'0 '.repeat(8)}${ALL} ${ALL}`,
  `${role} exec`,
  `${role} dumpable 1`,
];

/** The kernel's rules: kernel/ptrace.c, __ptrace_may_access(); security/commoncap.c; security/yama/yama_lsm.c. */
const CASES: readonly Case[] = [
  {
    rule: 'the same uid and gid: ptrace_scope 0 asks for no more',
    lines: [
      ...siblings('a', 'b', 'c', 'd', 'e'),
      ...is('d', { uids: 1001 }),
      ...is('e', { gid: 1001 }),
    ].concat(['a', 'b', 'c'].flatMap(role => is(role))),
    ways: ['b, c, b>c, c>b', '', '', ''],
  },
  {
    rule: 'an ancestor reaches its descendants at 1, each of which reaches its own',
    lines: [...siblings('a'), 'a fork b', 'b fork c', ...['a', 'b', 'c'].flatMap(role => is(role))],
    ways: ['b, c, b>c', 'b, c, b>c', '', ''],
  },
  {
    rule: 'a descendant does not reach its ancestors at 1, nor their other children',
    lines: [
      ...siblings('p'),
      'p fork a',
      'p fork b',
      'a fork c',
      ...['p', 'a', 'b', 'c'].flatMap(role => is(role)),
    ],
    ways: ['p, b, c, c>p>b', 'c', '', ''],
  },
  {
    rule: 'three steps at 1: to a child, to a process that declared that child, and to its child',
    lines: [
      ...siblings('a', 'c'),
      'a fork b',
      'c fork d',
      ...['a', 'b', 'c', 'd'].flatMap(role => is(role)),
      'c declare @b',
    ],
    ways: ['b, c, d, b>c>d', 'b, b>c, b>c>d', '', ''],
  },
  {
    rule: 'a declaration of an ancestor is one of its descendants',
    lines: [...siblings('p', 'c'), 'p fork a', ...['p', 'a', 'c'].flatMap(role => is(role)), 'c declare @p'],
    ways: ['p, c', 'c', '', ''],
  },
  {
    rule: 'a declaration of anyone still asks for ids',
    lines: [
      ...siblings('a', 'b', 'c'),
      ...is('a'),
      ...is('b'),
      ...is('c', { uids: 1001 }),
      'b declare -1',
      'c declare -1',
    ],
    ways: ['b', 'b', '', ''],
  },
  {
    rule: 'a permitted CAP_SYS_PTRACE is raised, and is enough where anything is',
    lines: [
      ...siblings('a', 'b', 'c'),
      ...is('a', { permitted: CAP_SYS_PTRACE, effective: 0n }),
      ...is('b', { uids: 1001, gid: 1001, permitted: CAP_NET_RAW }),
      ...is('c'),
      'c dumpable 0',
    ],
    ways: ['b, c', 'b, c', 'b, c', ''],
  },
  {
    rule: 'CAP_SYS_PTRACE two steps away: a child that has no more may not be left, one that has may not be entered',
    lines: [
      ...siblings('a', 'c', 'e'),
      'a fork b',
      ...['a', 'b', 'e'].flatMap(role => is(role)),
      ...is('c', { permitted: CAP_SYS_PTRACE }),
      'c declare -1',
    ],
    ways: ['b, e', 'b', '', ''],
  },
  {
    rule: 'a process with CAP_SYS_PTRACE is the way to all others for a tracer with as many capabilities',
    lines: [
      ...siblings('a', 'c'),
      'a fork b',
      ...is('a', { permitted: CAP_SYS_PTRACE | CAP_NET_RAW, effective: 0n }),
      ...is('b', { uids: 1001, permitted: CAP_SYS_PTRACE, effective: 0n }),
      ...is('c', { uids: 1002, permitted: CAP_NET_RAW }),
    ],
    ways: ['b, c, b>c', 'b, c, b>c', 'b, c, b>c', ''],
  },
  {
    rule: 'a target that is not dumpable stays clean, a child too',
    lines: [
      ...siblings('a', 'b'),
      'a fork c',
      ...['a', 'b', 'c'].flatMap(role => is(role)),
      'b dumpable 0',
      'c dumpable 0',
    ],
    ways: ['', '', '', ''],
  },
  {
    rule: "the target's permitted capabilities are a subset of the tracer's",
    lines: [
      ...siblings('a'),
      'a fork b',
      'a fork c',
      'a fork d',
      ...is('a', { permitted: CAP_NET_RAW, effective: 0n }),
      ...is('b'),
      ...is('c', { permitted: CAP_NET_RAW }),
      ...is('d', { permitted: CAP_SETUID }),
    ],
    ways: ['b, c, c>b', 'b, c', '', ''],
  },
  {
    rule: 'a saved id is taken again',
    lines: [
      ...siblings('a'),
      'a fork b',
      'a fork c',
      'a fork d',
      ...is('a', { uids: [1000, 1000, 1001] }),
      ...is('b'),
      ...is('c', { uids: 1001 }),
      ...is('d', { uids: [1001, 1001, 1000] }),
    ],
    ways: ['b, c', 'b, c', '', ''],
  },
  {
    rule: 'CAP_SETUID makes the uid any, CAP_SETGID the gid',
    lines: [
      ...siblings('a'),
      'a fork b',
      'b fork c',
      'a fork d',
      ...is('a', { permitted: CAP_SETUID, effective: 0n }),
      ...is('b', { uids: 1001, permitted: CAP_SETUID }),
      ...is('c', { uids: 1002 }),
      ...is('d', { uids: 1001, gid: 1001 }),
    ],
    ways: ['b, c, b>c', 'b, c, b>c', '', ''],
  },
  {
    rule: 'CAP_SETUID and CAP_SETGID are every user',
    lines: [
      ...siblings('a', 'b', 'c'),
      ...is('a', { permitted: CAP_SETUID | CAP_SETGID, effective: 0n }),
      ...is('b', { uids: 0, gid: 0 }),
      ...is('c', { uids: 1001, gid: 1001 }),
      'c declare -1',
    ],
    ways: ['b, c', 'c', '', ''],
  },
  {
    rule: 'the owner of a user namespace reaches all processes in it, at 1 and 2 too',
    lines: [...siblings('a', 'b', 'c'), ...is('a'), ...inNamespaceOf('b', 1000), ...inNamespaceOf('c', 1001)],
    ways: ['b', 'b', 'b', ''],
  },
  {
    rule: 'a saved uid is an owner of user namespaces',
    lines: [
      ...siblings('a', 'b', 'c'),
      ...is('a', { uids: [1000, 1000, 1001] }),
      ...inNamespaceOf('b', 1001),
      ...is('c', { uids: 1002, gid: 1002 }),
    ],
    ways: ['b', 'b', 'b', ''],
  },
  {
    rule: 'a target that is traced already is not attached to; its memory is another matter',
    lines: [...siblings('a', 'b'), 'conductor hold @b', ...['a', 'b'].flatMap(role => is(role))],
    ways: ['', '', '', ''],
    written: 'b',
  },
  {
    rule: 'a tracee stays with its tracer after both have changed their ids',
    lines: [
      ...siblings('a', 'b', 'c'),
      'a hold @b',
      ...is('a'),
      ...is('b', { uids: 1001, permitted: CAP_SYS_PTRACE }),
      ...is('c', { uids: 1002 }),
    ],
    ways: ['b, b>c', 'b, b>c', 'b, b>c', ''],
  },
  {
    rule: 'another thread of the same process is no target, and no other process either',
    lines: [
      ...siblings('a', 'c'),
      'a begin-thread t',
      ...is('a'),
      ...is('t', { uids: 1001 }),
      'a dumpable 1',
      ...is('c', { uids: 1001 }),
    ],
    ways: ['t, t>c', 't', 't', 't'],
  },
  {
    rule: 'a process whose first thread has ended is got at by another',
    lines: [
      ...siblings('a', 'b'),
      'b begin-thread t',
      ...is('a'),
      ...is('t'),
      ...is('b'),
      'b leave',
      't await-leader',
    ],
    ways: ['t', '', '', ''],
  },
];

/** The pids of the roles that can be had, and their words. */
async function stage(lines: readonly string[]): Promise<Host[]> {
  const made = lines.flatMap(line => {
    const [maker = '', command = '', name = ''] = line.split(' ');
    return command === 'fork' || command === 'begin-thread' ? [{ maker, command, name }] : [];
  });
  const replies = await actor.run(...lines);
  replies.forEach(({ answer, value }, at) => {
    const line = lines[at]!;
    // The actor has no first process at 3 that could, and a thread that has left says nothing.
    const isRefused = scope === 3 && line.includes(' hold ');
    if (answer !== (isRefused ? 'EPERM' : '0')) throw new Error(`'${line}' answered ${answer} ${value}`);
  });
  const processes = made.filter(({ command }) => command === 'fork').map(({ name }) => name);
  const hosts: Host[] = [];
  for (const { maker, command, name } of made) {
    const [pid] = await actor.must(`conductor echo @${name}`);
    const process = command === 'fork' ? name : maker;
    hosts.push({ name, pid: Number(pid), secret: secretOf(processes.indexOf(process)) });
  }
  const living = hosts.filter(({ name }) => !lines.includes(`${name} leave`));
  await actor.must(...living.map(({ name, secret }) => `${name} secret 0x${secret}`));
  return living;
}

async function attacking<T>(hosts: readonly Host[], use: (attack: Attack) => Promise<T>): Promise<T> {
  const attack = await Attack.on(actor, hosts);
  try {
    return await use(attack);
  } finally {
    await attack.end();
  }
}

/** No process was changed: each answers, knows its word, and has the tracer that it had before. */
async function expectUndisturbed(hosts: readonly Host[], tracers: readonly number[]) {
  expect(await actor.must(...hosts.map(({ name }) => `${name} echo 7`))).toEqual(hosts.map(() => '7'));
  expect(hosts.map(({ pid }) => statusOf(pid).tracer)).toEqual(tracers);
}

const at = (scope: Scope) => scope ?? 0;
const listOf = (text: string) => text.split(', ').filter(word => word !== '');

describe.each(CASES)('$rule', ({ lines, ways, written = '' }) => {
  const wanted = listOf(ways[at(scope)]!);

  it(`spread() reaches the processes that the rules name at ${scopeName}`, async () => {
    const hosts = await stage(lines);
    const nameOf = (pid: number) => hosts.find(host => host.pid === pid)!.name;
    const tracers = hosts.map(({ pid }) => statusOf(pid).tracer);
    const spread = await attacking(hosts, attack =>
      attack.spread(hosts.find(({ name }) => name === 'a')!.pid),
    );
    const ends = new Set(wanted.map(way => way.split('>').at(-1)!));
    expect([...spread.infected.keys()].map(nameOf).sort()).toEqual(['a', ...ends].sort());
    expect([...spread.written.keys()].map(nameOf)).toEqual(at(scope) === 0 ? listOf(written) : []);
    await expectUndisturbed(hosts, tracers);
    await actor.end();
  });

  it.each(wanted)(`follow() reaches the end of %s at ${scopeName}, and reads its secret`, async way => {
    const hosts = await stage(lines);
    const named = (name: string) => hosts.find(host => host.name === name)!;
    const path = way.split('>').map(named);
    const followed = await attacking(hosts, attack =>
      attack.follow(
        named('a').pid,
        path.map(({ pid }) => pid),
      ),
    );
    expect(followed).toEqual({
      at: path.at(-1)!.pid,
      answer: '0',
      secret: path.at(-1)!.secret,
      isBlocked: false,
    });
    await actor.end();
  });
});

it('the agent of root enters only processes of the tests, and leaves them as they were', async () => {
  // Most of Node's have memory at the same addresses as the actor; sleep has none.
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("ready")']);
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  const [conductor] = await actor.must('conductor echo @conductor');
  const [first, stranger] = [Number(conductor), other.pid!];
  const hosts = [
    { name: 'conductor', pid: first, secret: '' },
    { name: 'stranger', pid: stranger, secret: '' },
  ];
  const { answer } = await attacking(hosts, attack => attack.follow(first, [stranger]));
  expect(answer).toBe(`${stranger}: itself: ${scope === 3 ? 'EPERM' : 'EXDEV'}`);
  expect(statusOf(stranger).tracer).toBe(0);
  other.stdin.end();
  expect(await once(other, 'exit')).toEqual([0, null]);
});

/** The number of populations; the environment can set another. Under instruction translation one takes seconds. */
const { first = SEED, count = isStock ? times(1, 3) : times(2, 20) } = JSON.parse(
  process.env.TRACEGATE_ATTACK ?? '{}',
) as {
  first?: number;
  count?: number;
};

describe('random populations', () => {
  let range: AttackRange;
  beforeAll(async () => {
    range = await AttackRange.open();
  });
  afterAll(() => range?.close());

  const seeds = Array.from({ length: count }, (_, at) => first + at);

  it.each(seeds)(`spread() ends at ${scopeName}, and so do its processes: seed %i`, async seed => {
    const { population, from } = AttackRange.draw(seed, false);
    const pids = await range.spread(population, from);
    // Orphans are reaped by others, whenever they like.
    await ended(...pids);
  });

  it.each(seeds)(
    `the processes that were reached lie between the bounds of reach() at ${scopeName}: seed %i`,
    async seed => {
      const { population, from } = AttackRange.draw(seed, true);
      const { differences, ...run } = await range.compare(population, from);
      console.log(`${scopeName}, seed ${seed}: ${JSON.stringify(run)}`);
      expect(
        differences.map(
          ({ is, name, because }) => `${is}: ${name} (${because}); ${specOf(population, name)}`,
        ),
      ).toEqual([]);
    },
  );
});
