// lib/rehearse/access-line.ts: the fast reader of a line reads only what the schema permits, and the same as JSON.parse().
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AccessLine } from '../../lib/rehearse/access-line.js';
import type { Pair, WatchedAccess } from '../../lib/watch/recording.js';
import { RecordingLines } from '../../lib/watch/recording-lines.js';
import { validated } from '../helpers/cli.js';

const LINE =
  '{"event":"access","time":"2026-01-05T00:00:00.007Z","pair":12,"outcome":"failed","error":"ESRCH","tracer":{"pid":1,"tid":2,"startTime":null},"target":{"pid":4,"tid":5,"startTime":6}}\n';

it('reads a line as JSON.stringify() writes it, and knows where the next begins', () => {
  const reader = new AccessLine();
  expect(reader.readAt(`x${LINE}y`, 1)).toBe(true);
  expect(reader.access).toEqual({ pair: 12, outcome: 'failed', time: Date.UTC(2026, 0, 5) + 7 });
  expect(reader.next).toBe(1 + LINE.length);
  expect(reader.readAt(LINE.trimEnd(), 0)).toBe(false);
});

it.each<[WatchedAccess['outcome'], string | null, number | null]>([
  ['allowed', null, 3],
  ['refused', 'EPERM', null],
])('reads what the recorder writes: %s', (outcome, error, startTime) => {
  const lines = new RecordingLines({ source: { name: 'bpf', blind: [] }, filters: {} });
  const task = { pid: 1, tid: 2, startTime };
  const time = new Date(7).toISOString();
  const written = lines.of({
    event: 'access',
    time,
    pair: {} as Pair,
    outcome,
    error,
    tracer: task,
    target: task,
  });
  const reader = new AccessLine();
  expect(reader.readAt(written, written.indexOf('\n') + 1)).toBe(true);
  expect(reader.access).toEqual({ pair: 1, outcome, time: 7 });
  expect(reader.next).toBe(written.length);
});

it('what it reads of a changed line is valid, and is what JSON.parse() reads', () => {
  const reader = new AccessLine();
  let read = 0;
  const change = fc.tuple(
    fc.nat(LINE.length - 2),
    fc.constantFrom(...'0123456789-+."\\{}:,eE ntZT'),
    fc.nat(2),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), changes => {
      const line = changes.reduce(
        (text, [at, by, removed]) => text.slice(0, at) + by + text.slice(at + removed),
        LINE.trimEnd(),
      );
      if (!reader.readAt(`${line}\n`, 0)) return;
      read++;
      const { pair, outcome, time } = validated('watch', line);
      expect(reader.access).toEqual({ pair, outcome, time: Date.parse(time as string) });
    }),
    { numRuns: 20_000 },
  );
  expect(read).toBeGreaterThan(100);
});
