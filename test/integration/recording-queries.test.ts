// docs/fleet.md, "Recordings in DuckDB": runs the queries of that page, and compares their answers with rehearse().
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Rehearsal } from '../../lib/rehearse/rehearsal.js';
import { rehearse } from '../../lib/rehearse/rehearse.js';
import { type RecordingOptions, recordingLines } from '../../scripts/bench/synthetic-recording.mjs';
import { ROOT } from '../helpers/processes.js';

type Row = Record<string, unknown>;

const [, section = ''] = readFileSync(join(ROOT, 'docs', 'fleet.md'), 'utf8').split(
  '## Recordings in DuckDB\n',
);
const statements = [...section.split(/^## /m)[0]!.matchAll(/^```sql\n(.*?)^```/gms)].map(([, text]) => text!);

const DAY = Date.UTC(2026, 0, 5);
const HOSTS: Record<string, Partial<RecordingOptions>> = {
  a: { seed: 1, scope: 2 },
  b: { seed: 2, begin: DAY + 86_400_000, scope: 2 },
  c: { seed: 3, pairs: 1, events: 0 },
  d: { seed: 4 },
  e: { seed: 5 },
};
const GAPS = [3, null].map(
  lost => `${JSON.stringify({ event: 'gap', time: '2026-01-05T00:00:01.000Z', lost, because: 'x' })}\n`,
);

let directory: string;
let answers: Row[][];
let whole: Rehearsal;

const answer = (mark: string): Row[] => answers[statements.findIndex(text => text.includes(mark))]!;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tracegate-recordings-'));
  mkdirSync(join(directory, 'recordings'));
  const files = Object.entries(HOSTS).map(([hostname, options]) => {
    const lines = [
      ...recordingLines({
        seed: 1,
        events: 3000,
        pairs: 30,
        hostname,
        machineId: hostname.repeat(32),
        ...options,
      }),
    ];
    if (hostname === 'c') lines.splice(1, 0, ...GAPS);
    const isPacked = hostname === 'b';
    const file = join(directory, 'recordings', `${hostname}.ndjson${isPacked ? '.gz' : ''}`);
    writeFileSync(file, isPacked ? gzipSync(lines.join('')) : lines.join(''));
    return file;
  });
  whole = await rehearse(files, [1]);
  const run = spawnSync(process.execPath, [join(ROOT, 'test', 'fixtures', 'duckdb.mjs')], {
    cwd: directory,
    input: JSON.stringify(statements),
    encoding: 'utf8',
  });
  expect(run).toMatchObject({ status: 0, stderr: '' });
  answers = JSON.parse(run.stdout);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

it('the query for what breaks at 1 has the pairs, accesses, hosts and times of rehearse()', () => {
  const wanted = whole.pairs
    .filter(({ atScope }) => atScope[1]!.accesses.breaks > 0)
    .map(({ tracer, target, atScope }) => {
      const { accesses, hosts, last } = atScope[1]!;
      return {
        tracer: tracer.path ?? tracer.comm,
        target: target.path ?? target.comm,
        breaks: accesses.breaks,
        hosts,
        last,
      };
    });
  const byName = (rows: Row[]) =>
    [...rows].sort((x, y) => (`${x.tracer} ${x.target}` < `${y.tracer} ${y.target}` ? -1 : 1));
  expect(wanted.length).toBeGreaterThan(3);
  expect(byName(answer('AS last'))).toEqual(byName(wanted));
});

it('the query for hosts that are ready has the sums of rehearse(), and the events that are missing', () => {
  const rows = answer('AS lost');
  const sum = (of: string) => rows.reduce((total, row) => total + Number(row[of]), 0);
  const { breaks, unknown } = whole.atScope[1]!.accesses;
  expect([sum('breaks'), sum('unknown')]).toEqual([breaks, unknown]);
  expect(rows.find(({ host }) => host === 'c')).toEqual({ host: 'c', breaks: 0, unknown: 0, lost: 4 });
  expect(rows.map(({ host }) => host).sort()).toEqual(Object.keys(HOSTS));
});

it('the query for refused attempts counts each, and marks the pairs that are new on their day', () => {
  const rows = answer('AS isNew');
  const refused = whole.pairs.reduce((sum, { accesses }) => sum + accesses.refused, 0);
  expect(rows.reduce((sum, row) => sum + Number(row.refused), 0)).toBe(refused);
  expect(refused).toBeGreaterThan(100);
  const firstDay = rows.filter(({ host }) => host === 'a');
  expect(firstDay.every(({ isNew }) => isNew)).toBe(true);
  const known = new Set(firstDay.map(({ tracer, target }) => `${tracer} ${target}`));
  const second = rows.filter(({ host }) => host === 'b');
  expect(second.map(({ isNew }) => isNew)).toEqual(
    second.map(({ tracer, target }) => !known.has(`${tracer} ${target}`)),
  );
  expect(new Set(second.map(({ isNew }) => isNew)).size).toBe(2);
});
