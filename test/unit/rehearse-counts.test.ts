// lib/rehearse/counts.ts: the number of counters is limited, and no access is lost.
import { expect, it } from 'vitest';
import { Counts, count } from '../../lib/rehearse/counts.js';
import type { RecordedPair } from '../../lib/watch/recording.js';
import { recordingLines } from '../../scripts/bench/synthetic-recording.mjs';

const pairs = [...recordingLines({ seed: 1, events: 3000, pairs: 60 })]
  .map(line => JSON.parse(line))
  .filter(({ event }) => event === 'pair') as RecordedPair[];

const named = (pair: RecordedPair, program: string): RecordedPair => ({
  ...pair,
  tracer: { ...pair.tracer, program },
});

it('beyond the limit, programs that are new count as not seen, and those that are known still count', () => {
  const counts = new Counts(3);
  const access = { pair: 1, outcome: 'allowed', time: 0 } as const;
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 100; at++)
      for (const pair of pairs.slice(0, 20)) count(counts.kindOf(named(pair, `/bin/${at}`)), access, 0);
  }
  const all = [...counts.pairs.values()].map(({ tracer, kinds }) => ({
    path: tracer.path,
    allowed: [...kinds.values()].reduce((sum, { allowed }) => sum + allowed, 0),
  }));
  expect(counts.isFull).toBe(true);
  expect(all.length).toBeLessThan(6);
  expect(all.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(2 * 100 * 20);
  expect(all.find(({ path }) => path === '/bin/0')!.allowed).toBeGreaterThan(1);
  expect(all.find(({ path }) => path === null)!.allowed).toBeGreaterThan(1000);
});

it('what the unseen programs are counted as has the verdicts of each', () => {
  const counts = new Counts(0);
  for (const pair of pairs) {
    const { scopes } = counts.kindOf(pair);
    expect(scopes.map(({ verdict }) => verdict)).toEqual(pair.scopes.map(({ verdict }) => verdict));
  }
});
