// `tracegate rehearse`: made-up recordings, whose answer is counted a second time by reading each line as JSON.
import { spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Rehearsal } from '../../lib/rehearse/rehearsal.js';
import type { RecordedPair, RecordingLine } from '../../lib/watch/recording.js';
import { type RecordingOptions, recordingLines } from '../../scripts/bench/synthetic-recording.mjs';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { rootTree, SYSTEMD } from '../helpers/root-tree.js';
import { sarifFaults } from '../helpers/sarif.js';

let directory: string;
const path = (name: string) => join(directory, name);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tracegate-rehearse-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const linesOf = (options: Partial<RecordingOptions> = {}) => [
  ...recordingLines({ seed: 1, events: 2000, pairs: 40, ...options }),
];

function save(name: string, lines: readonly string[] | Buffer): string {
  writeFileSync(path(name), Buffer.isBuffer(lines) ? lines : lines.join(''));
  return path(name);
}

async function rehearsed(...words: string[]): Promise<Rehearsal & { code: number | null }> {
  const run = await tracegate(['rehearse', '--json', ...words]);
  expect(run.stderr).toBe('');
  return { code: run.code, ...(validated('rehearse', run.stdout) as unknown as Rehearsal) };
}

const parsed = (lines: readonly string[]) => lines.map(line => JSON.parse(line) as RecordingLine);

type Scope = 0 | 1 | 2 | 3;

/** How often the rules allowed an access that a scope refuses, or perhaps refuses, by line, pair of programs and host. */
function countedAgain(recordings: readonly (readonly string[])[], scope: Scope) {
  const programs = new Map<
    string,
    { breaks: number; unknown: number; unchanged: number; hosts: Set<string> }
  >();
  for (const lines of recordings) {
    const pairs = new Map<number, RecordedPair>();
    let host = '';
    for (const event of parsed(lines)) {
      if (event.event === 'begin') host = event.host.hostname;
      if (event.event === 'pair') pairs.set(event.id, event);
      if (event.event !== 'access') continue;
      const { tracer, target, scopes } = pairs.get(event.pair)!;
      const name = `${tracer.program ?? tracer.comm} ${target.program ?? target.comm}`;
      const known = programs.get(name) ?? { breaks: 0, unknown: 0, unchanged: 0, hosts: new Set() };
      programs.set(name, known);
      const { verdict } = scopes[scope];
      if (event.outcome === 'refused' || verdict === 'allowed') known.unchanged++;
      else if (verdict === 'unknown') known.unknown++;
      else {
        known.breaks++;
        known.hosts.add(host);
      }
    }
  }
  return new Map(
    [...programs]
      .map(([name, { hosts, ...counts }]) => [name, { ...counts, hosts: hosts.size }] as const)
      .sort(),
  );
}

const answered = ({ pairs }: Rehearsal, scope: Scope) =>
  new Map(
    pairs
      .map(({ tracer, target, atScope }) => {
        const { accesses, hosts } = atScope[scope]!;
        return [
          `${tracer.path ?? tracer.comm} ${target.path ?? target.comm}`,
          { ...accesses, hosts },
        ] as const;
      })
      .sort(),
  );

/** Keys in another order, which another program may write. */
const reordered = (line: string) =>
  `${JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse()))}\n`;

describe('the answer', () => {
  const hosts = [
    linesOf({ seed: 1, hostname: 'a', machineId: 'a'.repeat(32) }),
    linesOf({ seed: 2, hostname: 'b', machineId: 'b'.repeat(32), scope: 1 }),
    linesOf({ seed: 3, hostname: 'c', machineId: 'c'.repeat(32), begin: Date.UTC(2026, 1, 1) }),
  ];

  beforeAll(() => {
    mkdirSync(path('hosts'));
    save('hosts/a.ndjson', hosts[0]!);
    save('hosts/b.ndjson.gz', gzipSync(hosts[1]!.join('')));
    save('hosts/c.ndjson', hosts[2]!.map(reordered));
  });

  it('has for each pair of programs and each scope how often, on how many hosts, and when last', async () => {
    const answer = await rehearsed(path('hosts/*'));
    expect(answer).toMatchObject({ code: 1, hosts: 3, limits: [], failed: [], overlapping: [] });
    for (const scope of [1, 2, 3] as const) {
      const again = countedAgain(hosts, scope);
      expect(answered(answer, scope)).toEqual(again);
      const sum = (of: 'breaks' | 'unknown' | 'unchanged') =>
        [...again.values()].reduce((total, counts) => total + counts[of], 0);
      const accesses = { breaks: sum('breaks'), unknown: sum('unknown'), unchanged: sum('unchanged') };
      expect(accesses.breaks).toBeGreaterThan(0);
      expect(answer.atScope[scope]).toMatchObject({ change: 'breaks', accesses });
    }
    const events = hosts.flatMap(parsed);
    const times = events.flatMap(event => ('time' in event ? [event.time] : []));
    expect([answer.begin, answer.end]).toEqual([times.sort()[0], times.sort().at(-1)]);
    expect(answer.accesses).toBe(events.filter(({ event }) => event === 'access').length);
  });

  it('has the rule and the least remedy of each, as the recording has them, and the time of the last', async () => {
    const answer = await rehearsed('--scope', '2', path('hosts/a.ndjson'));
    const events = parsed(hosts[0]!);
    const pairs = events.filter(event => event.event === 'pair');
    let seen = 0;
    for (const { tracer, target, atScope } of answer.pairs) {
      const { refusals, last, change } = atScope[2]!;
      if (change !== 'breaks') continue;
      const same = pairs.filter(
        pair =>
          (pair.tracer.program ?? pair.tracer.comm) === (tracer.path ?? tracer.comm) &&
          (pair.target.program ?? pair.target.comm) === (target.path ?? target.comm) &&
          pair.scopes[2].verdict === 'refused',
      );
      const ids = new Set(same.map(({ id }) => id));
      for (const { rule, because, remedies, ways } of refusals) {
        seen++;
        expect(
          same.map(({ scopes: [, , at] }) => ({ rule: at.rule, because: at.because, remedies: at.remedies })),
        ).toContainEqual({
          rule,
          because,
          remedies,
        });
        expect(ways.every(way => same.some(pair => pair.way === way))).toBe(true);
      }
      const times = events.flatMap(event =>
        event.event === 'access' && ids.has(event.pair) && event.outcome !== 'refused' ? [event.time] : [],
      );
      expect(last).toBe(times.at(-1));
    }
    expect(seen).toBeGreaterThan(10);
  });

  it('is the same from standard input, where several recordings follow each other', () => {
    const run = spawnSync(process.execPath, [MAIN, 'rehearse', '--json', '-'], {
      input: hosts.flat().join(''),
      encoding: 'utf8',
    });
    const answer = validated('rehearse', run.stdout) as unknown as Rehearsal;
    expect(answer.recordings.map(({ hostname, file }) => [hostname, file])).toEqual([
      ['a', '-'],
      ['b', '-'],
      ['c', '-'],
    ]);
    expect(answered(answer, 1)).toEqual(countedAgain(hosts, 1));
  });

  it('counts a recording once, whatever names and copies it has', async () => {
    const whole = hosts[0]!;
    const once = await rehearsed(save('once.ndjson', whole));
    linkSync(path('once.ndjson'), path('linked.ndjson'));
    copyFileSync(path('once.ndjson'), path('copied.ndjson'));
    save('packed.gz', gzipSync(whole.join('')));
    save('early.ndjson', whole.slice(0, 900));
    const all = ['early', 'once', 'linked', 'copied'].map(name => path(`${name}.ndjson`));
    const many = await rehearsed(...all, path('packed.gz'), path('once.ndjson'));
    expect(many.pairs).toEqual(once.pairs);
    expect(many.accesses).toBe(once.accesses);
    expect(many.recordings.map(({ copyOf }) => copyOf)).toEqual([
      null,
      ...Array(3).fill(path('early.ndjson')),
    ]);
    expect(many.overlapping).toEqual([]);
  });

  it('counts two recordings that begin in the same millisecond, where their first events differ', async () => {
    const [a, b] = [
      linesOf({ seed: 1 }),
      linesOf({ seed: 1 }).map(line => line.replaceAll('"pid":1', '"pid":9')),
    ];
    expect(a[0]).toBe(b[0]);
    const answer = await rehearsed(save('same-a.ndjson', a), save('same-b.ndjson', b));
    expect(answer.recordings.map(({ copyOf }) => copyOf)).toEqual([null, null]);
    expect(answered(answer, 1)).toEqual(countedAgain([a, b], 1));
  });

  it('names a host with two recordings of the same time', async () => {
    const [a, b] = [linesOf({ seed: 1 }), linesOf({ seed: 2, begin: Date.UTC(2026, 0, 5) + 1000 })];
    const answer = await rehearsed(save('x.ndjson', a), save('y.ndjson', b));
    expect(answer.overlapping).toEqual(['web-1']);
  });
});

/** Only the pairs that a scope allows, with their accesses. */
function harmless(lines: readonly string[], scope: Scope): string[] {
  const kept = new Set<number>();
  return lines.filter(line => {
    const event = JSON.parse(line) as RecordingLine;
    if (event.event === 'pair' && event.scopes[scope].verdict === 'allowed') kept.add(event.id);
    if (event.event === 'pair') return kept.has(event.id);
    return event.event !== 'access' || kept.has(event.pair);
  });
}

const GAP = `${JSON.stringify({ event: 'gap', time: '2026-01-05T00:00:01.000Z', lost: 7, because: 'the buffer was full' })}\n`;
const withGap = (lines: readonly string[]) => [...lines.slice(0, -1), GAP, ...lines.slice(-1)];

describe('that nothing breaks', () => {
  const fine = harmless(linesOf(), 1);

  it('is the answer, with exit code 0, of a whole recording of a source that sees all ways in', async () => {
    const answer = await rehearsed('--scope', '1', save('fine.ndjson', fine));
    expect(answer).toMatchObject({ code: 0, limits: [], atScope: { 1: { change: 'unchanged' } } });
    expect(answer.accesses).toBeGreaterThan(100);
    expect((await rehearsed(path('fine.ndjson'))).code).toBe(1); // at 2 and 3
  });

  it.each<[what: string, kind: string, lines: readonly string[]]>([
    ['a gap', 'gap', withGap(fine)],
    ['filters', 'filter', harmless(linesOf({ filters: { unit: 'nginx' } }), 1)],
    [
      'a source that does not see all',
      'blind',
      harmless(linesOf({ source: { name: 'process-connector', blind: ['PTRACE_TRACEME'] } }), 1),
    ],
    [
      'an access of a pair that it does not describe',
      'pair',
      fine.filter(line => !line.includes('"event":"pair"')),
    ],
  ])('is unknown, with exit code 3, of a recording with %s', async (_, kind, lines) => {
    const answer = await rehearsed('--scope', '1', save(`${kind}.ndjson`, lines));
    expect(answer).toMatchObject({
      code: 3,
      atScope: { 1: { change: 'unknown', pairs: { breaks: 0, unknown: 0 } } },
    });
    expect(answer.limits).toMatchObject([{ kind, recordings: 1, hides: true }]);
    const text = await tracegate(['rehearse', '--scope', '1', path(`${kind}.ndjson`)]);
    expect(text.code).toBe(3);
    expect(text.stdout).toContain(answer.limits[0]!.because);
  });

  it('is not doubted for --reads, or for what a source that sees all ways in says beside', async () => {
    const source = { name: 'bpf', blind: ['attaches from before the start'] } as const;
    const answer = await rehearsed(
      '--scope',
      '1',
      save('said.ndjson', harmless(linesOf({ source, filters: { reads: true } }), 1)),
    );
    expect(answer).toMatchObject({ code: 0, limits: [{ kind: 'blind', hides: false }] });
  });

  it('of no access at all is the answer too, with the time that was recorded', async () => {
    const text = await tracegate(['rehearse', '--scope', '1', save('none.ndjson', linesOf({ events: 0 }))]);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain('0 accesses by 0 pairs of programs');
  });

  it('is unknown where a verdict is', async () => {
    const lines = linesOf().map(line => line.replaceAll('"verdict":"refused"', '"verdict":"unknown"'));
    const answer = await rehearsed('--scope', '2', save('doubts.ndjson', lines));
    expect(answer).toMatchObject({
      code: 3,
      limits: [],
      atScope: { 2: { change: 'unknown', pairs: { breaks: 0 } } },
    });
    expect(answer.pairs[0]!.atScope[2]!.doubts[0]!.because).not.toBe('');
  });
});

describe('a recording that is not whole', () => {
  const lines = linesOf();
  const cut = lines.join('').slice(0, -200);

  it.each<[what: string, name: string, bytes: Buffer]>([
    ['ends in a line', 'cut.ndjson', Buffer.from(cut)],
    ['ends in a line, packed', 'cut.gz', gzipSync(cut)],
    ['is packed, and ends anywhere', 'broken.gz', gzipSync(lines.join('')).subarray(0, -3000)],
  ])('counts up to there, and is told as one, if it %s', async (_, name, bytes) => {
    const answer = await rehearsed(save(name, bytes));
    expect(answer).toMatchObject({ code: 1, failed: [], recordings: [{ isCut: true, stopped: null }] });
    const accesses = parsed(lines).filter(({ event }) => event === 'access').length;
    if (!name.startsWith('broken')) expect(answer.accesses).toBeGreaterThan(accesses - 4);
    expect(answer.accesses).toBeGreaterThan(100);
    const text = await tracegate(['rehearse', path(name)]);
    expect(text.stdout).toContain(`${path(name)}: its last line is incomplete; all before it counts`);
  });

  it('without its last line is told, and counts', async () => {
    const answer = await rehearsed(save('running.ndjson', lines.slice(0, -1)));
    expect(answer).toMatchObject({ code: 1, limits: [], recordings: [{ isCut: false, stopped: null }] });
  });

  it.each<[what: string, text: string | Buffer, because: RegExp]>([
    [
      'of a newer version',
      lines.join('').replace('"schemaVersion":1', '"schemaVersion":2'),
      /^line 1: its schemaVersion is 2, and this tracegate reads 1: use a newer tracegate$/,
    ],
    [
      'with a damaged line',
      [...lines.slice(0, 700), '{"event":\n', ...lines.slice(700)].join(''),
      /^line 701 is no JSON object/,
    ],
    [
      'with an unknown event',
      [...lines.slice(0, 9), '{"event":"other"}\n', ...lines.slice(9)].join(''),
      /^line 10: an event of a kind/,
    ],
    [
      'with a wrong field',
      [...lines.slice(0, 9), lines.at(-1)!.replace('"events":', '"events":-')].join(''),
      /^line 10: \/events must be >= 0$/,
    ],
    [
      'with a time that is none',
      [...lines.slice(0, 9), lines.at(-1)!.replace(/"time":"[^"]*"/, '"time":"noonZ"')].join(''),
      /^line 10: \/time is no time$/,
    ],
    ['that begins with no begin', lines.slice(1).join(''), /^line 1 is no begin event/],
    ['without a line', '', /^it is empty$/],
    ['that is a text', 'hello', /^line 1 is no JSON object/],
    ['of one endless line', 'x'.repeat(6_000_000), /^has a line of more than four megabytes/],
    [
      'whose gzip data is damaged',
      Buffer.concat([gzipSync(lines.join('')).subarray(0, 9000), Buffer.alloc(9000, 0xff)]),
      /gzip data is damaged/,
    ],
  ])('%s is named with its line, and the others count', async (_, text, because) => {
    const bad = save('bad.ndjson', Buffer.from(text));
    const answer = await rehearsed('--scope', '1', save('fine.ndjson', harmless(lines, 1)), bad);
    expect(answer.failed).toEqual([{ file: bad, because: expect.stringMatching(because) }]);
    expect(answer.limits).toMatchObject([{ kind: 'file' }]);
    expect(answer.code).toBe(answer.atScope[1]!.pairs.breaks > 0 ? 1 : 3);
    expect(answer.accesses).toBeGreaterThan(100);
  });

  it('that is not there, or a directory, is named', async () => {
    const answer = await rehearsed(path('missing.ndjson'), directory);
    expect(answer.code).toBe(3);
    expect(answer.failed).toMatchObject([
      { file: path('missing.ndjson'), because: expect.stringContaining('ENOENT') },
      { file: directory, because: expect.stringContaining('EISDIR') },
    ]);
  });
});

it('a name from a recording changes nothing on the terminal', async () => {
  const lines = linesOf().map(line => line.replaceAll('/usr/bin/gdb', '/tmp/\\u001b[31mgdb\\n'));
  const run = await tracegate(['rehearse', save('hostile.ndjson', lines)]);
  expect(run.code).toBe(1);
  expect(run.stdout).toContain('/tmp/\\u{1b}[31mgdb\\u{a}');
  expect(run.stdout).not.toContain('\u001b');
});

it('without a file, and with a pattern of no file, it says what to do', async () => {
  expect(await tracegate(['rehearse'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('rehearse needs a recording'),
  });
  expect(await tracegate(['rehearse', path('none-*.ndjson')])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no file has that name'),
  });
});

describe('SARIF', () => {
  interface Log {
    runs: { results: { ruleId: string; level: string; message: { text: string } }[] }[];
  }

  it('is valid, also for code scanning, and has a result for each pair that breaks or is unknown, and for each doubt', async () => {
    const file = save('for-sarif.ndjson', withGap(linesOf()));
    const run = await tracegate(['rehearse', '--format', 'sarif', file]);
    expect(run).toMatchObject({ code: 1, stderr: '' });
    const log = JSON.parse(run.stdout) as Log;
    // It wants an informationUri, and the package has no site.
    expect(sarifFaults('Sarif', log)).toEqual([['SARIF2005']]);
    expect(sarifFaults('Ghas', log)).toEqual([[]]);
    const answer = await rehearsed(file);
    const results = log.runs[0]!.results;
    for (const scope of [1, 2, 3] as const) {
      const of = (level: string) =>
        results.filter(one => one.ruleId === `ptrace-scope-${scope}` && one.level === level).length;
      const { breaks, unknown } = answer.atScope[scope]!.pairs;
      expect([of('error'), of('warning')]).toEqual([breaks, unknown]);
    }
    expect(results.filter(({ ruleId }) => ruleId === 'recording')).toMatchObject([
      { message: { text: expect.stringContaining('the buffer was full') } },
    ]);
  });
});

describe('remediate --recording', () => {
  const tree = () => rootTree({ ...SYSTEMD, '/etc/sysctl.d/10-x.conf': 'kernel.yama.ptrace_scope = 0\n' });
  const planned = (scope: Scope, ...words: string[]) =>
    tracegate(['remediate', '--scope', `${scope}`, '--root', tree(), '--recording', ...words]);

  it('names what breaks and what perhaps breaks, as rehearse does', async () => {
    const file = save('for-remediate.ndjson', withGap(linesOf()));
    const { pairs, atScope, limits, hosts, accesses } = await rehearsed('--scope', '1', file);
    const run = await planned(1, file, '--json');
    expect(run).toMatchObject({ code: 1, stderr: '' });
    const { impact } = validated('remediate', run.stdout) as { impact: { recorded: unknown } };
    const changed = pairs.filter(pair => pair.atScope[1]!.change !== 'unchanged');
    expect(impact.recorded).toEqual({ change: 'breaks', hosts, accesses, pairs: changed, limits });
    const text = (await planned(1, file)).stdout;
    expect(text.match(/^breaks: /gm)).toHaveLength(atScope[1]!.pairs.breaks);
    expect(text.match(/^perhaps breaks: /gm)).toHaveLength(atScope[1]!.pairs.unknown);
    expect(text).toContain('perhaps breaks more: events are missing (1 recording): the buffer was full');
  });

  it('says if nothing breaks', async () => {
    const text = (await planned(1, save('fine.ndjson', harmless(linesOf(), 1)))).stdout;
    expect(text).toMatch(/^breaks nothing of the [\d,]+ recorded accesses of 1 host$/m);
  });

  it('changes nothing if a recording is damaged, also with --apply', async () => {
    const root = tree();
    const file = save('damaged.ndjson', [...linesOf(), 'x\n']);
    const words = ['--scope', '1', '--root', root, '--apply', '--recording', file];
    const run = await tracegate(['remediate', ...words]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toMatch(/damaged\.ndjson": line \d+ is no JSON object/);
    expect(readFileSync(join(root, 'etc/sysctl.d/10-x.conf'), 'utf8')).toBe('kernel.yama.ptrace_scope = 0\n');
  });

  it('is no option of the undo', async () => {
    expect(await tracegate(['remediate', '--undo', '--recording', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--undo takes no --recording'),
    });
  });
});
