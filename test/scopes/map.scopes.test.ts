// A machine of real daemons (test/fixtures/daemons-machine.sh) as `tracegate scan` and `tracegate map` see it, and gdb,
// which tries as each user to attach to every process. gdb is a stranger: the ancestor of none of them.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import type { Exposed, HostMap } from '../../lib/map/graph/map-types.js';
import type { Reach, ReachStep } from '../../lib/policy/reach/reach.js';
import { PUBLIC_DIST, ROOT } from '../helpers/processes.js';
import { statusBecomes } from '../helpers/waits.js';
import { drawnElsewhere, kernelName, labScope, requirePowers, scope } from './scope.js';

interface Listed {
  pid: number;
  user: string;
  comm: string;
}

type Viewer = 'root' | 'dev';

/** The user that runs gdb, by a process of that user. */
const ATTACKERS = { dev: 'redis-server', 'www-data': 'nginx', postgres: 'postgres', redis: 'redis-server' };
type Attacker = keyof typeof ATTACKERS;
const USERS = Object.keys(ATTACKERS) as Attacker[];

/** Processes of dev that have opted out (PR_SET_DUMPABLE) or have changed their user, and those that have not. */
const CLOSED = ['gpg-agent', 'scdaemon', 'ssh-agent', 'sshd'];
const OPEN = ['bash', 'chrome_crashpad', 'chromium', 'dirmngr', 'git', 'python3', 'redis-server'];
/** Of those, the processes whose only ancestor is pid 1. */
const ALONE = ['dirmngr', 'git', 'redis-server'];
/** It has declared any process as its tracer. */
const DECLARED = 'python3';

let init = '';
let processes: Listed[] = [];
let sandboxed = new Set<number>();
const answers = new Map<Attacker, Set<number>>();
let directory = '';
let endMachine = async () => {};

const asUser = (user: string) =>
  user === 'root' ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];

/** Within the machine; its parent is outside. */
function run(user: string, ...words: string[]) {
  const options = { encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  const cls = spawnSync('nsenter', ['-t', init, '-m', '-p', ...asUser(user), ...words], options);
  if (cls.error !== undefined)
    throw new Error(`${words.join(' ')}: ${cls.error.message}\n${cls.stdout}${cls.stderr}`);
  return cls;
}

function tracegate(viewer: Viewer, ...words: string[]): string {
  const { status, stdout, stderr } = run(viewer, process.execPath, join(PUBLIC_DIST, 'cli.cjs'), ...words);
  expect(stderr).toBe('');
  expect([0, 1, 3]).toContain(status);
  return stdout;
}

const snapshot = (viewer: Viewer) => join(directory, `${viewer}.ndjson`);

const maps = new Map<string, Reach>();

/** From what root has seen. */
function mapFrom(from: number, at = scope): Reach {
  const key = `${from} ${at}`;
  const words = ['--snapshot', snapshot('root'), '--from', `${from}`, '--scope', `${at}`, '--json'];
  const found = maps.get(key) ?? (JSON.parse(tracegate('root', 'map', ...words)) as Reach);
  maps.set(key, found);
  return found;
}

function list(): Listed[] {
  const { stdout } = run('root', 'ps', '-eo', 'pid=,user:32=,comm=');
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => line.trim().split(/ +/))
    .map(([pid, user = '', ...comm]) => ({ pid: Number(pid), user, comm: comm.join(' ') }));
}

/** The processes that gdb can attach to. Each refusal is EPERM. */
async function attached(user: Attacker | 'root', pids: readonly number[]): Promise<Set<number>> {
  const isHeld = (pid: number) => user === 'dev' && scope === 2 && sandboxed.has(pid);
  const found = new Set(
    attachedInTurn(
      user,
      pids.filter(pid => !isHeld(pid)),
    ),
  );
  for (const pid of pids.filter(isHeld)) if (await attachesAndHangs(pid)) found.add(pid);
  return found;
}

function attachedInTurn(user: string, pids: readonly number[]): number[] {
  const one = (pid: number) => [
    '-ex',
    `echo @${pid}\\n`,
    '-ex',
    `attach ${pid}`,
    '-ex',
    'detach',
    '-ex',
    'file',
  ];
  const quick = ['-iex', 'set auto-load off', '-iex', 'set auto-solib-add off'];
  const words = ['gdb', '-nx', '-batch', ...quick, ...pids.flatMap(one)];
  const { stdout } = run(user, 'sh', '-c', 'exec "$@" 2>&1', 'sh', ...words);
  const parts = stdout.split(/^@(?=\d+$)/m).slice(1);
  expect(parts.map(part => Number.parseInt(part, 10))).toEqual(pids);
  return pids.filter((pid, at) => {
    const part = parts[at] ?? '';
    if (part.includes(`[Inferior 1 (process ${pid}) detached]`)) return true;
    // Of a browser some end at any time.
    if (/^ptrace: (Operation not permitted|No such process)\.$/m.test(part)) return false;
    throw new Error(`gdb said of ${part}`);
  });
}

/**
 * At scope 2, after its first attach, gdb tests the features of ptrace with a child that asks for PTRACE_TRACEME. That
 * is refused, and gdb waits for the child forever: gdb/nat/linux-ptrace.c, linux_check_ptrace_features(). By then gdb
 * is the tracer.
 */
async function attachesAndHangs(pid: number): Promise<boolean> {
  const words = ['-t', init, '-m', '-p', ...asUser('dev'), 'gdb', '-nx', '-batch', '-p', `${pid}`];
  const gdb = spawn('nsenter', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = text(gdb.stderr);
  const over = new AbortController();
  const traced = statusBecomes(
    `/proc/${init}/root/proc/${pid}/status`,
    'TracerPid',
    'is-not',
    0,
    over.signal,
  );
  const closed = once(gdb, 'close').then(() => false);
  // One that has ended meanwhile gdb tells, too.
  const isTraced = await Promise.race([closed, traced.then(() => true).catch(() => closed)]);
  over.abort();
  await traced.catch(() => {});
  if (isTraced) return true;
  expect(await said).toMatch(/Operation not permitted|No such process/);
  return false;
}

const pidsOf = (user: string, comm: string): number[] =>
  processes.filter(cls => cls.user === user && cls.comm === comm).map(({ pid }) => pid);

/** The first of that name: of chromium the browser, of postgres one that is not above the others. */
function pidOf(user: string, comm: string): number {
  const pid = pidsOf(user, comm)[comm === 'postgres' ? 1 : 0];
  if (pid === undefined) throw new Error(`no ${comm} of ${user}`);
  return pid;
}

const start = (user: Attacker) => pidOf(user, ATTACKERS[user]);

/** In words for people, of those that were there all the time. */
const named = (pids: Iterable<number>): string[] => {
  const set = new Set(pids);
  return processes
    .filter(({ pid }) => set.has(pid))
    .map(({ pid, user, comm }) => `${comm} of ${user} (${pid})`);
};

/** The processes that are traced at once, and not through others. */
const firstSteps = (reached: Reach['certain']): ReachStep[] =>
  reached.flatMap(({ path: [first, ...more] }) => (first && more.length === 0 ? [first] : []));

const firstPids = (reached: Reach['certain']) => firstSteps(reached).map(({ pid }) => pid);

function exposedAt(map: HostMap, user: Attacker, comm: string): Exposed['tracers'] | undefined {
  const pids = pidsOf(user, comm);
  return map.exposed.find(one => one.comm === comm && pids.includes(one.pid))?.tracers;
}

async function boot() {
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const script = join(ROOT, 'test/fixtures/daemons-machine.sh');
  const machine = spawn('unshare', [...namespaces, 'sh', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  endMachine = async () => {
    machine.kill('SIGKILL');
    if (machine.exitCode === null && machine.signalCode === null) await once(machine, 'exit');
  };
  const lines = createInterface({ input: machine.stdout });
  for await (const line of lines) {
    if (line !== 'ready') throw new Error(`the machine said ${line}`);
    init = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim();
    break;
  }
  if (init === '') throw new Error('the machine ended before it was ready');
}

const where = `at scope ${scope} (${kernelName})${drawnElsewhere === null ? '' : `: ${drawnElsewhere}`}`;

describe.runIf(labScope !== null && drawnElsewhere === null)(`a machine of real daemons, ${where}`, () => {
  beforeAll(async () => {
    requirePowers();
    directory = mkdtempSync(join(tmpdir(), 'tracegate-map-'));
    await boot();
    const before = list();
    for (const viewer of ['root', 'dev'] as const)
      writeFileSync(snapshot(viewer), tracegate(viewer, 'scan', '--ndjson'));
    const lines = readFileSync(snapshot('root'), 'utf8').trimEnd().split('\n').slice(1);
    const seen = new Map(
      lines.map(line => JSON.parse(line) as ProcessFacts).map(facts => [facts.pid, facts]),
    );
    const own = seen.get(1)?.userNs;
    const isSandboxed = ({ pid }: Listed) => seen.get(pid)?.userNs !== own;
    const isSeen = ({ pid, comm }: Listed) => seen.get(pid)?.comm === comm;
    const pids = before.filter(isSeen).map(({ pid }) => pid);
    sandboxed = new Set(
      before
        .filter(isSeen)
        .filter(isSandboxed)
        .map(({ pid }) => pid),
    );
    for (const user of USERS) answers.set(user, await attached(user, pids));
    const after = new Map(list().map(({ pid, comm }) => [pid, comm]));
    processes = before.filter(cls => isSeen(cls) && after.get(cls.pid) === cls.comm);
    sandboxed = new Set([...sandboxed].filter(pid => after.has(pid)));
  });

  afterAll(() => endMachine());

  it('has all daemons', () => {
    for (const [user, comms] of Object.entries({
      root: ['nginx', 'sshd'],
      'www-data': ['nginx'],
      postgres: ['postgres'],
      redis: ['redis-server'],
      dev: [...CLOSED, ...OPEN],
    })) {
      for (const comm of comms) expect(pidsOf(user, comm), `${comm} of ${user}`).not.toEqual([]);
    }
    expect(named(sandboxed)).not.toEqual([]);
  });

  it.each(USERS)('%s: gdb attaches to the certain targets of the map, and is refused by all others', user => {
    const { certain, possible } = mapFrom(start(user));
    const others = processes.filter(({ pid }) => pid !== start(user)).map(({ pid }) => pid);
    const declared = user === 'dev' && scope === 1 ? [pidOf('dev', DECLARED)] : [];
    const expected = [...firstPids(certain), ...declared];
    expect(named(others.filter(pid => answers.get(user)?.has(pid)))).toEqual(named(expected));
    // Root sees all facts except declared tracers.
    if (scope !== 1) expect(named(firstPids(possible))).toEqual([]);
    else expect(named(firstPids(possible))).toEqual(expect.arrayContaining(named(declared)));
  });

  it('dev: gdb attaches at 0 to processes that have not opted out, and from 1 on to none', () => {
    const gets = (comm: string) => answers.get('dev')?.has(pidOf('dev', comm));
    for (const comm of CLOSED) expect(gets(comm), comm).toBe(false);
    for (const comm of OPEN) expect(gets(comm), comm).toBe(scope === 0 || (scope === 1 && comm === DECLARED));
  });

  it('the map lists the exposed processes at 0, and that 1 closes them', () => {
    const map: HostMap = JSON.parse(tracegate('root', 'map', '--snapshot', snapshot('root'), '--json'));
    expect(map.scope).toBe(scope);
    for (const comm of CLOSED) expect(exposedAt(map, 'dev', comm), comm).toBeUndefined();
    for (const comm of OPEN) expect(exposedAt(map, 'dev', comm)?.certain[0], comm).toBeGreaterThan(0);
    for (const [user, comms] of [
      ['dev', ALONE],
      ['www-data', ['nginx']],
    ] as const) {
      for (const comm of comms) {
        const { certain, possible } = exposedAt(map, user, comm) ?? {};
        expect(certain, comm).toEqual({ 0: possible?.[1], 1: 0, 2: 0, 3: 0 });
        expect(possible, comm).toEqual({ 0: 0, 1: certain?.[0], 2: 0, 3: 0 });
      }
    }
    // Of the processes of postgres each is one to the others; below the first are all.
    expect(exposedAt(map, 'postgres', 'postgres')).toMatchObject({ certain: { 1: 1, 2: 0, 3: 0 } });
    // Alone of its user, and root's.
    expect(exposedAt(map, 'redis', 'redis-server')).toBeUndefined();
    for (const comm of ['nginx', 'sshd'])
      expect(map.exposed.filter(one => pidsOf('root', comm).includes(one.pid))).toEqual([]);
  });

  // The owner of a user namespace has all capabilities over the processes in it: security/commoncap.c, cap_capable().
  it('the sandboxed processes of the browser are the exception: dev owns their namespace, and may attach up to 2', () => {
    const { certain } = mapFrom(start('dev'));
    const expected = scope === 3 ? [] : [...sandboxed];
    expect(named(firstPids(certain.filter(({ pid }) => sandboxed.has(pid))))).toEqual(named(expected));
    expect(named([...sandboxed].filter(pid => answers.get('dev')?.has(pid)))).toEqual(named(expected));
    const rules = firstSteps(certain)
      .filter(({ pid }) => sandboxed.has(pid))
      .map(({ rule }) => rule);
    expect(new Set(rules)).toEqual(new Set(scope === 3 ? [] : ['capability']));
  });

  it('a worker of nginx reaches the other at 0, and none for certain at 1', () => {
    const [worker, other] = pidsOf('www-data', 'nginx') as [number, number];
    const step = { pid: other, as: 'itself' };
    const at = (value: 0 | 1) => mapFrom(worker, value);
    expect(at(0)).toMatchObject({
      certain: [{ pid: other, path: [{ ...step, rule: 'credentials', undetermined: [] }] }],
      possible: [],
    });
    expect(at(1)).toMatchObject({
      certain: [],
      possible: [{ pid: other, path: [{ ...step, rule: 'declared', undetermined: ['yama-relation'] }] }],
    });
    expect(answers.get('www-data')?.has(other)).toBe(scope === 0);
  });

  it('the map that dev sees agrees with gdb', () => {
    const { certain, possible }: Reach = JSON.parse(
      tracegate('dev', 'map', '--from', `${start('dev')}`, '--json'),
    );
    const isThere = new Set(processes.map(({ pid }) => pid));
    const known = (reached: Reach['certain']) => firstPids(reached).filter(pid => isThere.has(pid));
    const got = [...(answers.get('dev') ?? [])].filter(pid => isThere.has(pid) && pid !== start('dev'));
    expect(named(got)).toEqual(expect.arrayContaining(named(known(certain))));
    expect(named([...known(certain), ...known(possible)])).toEqual(expect.arrayContaining(named(got)));
    const isSure = new Set(known(certain));
    for (const comm of ['dirmngr', 'git']) expect(isSure.has(pidOf('dev', comm)), comm).toBe(scope === 0);
  });

  it('scan gives the same status for each process, to root and to dev', () => {
    const open = ['open-to-uid', 'open-to-ancestors', 'closed', 'closed'][scope ?? 0];
    for (const viewer of ['root', 'dev'] as const) {
      const scanned = JSON.parse(tracegate('root', 'scan', '--snapshot', snapshot(viewer), '--json'));
      const status = new Map<number, string>(
        scanned.processes.map((cls: { pid: number; status: string }) => [cls.pid, cls.status]),
      );
      for (const comm of CLOSED) expect(status.get(pidOf('dev', comm)), comm).toBe('closed');
      for (const comm of OPEN) expect(status.get(pidOf('dev', comm)), comm).toBe(open);
      for (const user of ['www-data', 'postgres', 'redis'] as const)
        expect(status.get(start(user)), user).toBe(open);
    }
  });

  it('root attaches to processes that have opted out as well, up to 2', async () => {
    const pids = ['ssh-agent', 'git'].map(comm => pidOf('dev', comm));
    expect(named(await attached('root', pids))).toEqual(named(scope === 3 ? [] : pids));
  });
});
