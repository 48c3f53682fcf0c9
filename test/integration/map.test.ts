// `tracegate map` of one host: of snapshots with known answers, and of this host compared with the kernel.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import type { PtraceScopeValue } from '../../lib/kernel/ptrace-scope.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import type { HostMap } from '../../lib/map/graph/map-types.js';
import { snapshotLines } from '../../lib/map/snapshot-file.js';
import { reach } from '../../lib/policy/reach/reach.js';
import { syntheticHost } from '../../scripts/bench/synthetic-host.mjs';
import { answered } from '../helpers/answered.js';
import { MAIN, type Run, tracegate, validated } from '../helpers/cli.js';
import { closedTarget, IS_ROOT, PUBLIC_DIST, sleeper, straceAttaches, USER } from '../helpers/processes.js';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-map-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function saved(snapshot: Snapshot): string {
  const file = join(temporary(), 'host.ndjson');
  writeFileSync(file, [...snapshotLines(snapshot)].join(''));
  return file;
}

const template = syntheticHost(1, 80).processes.find(({ comm }) => comm === 'bash')!;
const ids = (id: number) => ({ real: id, effective: id, saved: id, fs: id });

/** A few processes whose edges one counts by hand. Init has everything. */
function host(scope: PtraceScopeValue, ...others: Partial<ProcessFacts>[]): Snapshot {
  const all = { capPermitted: '000001ffffffffff', capEffective: '000001ffffffffff', dumpable: null };
  const init = { ...template, pid: 1, tgid: 1, ppid: 0, comm: 'init', uids: ids(0), gids: ids(0), ...all };
  const processes = others.map((facts, at) => {
    const pid = facts.pid ?? at + 10;
    return { ...template, pid, tgid: pid, ppid: 1, declaredTracer: 'none' as const, ...facts };
  });
  const { host: facts } = syntheticHost(1, 80);
  return {
    name: 'by-hand',
    takenAt: '2026-11-26T12:00:00.000Z',
    nodes: new Map(),
    host: { ...facts, lsms: ['capability', 'yama'], yama: scopeOf(scope) },
    processes: [init, ...processes],
  };
}

function mapIn({ stdout, stderr, code }: Run): HostMap {
  expect([code, stderr]).toEqual([0, '']);
  return validated('map', stdout) as unknown as HostMap;
}

const mapOf = async (snapshot: Snapshot, ...words: string[]): Promise<HostMap> =>
  mapIn(await answered(['map', '--snapshot', saved(snapshot), '--json', ...words]));

/** A shell, its child, an agent that opted out, and a stranger's process. */
const SMALL: Partial<ProcessFacts>[] = [
  { pid: 10, comm: 'bash' },
  { pid: 11, comm: 'redis-server', ppid: 10 },
  { pid: 12, comm: 'ssh-agent', dumpable: false, memoryUserNs: '4026531837' },
  { pid: 13, comm: 'other', uids: ids(1001), gids: ids(1001) },
];

describe('a map', () => {
  it('counts edges at every scope: of the same uid at 0, of ancestors at 1, and none at 2 and 3', async () => {
    const map = mapIn(await tracegate(['map', '--snapshot', saved(host(0, ...SMALL)), '--json']));
    // bash and redis each other, and the agent, which may trace both, too.
    expect(map.edgesByScope).toEqual({ 0: 4, 1: 1, 2: 0, 3: 0 });
    expect(map.possibleEdgesByScope).toEqual({ 0: 0, 1: 0, 2: 0, 3: 0 });
    expect([map.processes, map.traceable]).toEqual([5, 5]);
    expect(
      map.classes.filter(({ isPtraceCapable }) => isPtraceCapable).map(({ programs }) => programs[0]?.comm),
    ).toEqual(['init']);
  });

  it('counts in whole numbers, whatever the size of a class', async () => {
    const agents = Array.from({ length: 49 }, (_, at) => ({ pid: 100 + at, comm: 'ssh-agent' }));
    const web = { pid: 10, comm: 'web', capPermitted: '0000000000000001', capBounding: '0000000000000001' };
    const map = await mapOf(host(0, web, ...agents));
    expect(map.exposed[0]).toMatchObject({ comm: 'ssh-agent', tracers: { certain: { 0: 49, 1: 0 } } });
    expect(map.advice[0]).toMatchObject({ cuts: 49 * 49 });
  });

  it('counts a process with more children than a call may have arguments', () => {
    const { processes, ...rest } = host(1, { pid: 10, comm: 'worker' });
    const [init, worker] = processes;
    const children = Array.from({ length: 150_000 }, (_, at) => ({
      ...worker!,
      pid: 10 + at,
      tgid: 10 + at,
    }));
    const snapshot = { ...rest, processes: [init!].concat(children) };
    expect(mapHost(snapshot).traceable).toBe(150_001);
    expect(reach(snapshot, 1).certain).toHaveLength(150_000);
  });

  it('names the most exposed processes, keepers of secrets first, and those that reach furthest', async () => {
    const map = await mapOf(host(0, ...SMALL, { pid: 14, comm: 'web', capPermitted: '0000000000080000' }));
    expect(map.exposed.map(({ comm, tracers }) => [comm, tracers.certain[0], tracers.certain[1]])).toEqual([
      ['redis-server', 2, 1],
      ['bash', 2, 0],
    ]);
    // With CAP_SYS_PTRACE permitted it is a ptrace-capable process, which is not listed among the dangerous.
    expect(map.dangerous!.map(({ comm, reaches }) => [comm, reaches.certain])).toEqual([
      ['ssh-agent', 2],
      ['bash', 1],
      ['redis-server', 1],
    ]);
  });

  it('has what confinement would leave of the reach of each dangerous program, where Landlock runs', async () => {
    const snapshot = host(
      0,
      { pid: 10, comm: 'bash', startTime: 1000 },
      { pid: 11, comm: 'npm', ppid: 10, startTime: 2000 },
      { pid: 12, comm: 'agent', startTime: 500 },
    );
    const lsms = ['capability', 'landlock', 'yama'];
    const confinedOf = (map: HostMap) => map.dangerous!.map(({ comm, confined }) => [comm, confined]);
    const withLandlock = { ...snapshot, host: { ...snapshot.host, lsms } };
    expect(new Map(confinedOf(await mapOf(withLandlock)) as [string, unknown][])).toEqual(
      new Map([
        ['bash', { certain: 1, possible: 0 }],
        ['npm', { certain: 0, possible: 0 }],
        // The others are younger, and init may have adopted them.
        ['agent', { certain: 0, possible: 2 }],
      ]),
    );
    expect(confinedOf(await mapOf(snapshot)).every(([, confined]) => confined === null)).toBe(true);
    const { stdout } = await answered(['map', '--snapshot', saved(withLandlock)]);
    expect(stdout).toMatch(/reaches, in steps +if started by tracegate run --confine\n/);
    expect(stdout).toMatch(/agent \(12\) +uid \d+ +2 +0 \(perhaps 2 more\)/);
  });

  it('gives advice in order of effect, each counted after the advice before it', async () => {
    const { advice } = await mapOf(host(0, ...SMALL));
    expect(advice.map(({ what, cuts }) => [what, cuts])).toEqual([
      ['set kernel.yama.ptrace_scope to 1', 3],
      ['set kernel.yama.ptrace_scope to 2', 1],
    ]);
    const stricter = await mapOf(host(1, ...SMALL));
    expect(stricter.advice[0]).toMatchObject({ cuts: 1 });
  });

  it('advises no command whose text a process could have chosen', async () => {
    const named = (comm: string) =>
      host(
        0,
        { pid: 10, capPermitted: '0000000000000001' },
        ...[20, 21, 22].map(pid => ({ pid, ppid: 10, comm, seccomp: 'strict' as const })),
      );
    const hostile = named('\u001b[2J;reboot');
    const { advice } = await mapOf(hostile);
    expect(advice[0]).toMatchObject({
      what: 'have \\u{1b}[2J;reboot opt out of being traced',
      command: null,
      cuts: 3,
    });
    const { stdout } = await answered(['map', '--snapshot', saved(hostile)]);
    expect(stdout).not.toContain('\u001b');
    expect((await mapOf(named('redis-server'))).advice[0]?.command).toBe(
      'tracegate run --deny -- redis-server',
    );
  });

  it('counts unseen facts in an upper bound', async () => {
    const map = await mapOf(host(1, { pid: 10, declaredTracer: 'unknown' }, { pid: 11 }));
    expect(map.edgesByScope[1]).toBe(0);
    expect(map.possibleEdgesByScope[1]).toBe(1);
    const hidden = await mapOf(host(0, { pid: 10, dumpable: null }, { pid: 11 }));
    expect([hidden.edgesByScope[0], hidden.possibleEdgesByScope[0]]).toEqual([1, 1]);
  });

  it('names the running tracers that a stricter scope would refuse', async () => {
    const map = await mapOf(
      host(0, { pid: 10, comm: 'gdb' }, { pid: 11, comm: 'app', tracerPid: 10, tracerTgid: 10 }),
    );
    expect(map.refusedTracers[1]).toEqual([
      { pid: 10, comm: 'gdb', target: { pid: 11, comm: 'app' }, reattach: 'denied' },
    ]);
    const { stdout } = await answered([
      'map',
      '--snapshot',
      saved(host(0, { pid: 10, comm: 'gdb' }, { pid: 11, comm: 'app', tracerPid: 10, tracerTgid: 10 })),
    ]);
    expect(stdout).toMatch(
      /at 1 this host loses \d+ of \d+ edges; 1 running tracer would be refused: gdb \(10\) on 11/,
    );
  });

  it('names them also with --scope lower than that of the host', async () => {
    const snapshot = host(
      1,
      { pid: 10, comm: 'gdb' },
      { pid: 11, comm: 'app', tracerPid: 10, tracerTgid: 10 },
    );
    expect((await mapOf(snapshot)).refusedTracers[1]).toEqual([]);
    expect((await mapOf(snapshot, '--scope', '0')).refusedTracers[1]).toEqual([
      { pid: 10, comm: 'gdb', target: { pid: 11, comm: 'app' }, reattach: 'denied' },
    ]);
  });

  it('works for an empty host, for one process, and for a process without any facts', async () => {
    const empty = { ...host(0), processes: [] };
    expect((await mapOf(empty)).edgesByScope[0]).toBe(0);
    const one = await answered(['map', '--snapshot', saved(host(3, { pid: 10 }))]);
    expect(one.stdout).toContain('only processes with CAP_SYS_PTRACE may trace others');
    const unknown = host(0, ...SMALL);
    const none = host(0, ...SMALL);
    none.host.yama = { state: 'absent' };
    const without = await answered(['map', '--snapshot', saved(none)]);
    expect(without.stdout).toContain('how many processes an attacker in this program reaches, without Yama');
    unknown.host.yama = { state: 'unknown', cause: 'hidden' };
    const map = await mapOf(unknown);
    expect(map.scope).toBe('unknown');
    expect(map.dangerous!.every(({ reaches }) => reaches.certain === 0)).toBe(true);
  });

  // Every user who may make user namespaces can have processes with different capability sets.
  const rights = (count: number) =>
    Array.from({ length: count }, (_, at) => {
      const mask = at.toString(16).padStart(16, '0');
      return { pid: at + 10, capPermitted: mask, capEffective: mask };
    });

  it('counts hundreds of processes that all have different rights', async () => {
    const some = rights(300);
    const { edgesByScope } = await mapOf(host(0, ...some));
    // A tracer that has all capabilities of the target.
    const isPart = (a: number, b: number) => (a & ~b) === 0;
    const pairs = some.flatMap((_, a) => some.map((__, b) => Number(a !== b && isPart(a, b))));
    expect(edgesByScope[0]).toBe(pairs.reduce((sum, one) => sum + one, 0));
  });

  it('gives counts alone for a host that was filled with processes on purpose, and says so', async () => {
    const file = saved(host(1, ...rights(1500)));
    const map = mapIn(await answered(['map', '--snapshot', file, '--json']));
    expect([map.edges, map.dangerous]).toEqual([null, null]);
    // These may take every uid, or perhaps.
    expect(map.edgesByScope[1] + map.possibleEdgesByScope[1]).toBeGreaterThan(1_000_000);
    expect((await answered(['map', '--snapshot', file])).stdout).toMatch(
      /1,501 classes of processes have more than 1,000,000 edges .* tracegate map --from PID/,
    );
    for (const format of ['ndjson', 'dot', 'mermaid', 'svg']) {
      const refused = await answered(['map', '--snapshot', file, '--format', format]);
      expect(refused.code, format).toBe(3);
      expect(refused.stderr, format).toMatch(
        /^tracegate: 1,501 classes of processes have more than 1,000,000 edges/,
      );
    }
    expect((await answered(['map', '--snapshot', file, '--from', '10'])).code).not.toBe(3);

    const chain = Array.from({ length: 3000 }, (_, at) => ({
      pid: at + 10,
      ppid: at + 9,
      declaredTracer: at + 9,
    }));
    const relatives = await answered(['map', '--snapshot', saved(host(1, ...chain))]);
    expect([relatives.code, relatives.stdout]).toEqual([3, '']);
    expect(relatives.stderr).toMatch(/^tracegate: more than 5000000 steps from relative to relative/);
  });

  it.each(['dot', 'mermaid', 'svg'])('as %s is written to the file of --output', async format => {
    const file = join(temporary(), 'out');
    const { code, stdout } = await answered([
      'map',
      '--snapshot',
      saved(host(0, ...SMALL)),
      '--format',
      format,
      '--output',
      file,
    ]);
    expect([code, stdout]).toEqual([0, '']);
    expect(readFileSync(file, 'utf8')).toMatch(
      { dot: /^digraph/, mermaid: /^(---|flowchart|graph)/, svg: /^<svg|^<\?xml/ }[format]!,
    );
  });
});

describe('map --from', () => {
  const from = async (snapshot: Snapshot, pid: number, ...words: string[]) =>
    answered(['map', '--snapshot', saved(snapshot), '--from', `${pid}`, ...words]);

  /** 10 → 11 by its uid; 11 may take 12's by CAP_SETUID and CAP_SETGID; 13 is closed. */
  const chain = (scope: PtraceScopeValue) =>
    host(
      scope,
      { pid: 10, comm: 'web' },
      {
        pid: 11,
        comm: 'sudoer',
        uids: ids(1000),
        capPermitted: '00000000000000c0',
        capBounding: '00000000000000c0',
      },
      { pid: 12, comm: 'vault', uids: ids(1002), gids: ids(1002) },
      { pid: 13, comm: 'sealed', dumpable: false, memoryUserNs: '4026531837' },
    );

  it('has the path to each process, with the rule that passed, and exit code 1', async () => {
    const snapshot = chain(0);
    // The subset rule: 10 lacks what 11 is permitted.
    const none = await from(snapshot, 10, '--json');
    expect(validated('reach', none.stdout)).toMatchObject({ certain: [], possible: [] });
    expect(none.code).toBe(0);
    const some = await tracegate(['map', '--snapshot', saved(snapshot), '--from', '11', '--json']);
    expect(some.code).toBe(1);
    expect(validated('reach', some.stdout)).toMatchObject({
      from: 11,
      scope: 0,
      certain: [
        { pid: 10, path: [{ pid: 10, rule: 'credentials', as: 'itself', undetermined: [] }] },
        { pid: 12, path: [{ pid: 12, rule: 'credentials', as: 'set-ids', undetermined: [] }] },
      ],
    });
  });

  it('at a stricter scope reaches no process, with exit code 0', async () => {
    const { stdout, code } = await from(chain(0), 11, '--scope', '1');
    expect(stdout).toContain('From 11 sudoer, at ptrace_scope 1, an attacker reaches 0 processes');
    expect(code).toBe(0);
  });

  it('with unseen facts, gives exit code 3', async () => {
    const snapshot = host(1, { pid: 10, comm: 'web' }, { pid: 11, comm: 'x', declaredTracer: 'unknown' });
    const { stdout, code } = await from(snapshot, 10);
    expect(code).toBe(3);
    expect(stdout).toContain('and perhaps 1 more');
    expect(stdout).toContain('11 x [it has declared that one, unless yama-relation refuses]');
  });

  it.each([
    ['abc', 1, /no process that is visible in the snapshot has the name "abc"/],
    ['12a', 2, /"12a" is not a pid/],
    ['0', 2, /"0" is not a pid/],
    ['-1', 2, /not a pid|ambiguous/],
    ['2147483648', 2, /is not a pid/],
    ['4711', 2, /the snapshot has no such process/],
  ])('%s is refused as no process', async (pid, code, why) => {
    const snapshot = saved(chain(0));
    const said = await answered(['map', '--snapshot', snapshot, `--from=${pid}`]);
    expect(said.stderr).toMatch(why);
    expect([said.code, said.stdout]).toEqual([code, '']);
  });

  it('a pid without a process gives the message of status', async () => {
    const said = await tracegate(['map', '--from', '2147483647']);
    expect(said.stderr).toMatch(/no process has pid 2147483647/);
    expect(said.code).toBe(1);
  });

  it('a kernel thread is refused', async () => {
    const snapshot = {
      ...syntheticHost(1, 80),
      name: 'x',
      takenAt: '2026-11-26T12:00:00.000Z',
      nodes: new Map(),
    };
    const said = await answered(['map', '--snapshot', saved(snapshot), '--from', '2']);
    expect(said.stderr).toMatch(/--from 2: it is a kernel-thread/);
    expect(said.code).toBe(2);
  });
});

it.each([
  [['--format', 'png'], /--format "png": use human, json, dot, mermaid, svg or ndjson/],
  [['--scope', '4'], /--scope "4": use 0, 1, 2 or 3/],
  [['--html', '/x', '--output', '/y'], /--output beside --html needs --json or --format/],
  [['--from', '1', '--html', '/x'], /--from takes no --html/],
  [['--from', '1', '--format', 'svg'], /--from takes --format human or json/],
  [['host.ndjson'], /map takes arguments only/],
  [['--diff', '0'], /--diff compares two/],
  [['--diff', '0', '7'], /use 0, 1, 2 or 3/],
  [['--snapshot', '/nonexistent/*.ndjson'], /no file has that name/],
])('%j is a usage error', async (words, why) => {
  const { code, stderr, stdout } = await answered(['map', ...words]);
  expect(stderr).toMatch(why);
  expect([code, stdout]).toEqual([2, '']);
});

it('a page or file that cannot be written is named, and the old one stays', async () => {
  const said = await tracegate(['map', '--html', '/proc/none/map.html']);
  expect(said.stderr).toMatch(/--html "\/proc\/none\/map.html": ENOENT/);
  expect(said.code).toBe(3);
});

describe('an unseen fact never counts as a refusal', () => {
  const agent = { pid: 12, comm: 'ssh-agent', declaredTracer: 'unknown' as const };

  it('in the edges that a scope would cut', async () => {
    const file = saved(host(0, { pid: 10 }, agent));
    const { stdout } = await answered(['map', '--snapshot', file]);
    // Of two edges the one to the agent, as far as it may have declared the other.
    expect(stdout).toContain('at 1 this host loses 2 of 2 edges (perhaps 1 fewer);');
    expect(stdout).toContain('at 2 this host loses 2 of 2 edges;');
  });

  it('in the running tracers that a scope would refuse', async () => {
    const traced = {
      pid: 11,
      comm: 'app',
      tracerPid: 10,
      tracerTgid: 10,
      declaredTracer: 'unknown' as const,
    };
    const { stdout } = await answered([
      'map',
      '--snapshot',
      saved(host(0, { pid: 10, comm: 'gdb' }, traced)),
    ]);
    expect(stdout).toMatch(/at 1 .*; 1 running tracer would be refused, perhaps: gdb \(10\) on 11$/m);
    expect(stdout).toMatch(/at 2 .*; 1 running tracer would be refused: gdb \(10\) on 11$/m);
  });

  it('in the line and the page of a fleet', async () => {
    const file = saved(host(1, { pid: 10 }, agent));
    const pattern = file.replace(/host\.ndjson$/, '*.ndjson');
    const { stdout } = await answered(['map', '--snapshot', pattern]);
    expect(stdout).toMatch(/^by-hand +1 +2 +0 \(perhaps 1 more\) +0 +0 +perhaps ssh-agent$/m);
    writeFileSync(file.replace(/host\.ndjson$/, 'bad.ndjson'), 'no snapshot');
    const json = await answered(['map', '--snapshot', pattern, '--json']);
    expect(json.code).toBe(3);
    expect(validated('fleet', json.stdout)).toMatchObject({
      hosts: [{ exposedSecrets: [], perhapsExposedSecrets: [{ comm: 'ssh-agent', tracers: 1 }] }],
      failed: [{ because: expect.stringMatching(/line 1 is no JSON/) }],
    });
    const page = join(temporary(), 'fleet.html');
    await answered(['map', '--snapshot', pattern, '--html', page]);
    expect(readFileSync(page, 'utf8')).toMatch(/>0 <small>\(perhaps 1 more\)<.*<td>perhaps ssh-agent</);
  });

  it('in a comparison, of a program in two classes', async () => {
    // The first process of that name is closed; for the second that isn't seen.
    const shut = { pid: 11, comm: 'app', dumpable: false, memoryUserNs: '4026531837' };
    const before = saved(host(0, { pid: 10 }, shut));
    const after = saved(host(0, { pid: 10 }, shut, { pid: 12, comm: 'app', dumpable: null }));
    const { stdout } = await answered(['map', '--diff', before, after, '--json']);
    const { moreExposed } = validated('diff', stdout) as { moreExposed: { comm: string }[] };
    expect(moreExposed.find(({ comm }) => comm === 'app')).toMatchObject({
      before: { certain: 0, possible: 0 },
      after: { certain: 0, possible: 2 },
    });
  });

  it('in a comparison where fewer surely may, and more perhaps', async () => {
    const before = saved(host(0, { pid: 10 }, agent));
    const after = saved(host(1, { pid: 10 }, { pid: 11 }, { pid: 13 }, agent));
    const { stdout } = await answered(['map', '--diff', before, after, '--json']);
    const { moreExposed } = validated('diff', stdout) as { moreExposed: { comm: string }[] };
    expect(moreExposed.find(({ comm }) => comm === 'ssh-agent')).toMatchObject({
      before: { certain: 1, possible: 0 },
      after: { certain: 0, possible: 3 },
    });
  });
});

// Here, and not in scan.test.ts: the sanitizers' runtime can't do without /proc.
it.runIf(IS_ROOT)('if /proc hides processes of other users, the map says that it is a part', async () => {
  const hidden = async (words: string) => {
    const user = `setpriv --reuid ${USER} --regid ${USER} --clear-groups`;
    const command = `mount -t proc -o hidepid=2 proc /proc && exec ${user} "$0" "$1" ${words}`;
    const main = join(PUBLIC_DIST, 'cli.cjs');
    const child = spawn('unshare', ['--mount', 'sh', '-c', command, process.execPath, main]);
    const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return { stdout, code };
  };
  for (const words of ['scan', 'map']) {
    const { stdout, code } = await hidden(words);
    expect(stdout).toContain("process 1 isn't seen: /proc hides other users' processes here (hidepid)");
    expect(code).toBe(0);
  }
  const map = validated('map', (await hidden('map --json')).stdout) as unknown as HostMap;
  expect(map.isWhole).toBe(false);

  const part = host(0, ...SMALL);
  const file = saved({ ...part, processes: part.processes.filter(({ pid }) => pid !== 1) });
  const fleet = await answered(['map', '--snapshot', file.replace('host.ndjson', '*.ndjson')]);
  expect(fleet.stdout).toContain('by-hand (a part)');
  const pages = [file, file.replace('host.ndjson', '*.ndjson')].map((snapshot, at) => [
    snapshot,
    `${file}.${at}.html`,
  ]);
  for (const [snapshot, page] of pages) await answered(['map', '--snapshot', snapshot!, '--html', page!]);
  const [one, many] = pages.map(([, page]) => readFileSync(page!, 'utf8'));
  expect(one).toContain('process 1 isn&#39;t seen');
  expect(many).toContain('(a part)');
  expect((await answered(['map', '--snapshot', saved(part)])).stdout).not.toContain("isn't seen:");
});

it.runIf(IS_ROOT)('without /proc there is an error, and no empty map', async () => {
  for (const words of [['scan'], ['scan', '--ndjson'], ['map'], ['map', '--from', '1']]) {
    const child = spawn(
      'unshare',
      ['--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh', process.execPath, MAIN, ...words],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    expect(stderr).toMatch(/\/proc lists no process: mount it/);
    expect([code, stdout]).toEqual([3, '']);
  }
});

// The oracle is strace, run as the uid of both.
it.runIf(IS_ROOT)('on this host without Yama the map of the own processes agrees with strace', async () => {
  const [open, shut, tracer] = [
    await sleeper({ uid: 1000, gid: 1000 }),
    await closedTarget(),
    await sleeper({ uid: 1000, gid: 1000 }),
  ];
  const { stdout } = await tracegate(['map', '--from', `${tracer.pid}`, '--json']);
  const { certain, possible } = validated('reach', stdout) as {
    certain: { pid: number }[];
    possible: { pid: number }[];
  };
  const reached = certain.map(({ pid }) => pid);
  expect(reached).toContain(open.pid);
  expect([...reached, ...possible.map(({ pid }) => pid)]).not.toContain(shut.pid);
  expect(await straceAttaches(open.pid, { uid: 1000, gid: 1000 })).not.toBeNull();
  expect(await straceAttaches(shut.pid, { uid: 1000, gid: 1000 })).toBeNull();
});
