// docs/fleet.md, "Snapshots in DuckDB": runs the queries of that page, and compares their answers with the library.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Snapshot, SnapshotFacts } from '../../lib/kernel/host.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { diffHosts } from '../../lib/map/graph/diff.js';
import { hostEdges } from '../../lib/map/graph/edge-counts.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import { inspectorState } from '../../lib/map/graph/process-status.js';
import { SECRET_KEEPERS } from '../../lib/map/graph/secret-keepers.js';
import { readSnapshot, snapshotLines } from '../../lib/map/snapshot-file.js';
import { indexOf } from '../../lib/policy/reach/process-classes.js';
import { reach } from '../../lib/policy/reach/reach.js';
import { MAIN, validated } from '../helpers/cli.js';
import { as, hostWith } from '../helpers/fleet-hosts.js';
import { hostileHost } from '../helpers/map-hosts.js';
import { ROOT } from '../helpers/processes.js';

const [, section = ''] = readFileSync(join(ROOT, 'docs', 'fleet.md'), 'utf8').split(
  '## Snapshots in DuckDB\n',
);
const blocks = (language: string) =>
  [...section.split(/^## /m)[0]!.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text]) => text!,
  );

type Row = Record<string, unknown>;

function queried(directory: string, statements: readonly string[]): Row[][] {
  const program = [join(ROOT, 'test', 'fixtures', 'duckdb.mjs')];
  const input = JSON.stringify(statements);
  const run = spawnSync(process.execPath, program, { cwd: directory, input, encoding: 'utf8' });
  expect(run).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(run.stdout);
}

/** What only hostile snapshots have, and no engine reads: half of a surrogate pair. */
const legible = ({ processes, ...host }: Snapshot): Snapshot => ({
  ...host,
  processes: processes.map(facts => ({
    ...facts,
    comm: facts.comm?.replace(/\p{Surrogate}/gu, '?') ?? null,
  })),
});

const FULL = '000001ffffffffff';
const nginx = as(1000, 'nginx');
const filtered = { seccomp: 'filter', noNewPrivs: true } as const;

/** By file. Of each kind that a query tells apart a host, and two of one name. */
const HOSTS: Record<string, Snapshot> = {
  'hosts/open.ndjson': hostWith('open', 11, scopeOf(0), [nginx, as(1000, 'ssh-agent')]),
  'hosts/closed.ndjson': hostWith('closed', 12, scopeOf(2), [nginx, as(1000, 'ssh-agent')]),
  'hosts/restricted.ndjson': hostWith('restricted', 13, scopeOf(1), [nginx, as(1000, 'ssh-agent')]),
  'hosts/no-attach.ndjson': hostWith('no-attach', 14, scopeOf(3), [nginx, as(1000, 'ssh-agent')]),
  'hosts/apart.ndjson': hostWith('localhost', 15, scopeOf(0), [
    as(33, 'apache2'),
    as(33, 'apache2'),
    as(0, 'tracer-of-one', { capPermitted: FULL, capEffective: FULL, dumpable: null }),
  ]),
  'hosts/without-yama.ndjson': hostWith('localhost', 16, { state: 'absent' }, [
    as(33, 'php-fpm8.2', filtered),
    as(33, 'gpg-agent'),
    as(33, 'sh'),
  ]),
  'hosts/setuid.ndjson': hostWith('setuid', 17, scopeOf(0), [
    as(1500, 'nginx', { capPermitted: '00000000000000c0', capEffective: '00000000000000c0' }),
    as(1500, 'nginx', { ...filtered, capPermitted: FULL }),
  ]),
  // Only in steps: it may become root, but its exec gives nothing. A process of root that it reaches gains capabilities
  // by an exec.
  'hosts/steps.ndjson': hostWith('steps', 20, scopeOf(0), [
    as(1500, 'nginx', { noNewPrivs: true, capPermitted: 'c0', capEffective: 'c0' }),
    as(0, 'job', { dumpable: true }),
  ]),
  'hosts/unknown.ndjson': hostWith('unknown', 18, { state: 'unknown', cause: 'EACCES' }, [
    nginx,
    as(1000, 'ssh-agent'),
  ]),
  'hosts/hostile.ndjson': legible(hostileHost()),
  'yesterday/open.ndjson': hostWith('open', 11, scopeOf(1), [nginx]),
  'yesterday/closed.ndjson': hostWith('closed', 12, scopeOf(2), [nginx, as(1000, 'ssh-agent')]),
  'yesterday/apart.ndjson': hostWith('gone', 19, scopeOf(0), []),
};

let directory: string;
let answers: Row[][];
let now: [string, Snapshot][];
let then: [string, Snapshot][];

/** Those of the day, by the block that has this in it. */
function answer(mark: string): Row[] {
  const at = blocks('sql').findIndex(text => text.includes(mark));
  expect(at).toBeGreaterThanOrEqual(0);
  return answers[at]!;
}

const sorted = (rows: readonly Row[]) =>
  rows
    .map(row => JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))))
    .sort();

const save = (file: string, snapshot: Snapshot) =>
  writeFileSync(join(directory, file), [...snapshotLines(snapshot)].join(''));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tracegate-queries-'));
  for (const day of ['hosts', 'yesterday', 'bin']) mkdirSync(join(directory, day));
  for (const [file, snapshot] of Object.entries(HOSTS)) save(file, snapshot);
  const command = join(directory, 'bin', 'tracegate');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(command, 0o755);
  const env = { ...process.env, PATH: `${join(directory, 'bin')}:${process.env.PATH}` };
  // This machine is one of the fleet.
  for (const script of ['tracegate scan --ndjson > hosts/this.ndjson', ...blocks('sh')]) {
    const run = spawnSync('sh', ['-euc', script], { cwd: directory, env, encoding: 'utf8' });
    expect(run).toMatchObject({ status: 0, stderr: '' });
  }
  answers = queried(directory, blocks('sql'));
  const all: [string, Snapshot][] = [];
  for (const file of ['hosts/this.ndjson', ...Object.keys(HOSTS)])
    all.push([file, await readSnapshot(join(directory, file))]);
  now = all.filter(([file]) => file.startsWith('hosts/'));
  then = all.filter(([file]) => file.startsWith('yesterday/'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

it('the lines of a map fit their schema, name their host, and add up to the map', async () => {
  const lines = readFileSync(join(directory, 'map.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => validated('map-lines', line));
  for (const [file, snapshot] of [...now, ...then]) {
    const map = mapHost(snapshot);
    const [host, ...more] = lines.filter(line => line.file === file);
    expect(host).toMatchObject({ type: 'host', host: map.name, edgesByScope: map.edgesByScope });
    const of = (type: string) => more.filter(line => line.type === type);
    expect(of('class').map(({ id, size, uid }) => [id, size, uid])).toEqual(
      map.classes.map(({ id, size, uid }) => [id, size, uid]),
    );
    const ptraceCapable = new Set(
      map.classes.filter(({ isPtraceCapable }) => isPtraceCapable).map(({ id }) => id),
    );
    const counted = of('edge').filter(({ from }) => !ptraceCapable.has(from as number));
    expect(counted.map(({ from, to, certain, possible }) => ({ from, to, certain, possible }))).toEqual(
      map.edges,
    );
    expect(of('exposed').slice(0, 50)).toMatchObject(map.exposed.map(({ pid, count }) => ({ pid, count })));
  }
});

/** The classes that are reached from one, by lines alone. */
function closure(lines: readonly Row[], start: Row, at: string, isCertain: boolean): Set<unknown> {
  const classes = lines.filter(({ type }) => type === 'class');
  const count = (edge: Row, bound: string) => (edge[bound] as Record<string, number>)[at]!;
  const edges = lines.filter(
    line => line.type === 'edge' && count(line, 'certain') + (isCertain ? 0 : count(line, 'possible')) > 0,
  );
  const found = new Set<unknown>();
  const queue = [start];
  for (const cls of queue) {
    const all = cls.reachesAll === true && at !== '3';
    const next = all
      ? classes.filter(({ id, size }) => id !== cls.id || Number(size) > 1)
      : classes.filter(({ id }) => edges.some(({ from, to }) => from === cls.id && to === id));
    for (const one of next) {
      if (found.has(one.id)) continue;
      found.add(one.id);
      queue.push(one);
    }
  }
  // Back at itself, where it is the only one.
  if (start.size === 1) found.delete(start.id);
  return found;
}

/** A traced process belongs to its tracer, and that is an edge between processes, not classes. */
const untraced = ({ host, processes }: SnapshotFacts): SnapshotFacts => ({
  host,
  processes: processes.map(facts => ({ ...facts, tracerPid: 0, tracerTgid: 0 })),
});

it('at scopes 0, 2 and 3 the classes that the lines lead to are those of reach(), from each class', () => {
  const lines = readFileSync(join(directory, 'map.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Row);
  let unsure = 0;
  for (const [file, snapshot] of now) {
    const cls = lines.filter(line => line.file === file);
    const host = untraced(snapshot);
    const index = indexOf(host);
    unsure += cls.filter(({ isPtraceCapable, reachesAll }) => isPtraceCapable && !reachesAll).length;
    for (const start of cls.filter(({ type }) => type === 'class')) {
      for (const scope of [0, 2, 3] as const) {
        const { pid } = index.classes[start.id as number]!.members[0]!;
        const { certain, possible } = reach(host, pid, { scope });
        const classesOf = (reached: { pid: number }[]) =>
          new Set(reached.map(one => index.nodes.get(one.pid)!.class!.id));
        expect(closure(cls, start, `${scope}`, true)).toEqual(classesOf(certain));
        expect(closure(cls, start, `${scope}`, false)).toEqual(classesOf([...certain, ...possible]));
      }
    }
  }
  expect(unsure).toBeGreaterThan(0);
});

/** As the query has them. */
const isWeb = (comm: string | null, uid: number | null) =>
  ['nginx', 'apache2', 'httpd'].includes(comm ?? '') || comm?.startsWith('php-fpm') || uid === 33;

/** By reach() from each web server's process that is not ptrace-capable, without classes of edges. */
function keepersReached(file: string, snapshot: Snapshot): Row[] {
  const index = indexOf(snapshot);
  const { ptraceCapable } = hostEdges(index);
  const byPid = new Map(snapshot.processes.map(facts => [facts.pid, facts]));
  const found = new Map<string, Row>();
  for (const { pid, comm, uids } of snapshot.processes) {
    const cls = index.nodes.get(pid)?.class;
    if (!cls || ptraceCapable.has(cls) || uids.real === 0 || !isWeb(comm, uids.real)) continue;
    const { certain, possible } = reach(snapshot, pid);
    const add = (other: number, isCertain: boolean) => {
      const keeper = byPid.get(other)!;
      const isAlike = keeper.comm === comm && index.nodes.get(other)?.class === cls;
      if (!SECRET_KEEPERS.has(keeper.comm ?? '') || isAlike) return;
      const key = `${comm}\n${keeper.comm}`;
      const known = found.get(key)?.certain === true;
      found.set(key, {
        host: snapshot.name,
        file,
        web: comm,
        keeper: keeper.comm,
        certain: known || isCertain,
      });
    };
    for (const one of certain) add(one.pid, true);
    for (const one of possible) add(one.pid, false);
  }
  return [...found.values()];
}

it('the query for web servers that reach a keeper of secrets agrees with reach(), and at scope 1 has at least those', () => {
  const rows = answer('keepers AS');
  const of = (wanted: string) => rows.filter(({ file }) => file === wanted);
  for (const [file, snapshot] of now) {
    const wanted = keepersReached(file, snapshot);
    const { yama } = snapshot.host;
    if (yama.state !== 'present' || yama.value !== 1) {
      expect(sorted(of(file)), file).toEqual(sorted(wanted));
      continue;
    }
    const known = new Map(of(file).map(({ web, keeper, certain }) => [`${web} ${keeper}`, certain]));
    for (const { web, keeper, certain } of wanted) {
      expect(known.has(`${web} ${keeper}`)).toBe(true);
      if (certain) expect(known.get(`${web} ${keeper}`)).toBe(true);
    }
  }
  const agent = { web: 'nginx', keeper: 'ssh-agent' };
  expect(of('hosts/open.ndjson')).toContainEqual(expect.objectContaining({ ...agent, certain: true }));
  expect(of('hosts/unknown.ndjson')).toContainEqual(expect.objectContaining({ ...agent, certain: false }));
  expect(of('hosts/restricted.ndjson')).toContainEqual(expect.objectContaining(agent));
  expect(of('hosts/without-yama.ndjson')).toContainEqual(
    expect.objectContaining({ web: 'php-fpm8.2', keeper: 'gpg-agent', certain: false }),
  );
  expect(of('hosts/steps.ndjson')).toContainEqual(expect.objectContaining({ ...agent, certain: false }));
  expect(of('hosts/setuid.ndjson').map(({ certain }) => certain)).toEqual(
    expect.arrayContaining([true, false]),
  );
  for (const file of ['closed', 'no-attach', 'apart'])
    expect(
      of(`hosts/${file}.ndjson`).filter(({ keeper }) => keeper === 'ssh-agent'),
      file,
    ).toEqual([]);
});

it('the query for hosts by scope', () => {
  const scopes = now.map(([, { name, host }]) => ({
    name,
    scope: host.yama.state === 'present' ? `${host.yama.value}` : host.yama.state,
  }));
  const rows = answer('sum(edges)');
  expect(rows.map(({ scope, names }) => [scope, [...(names as string[])].sort()])).toEqual(
    [...new Set(scopes.map(({ scope }) => scope))].sort().map(scope => [
      scope,
      scopes
        .filter(one => one.scope === scope)
        .map(({ name }) => name)
        .sort(),
    ]),
  );
  for (const { scope, hosts, names } of rows)
    expect([scope, hosts]).toEqual([scope, (names as string[]).length]);
  const total = now.map(([, snapshot]) => mapHost(snapshot));
  const edges = total.reduce(
    (sum, { scope, edgesByScope }) => sum + edgesByScope[typeof scope === 'number' ? scope : 0],
    0,
  );
  expect(rows.reduce((sum, row) => sum + Number(row.edges), 0)).toBe(edges);
});

it('the query for Nodes with an armed or open inspector', () => {
  const wanted = now.flatMap(([file, snapshot]) => {
    const states = snapshot.processes.map(({ pid }) => inspectorState(snapshot, pid));
    const [armed, open] = ['armed', 'open'].map(state => states.filter(one => one === state).length);
    return armed! + open! === 0 ? [] : [{ host: snapshot.name, file, armed, open }];
  });
  expect(sorted(answer('AS armed'))).toEqual(sorted(wanted));
  expect(wanted.filter(({ armed, open }) => armed! > 0 && open! > 0)).not.toEqual([]);
});

it('the query for programs with CAP_SYS_PTRACE on one host only', () => {
  const hosts = new Map<string | null, Set<string>>();
  for (const [file, { processes }] of now)
    for (const { comm, kind, capPermitted } of processes) {
      if (kind === 'kernel-thread' || kind === 'zombie') continue;
      if (capPermitted === null || ((BigInt(`0x${capPermitted}`) >> 19n) & 1n) === 0n) continue;
      hosts.set(comm, (hosts.get(comm) ?? new Set()).add(file));
    }
  const nameOf = new Map(now.map(([file, { name }]) => [file, name]));
  const wanted = [...hosts]
    .filter(([, files]) => files.size === 1)
    .map(([comm, files]) => ({ comm, host: nameOf.get([...files][0]!) }));
  expect(sorted(answer('CAP_SYS_PTRACE'))).toEqual(sorted(wanted));
  expect(wanted).toContainEqual({ comm: 'tracer-of-one', host: 'localhost' });
  expect([...hosts.get('cron')!].length).toBeGreaterThan(1);
});

it('the query for changes since yesterday gives hosts and newly traceable programs', () => {
  const changed = answer('scope_before');
  expect(changed.map(({ host }) => host)).toEqual(
    expect.arrayContaining(['open', 'gone', 'setuid', 'localhost']),
  );
  expect(changed.map(({ host }) => host)).not.toContain('closed');
  const before = HOSTS['yesterday/open.ndjson']!;
  const after = HOSTS['hosts/open.ndjson']!;
  const diff = diffHosts([before], [after]);
  expect(changed).toContainEqual({
    host: 'open',
    scope_before: '1',
    scope_now: '0',
    edges_before: diff.before.edges.certain,
    edges_now: diff.after.edges.certain,
  });
  const more = diff.moreExposed
    .filter(one => one.after !== null && one.after.certain > 0 && (one.before?.certain ?? 0) === 0)
    .map(({ comm, uid }) => ({ host: 'open', comm, uid }));
  expect(more).toContainEqual({ host: 'open', comm: 'ssh-agent', uid: 1000 });
  expect(sorted(answer('known AS'))).toEqual(sorted(more));
});

it('half of a surrogate pair in a name is replaced, so that every engine reads the lines', () => {
  save('hostile.ndjson', hostileHost());
  const run = spawnSync(
    process.execPath,
    [MAIN, 'map', '--format', 'ndjson', '--snapshot', 'hostile.ndjson'],
    { cwd: directory, encoding: 'utf8' },
  );
  expect(run).toMatchObject({ status: 0, stderr: '' });
  const other = join(directory, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'map.ndjson'), run.stdout);
  const create = blocks('sql').filter(text => text.includes("read_ndjson('map.ndjson'"));
  const [, rows] = queried(other, [
    ...create,
    "SELECT DISTINCT program.comm FROM (SELECT unnest(programs) AS program FROM lines WHERE type = 'class')",
  ]);
  const names = new Set(
    hostileHost()
      .processes.filter(({ kind }) => kind === 'user')
      .map(({ comm }) => comm?.replace(/\p{Surrogate}/gu, '\ufffd')),
  );
  expect(new Set(rows!.map(({ comm }) => comm))).toEqual(names);
});
