/*
 * Which rules may have refused, where the kernel did and the model doesn't know: against all worlds that look the same.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { judge } from '../../lib/policy/access/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../../lib/policy/access/access-mode.js';
import type { Question } from '../../lib/policy/access/question.js';
import { possibleRefusers } from '../../lib/policy/remedies/refusers.js';
import { SEED, times } from '../helpers/tier.js';
import { completions, forget, oneForgotten, rowOf, someWorld, type World } from './kernel-worlds.js';

const questionOf = (world: World, mode: AccessMode): Question => ({
  tracer: rowOf(world, world.tracer),
  target: rowOf(world, world.target),
  host: world.host,
  mode,
});

const unknown = (question: Question) =>
  judge(question)
    .judgements.filter(({ outcome }) => outcome === 'unknown')
    .map(({ rule }) => rule);

it('in each world with the same visible facts in which the kernel refuses, a named rule refuses', () => {
  let narrowed = 0;
  fc.assert(
    fc.property(someWorld, oneForgotten, fc.constantFrom(...ACCESS_MODES), (world, forgotten, mode) => {
      const question = questionOf(forget(world, forgotten), mode);
      if (judge(question).verdict !== 'unknown') return;
      const found = possibleRefusers(question);
      if (found.length < new Set(unknown(question)).size) narrowed++;
      for (const complete of completions(world, forgotten)) {
        const { verdict, judgements } = judge(questionOf(complete, mode));
        if (verdict !== 'denied') continue;
        const refusing = judgements.filter(({ outcome }) => outcome === 'deny').map(({ rule }) => rule);
        // At a scope that isn't seen the second of Yama's rules isn't asked.
        if (refusing.includes('yama-relation')) refusing.push('yama-scope');
        if (!refusing.some(rule => found.includes(rule)))
          expect.fail(`${mode}: ${refusing} refuse, of ${found} none (${JSON.stringify(forgotten)})`);
      }
    }),
    { seed: SEED, numRuns: times(1500, 40_000) },
  );
  expect(narrowed).toBeGreaterThan(0);
});
