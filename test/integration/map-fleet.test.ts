// `tracegate map` of many snapshots, and of two.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import type { Fleet } from '../../lib/map/formats/fleet.js';
import type { MapDiff } from '../../lib/map/graph/diff.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import { shownName } from '../../lib/map/graph/names.js';
import { snapshotLines } from '../../lib/map/snapshot-file.js';
import { launchChromium, withFile } from '../../scripts/test/chromium.mjs';
import { tracegate, validated } from '../helpers/cli.js';
import { as, hostWith } from '../helpers/fleet-hosts.js';
import { hostileHost } from '../helpers/map-hosts.js';
import { isNightly } from '../helpers/tier.js';

let directory: string;
const path = (name: string) => join(directory, name);
const textOf = (snapshot: Snapshot) => [...snapshotLines(snapshot)].join('');
const agent = as(1000, 'ssh-agent');

/** The same host at each scope: those of most edges are first at the laxest. */
const HOSTS: Record<string, Snapshot> = {
  'b-restricted': hostWith('restricted', 21, scopeOf(1), [agent]),
  'c-open': hostWith('open', 21, scopeOf(0), [agent]),
  'd-closed': hostWith('closed', 21, scopeOf(3), [agent]),
  'e-hostile': hostileHost(),
};
const HOSTILE_FILE = '<img src=x onerror=alert(1)>\u001b[31m';
const open = textOf(HOSTS['c-open']!);
const BROKEN: Record<string, [text: string, because: RegExp]> = {
  'a-newer': [
    open.replace('"schemaVersion":1', '"schemaVersion":2'),
    /schemaVersion is 2, newer than .*newer tracegate/,
  ],
  'cut-at-a-line': [open.slice(0, open.lastIndexOf('\n', open.length - 2) + 1), /it was cut off/],
  'cut-in-a-line': [open.slice(0, -40), /no JSON/],
  empty: ['', /it is empty/],
  'no-snapshot': ['hello\n', /line 1 is no JSON/],
  [HOSTILE_FILE]: ['{"type":"<script>alert(1)</script>"}\n', /line 1 is not a host's/],
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tracegate-map-fleet-'));
  for (const name of ['hosts', 'good']) mkdirSync(path(name));
  for (const [name, snapshot] of Object.entries(HOSTS))
    for (const where of ['hosts', 'good']) writeFileSync(path(`${where}/${name}.ndjson`), textOf(snapshot));
  for (const [name, [text]] of Object.entries(BROKEN)) writeFileSync(path(`hosts/${name}.ndjson`), text);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const mapped = (pattern: string, ...words: string[]) =>
  tracegate(['map', '--snapshot', path(pattern), ...words]);

const now = ({ scope, edgesByScope }: Fleet['hosts'][number]) =>
  edgesByScope[typeof scope === 'number' ? scope : 0];

describe('many hosts', () => {
  it('as JSON each host is as in its own map, the worst first; a broken file is named, with exit code 3', async () => {
    const run = await mapped('hosts/*.ndjson', '--json');
    expect(run).toMatchObject({ code: 3, stderr: '' });
    const { hosts, failed } = validated('fleet', run.stdout) as unknown as Fleet;
    expect(
      hosts.map(({ name }) => name).filter(name => ['open', 'restricted', 'closed'].includes(name)),
    ).toEqual(['open', 'restricted', 'closed']);
    expect(hosts.map(now)).toEqual(hosts.map(now).sort((a, b) => b - a));
    for (const [name, snapshot] of Object.entries(HOSTS)) {
      const { edgesByScope, possibleEdgesByScope, scope, processes, inspectors } = mapHost(snapshot);
      expect(hosts.find(({ file }) => file === path(`hosts/${name}.ndjson`))).toMatchObject({
        name: snapshot.name,
        scope,
        processes,
        edgesByScope,
        possibleEdgesByScope,
        inspectors: inspectors.length,
      });
    }
    const [worst] = hosts;
    expect(worst!.exposedSecrets).toContainEqual(
      expect.objectContaining({ comm: 'ssh-agent', uid: 1000, tracers: expect.any(Number) }),
    );
    expect(failed.map(({ file }) => file).sort()).toEqual(
      Object.keys(BROKEN)
        .map(name => path(`hosts/${name}.ndjson`))
        .sort(),
    );
    for (const [name, [, because]] of Object.entries(BROKEN))
      expect(failed.find(({ file }) => file === path(`hosts/${name}.ndjson`))!.because).toMatch(because);
  });

  it('as text each host is a line, the worst first, and then the unread files', async () => {
    const { code, stdout } = await mapped('hosts/*.ndjson');
    expect(code).toBe(3);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^HOST +SCOPE +EDGES AT 0 +AT 1 +AT 2 +AT 3 +EXPOSED PROGRAMS/);
    const at = (text: string) => lines.findIndex(line => line.startsWith(text));
    expect(at('open ')).toBe(1);
    expect(at('open ')).toBeLessThan(at('restricted '));
    expect(at('restricted ')).toBeLessThan(at('closed '));
    expect(lines.filter(line => line.startsWith('not read: '))).toHaveLength(Object.keys(BROKEN).length);
    expect(lines).toHaveLength(1 + Object.keys(HOSTS).length + Object.keys(BROKEN).length);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may come through
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  });

  it('without broken files the exit code is 0, and --scope applies to all hosts', async () => {
    const run = await mapped('good/*.ndjson', '--json', '--scope', '2');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const { hosts, failed } = validated('fleet', run.stdout) as unknown as Fleet;
    expect(hosts.map(({ scope }) => scope)).toEqual([2, 2, 2, 2]);
    expect(failed).toEqual([]);
  });

  it('as lines the good hosts are whole, and the others are named', async () => {
    const [good, all] = await Promise.all(
      ['good', 'hosts'].map(where => mapped(`${where}/*.ndjson`, '--format', 'ndjson')),
    );
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(all!.code).toBe(3);
    expect(all!.stdout).toBe(good!.stdout.replaceAll(path('good'), path('hosts')));
    expect(all!.stderr.trimEnd().split('\n')).toHaveLength(Object.keys(BROKEN).length);
    const file = path('lines.ndjson');
    expect(await mapped('good/*.ndjson', '--format', 'ndjson', '--output', file)).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(readFileSync(file, 'utf8')).toBe(good!.stdout);
    const one = await mapped('good/c-open.ndjson', '--format', 'ndjson');
    expect(good!.stdout).toContain(one.stdout);
    for (const line of one.stdout.trimEnd().split('\n')) validated('map-lines', line);
  });

  it('a file of exactly that name is no pattern; no match, or a format for one host, is a usage error', async () => {
    writeFileSync(path('[x]*.ndjson'), open);
    const run = await mapped('[x]*.ndjson', '--json');
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ name: 'open', scope: 0 });
    expect(await mapped('none/*.ndjson')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/no file has that name \(tracegate scan --ndjson/),
    });
    expect(await mapped('good/*.ndjson', '--format', 'dot')).toMatchObject({ code: 2, stdout: '' });
    expect(await mapped('good/*.ndjson', '--format', 'ndjson', '--html', path('x.html'))).toMatchObject({
      code: 2,
      stdout: '',
    });
  });

  it('if no snapshot can be read the page is still written, with exit code 3', async () => {
    const run = await mapped('hosts/{empty,no-snapshot}.ndjson', '--json');
    expect(run.code).toBe(3);
    expect(validated('fleet', run.stdout)).toMatchObject({ hosts: [], failed: [{}, {}] });
  });
});

describe('the page of a fleet', () => {
  let html: string;
  beforeAll(async () => {
    const run = await mapped('hosts/*.ndjson', '--html', path('fleet.html'));
    expect(run).toMatchObject({ code: 3, stdout: '' });
    html = readFileSync(path('fleet.html'), 'utf8');
  });

  it('has a content policy that allows its own style, and nothing else', () => {
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)!;
    const [, style] = /<style>(.*?)<\/style>/s.exec(html)!;
    const hash = createHash('sha256').update(style!).digest('base64');
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  });

  it('in Chromium shows the hosts, the worst first, and the failures; no name becomes markup, and nothing is loaded', async () => {
    const browser = await launchChromium({ isShell: !isNightly });
    try {
      await withFile(html, async address => {
        const page = await browser.newPage();
        const complaints: string[] = [];
        page.on('console', message => complaints.push(message.text()));
        page.on('dialog', dialog => complaints.push(dialog.message()));
        page.on('request', request => {
          if (request.url() !== address) complaints.push(request.url());
        });
        await page.goto(address);
        const names = await page.locator('tbody th').allTextContents();
        const rest = shownName(hostileHost().name);
        expect(names.filter(name => name !== rest)).toEqual(['open', 'restricted', 'closed']);
        expect(names).toContain(rest);
        expect(await page.locator('td.now').count()).toBe(4);
        expect(await page.locator('tbody tr').first().textContent()).toContain('ssh-agent');
        const failures = await page.locator('section li').allTextContents();
        expect(failures).toHaveLength(Object.keys(BROKEN).length);
        expect(failures.filter(text => text.includes('<script>') || text.includes('<img'))).not.toEqual([]);
        expect(await page.locator('script, img, iframe, object, a, link, b').count()).toBe(0);
        const used = await page.evaluate('getComputedStyle(document.querySelector("table")).borderCollapse');
        expect(used).toBe('collapse');
        expect(complaints).toEqual([]);
      });
    } finally {
      await browser.close();
    }
  });
});

/**
 * The first process of a host, which holds every capability, and four processes of one user. One of them is the child
 * of another, and none has declared a tracer.
 */
function small(isAtEase: boolean): Snapshot {
  const his = (comm: string, facts = {}) => as(1000, comm, { declaredTracer: 'none', ...facts });
  const FULL = '000001ffffffffff';
  const more = isAtEase ? [as(0, 'strace', { capPermitted: FULL, capEffective: FULL, dumpable: null })] : [];
  const host = hostWith('small', 5, scopeOf(isAtEase ? 0 : 1), [
    his('bash'),
    his('ssh-agent', { dumpable: isAtEase, memoryUserNs: isAtEase ? null : '4026531837' }),
    his('nginx'),
    ...(isAtEase ? [] : [his('vim')]),
    ...more,
  ]);
  const [first, ...others] = host.processes;
  const processes = [first!, ...others.slice(-4)];
  const bash = processes.find(({ comm }) => comm === 'bash')!;
  return {
    ...host,
    takenAt: isAtEase ? '2026-01-02T00:00:00Z' : '2026-01-01T00:00:00Z',
    nodes: new Map(),
    processes: processes.map(facts => (facts.comm === 'ssh-agent' ? { ...facts, ppid: bash.pid } : facts)),
  };
}

describe('a difference', () => {
  beforeAll(() => {
    writeFileSync(path('before.ndjson'), textOf(small(false)));
    writeFileSync(path('after.ndjson'), textOf(small(true)));
  });

  const diffed = async (words: string[]) => {
    const run = await tracegate(['map', '--diff', ...words, '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    return validated('diff', run.stdout) as unknown as MapDiff;
  };
  const byName = (programs: MapDiff['moreExposed']) =>
    [...programs].sort((a, b) => (a.comm! < b.comm! ? -1 : 1));
  const none = { certain: 0, possible: 0 };
  const by = (certain: number) => ({ certain, possible: 0 });

  it('of two snapshots shows the changes of each program', async () => {
    const diff = await diffed([path('before.ndjson'), path('after.ndjson')]);
    // At 1 the only relatives are bash and the agent, and the agent is not dumpable.
    expect(diff.before).toMatchObject({ name: 'small', scope: 1, traceable: 5, edges: none });
    // At 0 three of a uid may each trace the two others.
    expect(diff.after).toMatchObject({ scope: 0, traceable: 5, edges: by(6) });
    expect(byName(diff.moreExposed)).toEqual([
      { comm: 'bash', uid: 1000, before: none, after: by(2) },
      { comm: 'nginx', uid: 1000, before: none, after: by(2) },
      { comm: 'ssh-agent', uid: 1000, before: none, after: by(2) },
    ]);
    expect(diff.lessExposed).toEqual([]);
    expect(diff).toMatchObject({ newPtraceCapable: [{ comm: 'strace', uid: 0 }], gonePtraceCapable: [] });
  });

  it('of the same snapshots in the other order is the reverse', async () => {
    const files = [path('before.ndjson'), path('after.ndjson')];
    const [there, back] = await Promise.all([diffed(files), diffed([...files].reverse())]);
    const turned = there.moreExposed.map(one => ({ ...one, before: one.after, after: one.before }));
    expect({ ...back, lessExposed: byName(back.lessExposed) }).toEqual({
      ...there,
      before: there.after,
      after: there.before,
      moreExposed: [],
      lessExposed: byName(turned),
      newPtraceCapable: there.gonePtraceCapable,
      gonePtraceCapable: there.newPtraceCapable,
    });
  });

  it('of two scopes shows the remaining tracers: at 1 the parent, at 2 none', async () => {
    const file = ['--snapshot', path('after.ndjson')];
    const toOne = await diffed(['0', '1', ...file]);
    expect([toOne.before, toOne.after].map(({ scope, edges }) => [scope, edges])).toEqual([
      [0, by(6)],
      [1, by(1)],
    ]);
    expect(toOne.lessExposed).toContainEqual({ comm: 'ssh-agent', uid: 1000, before: by(2), after: by(1) });
    expect(toOne.lessExposed).toContainEqual({ comm: 'nginx', uid: 1000, before: by(2), after: none });
    expect(toOne).toMatchObject({ moreExposed: [], newPtraceCapable: [], gonePtraceCapable: [] });
    const toTwo = await diffed(['1', '2', ...file]);
    expect(toTwo.lessExposed).toEqual([{ comm: 'ssh-agent', uid: 1000, before: by(1), after: none }]);
  });

  it('as text names both sides, the programs with more and fewer tracers, and new holders of CAP_SYS_PTRACE', async () => {
    const { code, stdout } = await tracegate(['map', '--diff', path('before.ndjson'), path('after.ndjson')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^before +small, 2026-01-01T00:00:00Z +ptrace_scope 1 +5 processes +0 edges$/m);
    expect(stdout).toMatch(/^after +small, 2026-01-02T00:00:00Z +ptrace_scope 0 +5 processes +6 edges$/m);
    expect(stdout).toMatch(/^More may trace them now \(3\)$/m);
    expect(stdout).toMatch(/^ {2}ssh-agent +uid 1000 +0 → 2$/m);
    expect(stdout).toMatch(/^New with CAP_SYS_PTRACE over everything\n {2}strace \(root\)$/m);
    expect(stdout).not.toContain('Fewer');
    const scopes = await tracegate(['map', '--diff', '0', '1', '--snapshot', path('after.ndjson')]);
    expect(scopes.stdout).toMatch(/^Fewer may trace them now \(3\)$/m);
  });

  it('of this host at two scopes reads the host once', async () => {
    const { before, after } = await diffed(['0', '3']);
    expect(before.takenAt).toBe(after.takenAt);
    expect(after.edges).toEqual(none);
  });

  it('of a file that is no snapshot names the file', async () => {
    const cut = path('hosts/cut-in-a-line.ndjson');
    expect(await tracegate(['map', '--diff', cut, path('after.ndjson')])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('cut-in-a-line.ndjson'),
    });
    for (const words of [['0'], ['0', '1', '2'], ['0', '7'], ['0', '1', '--scope', '2']])
      expect(await tracegate(['map', '--diff', ...words])).toMatchObject({ code: 2, stdout: '' });
  });
});
