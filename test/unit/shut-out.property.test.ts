/*
 * Compares the map's advice on an opt-out with a host whose process has opted out: then at most that many tracers
 * remain for certain. It also compares the counts with those of the page's panel.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { hostEdges } from '../../lib/map/graph/edge-counts.js';
import { tracersOf } from '../../lib/map/graph/tracers.js';
import { type HostIndex, indexOf, type ProcessNode } from '../../lib/policy/reach/process-classes.js';
import { SEED, times } from '../helpers/tier.js';
import { forget, someForgotten, someWorldOf } from './kernel-worlds.js';

type Scope = 0 | 1 | 2 | 3;

function certainOf(index: HostIndex, node: ProcessNode, scope: Scope) {
  const { incoming, removedByOptOut, relatives } = hostEdges(index);
  const more = relatives.get(node)?.certain[scope] ?? 0;
  const [all, shut] = [incoming.get(node.class!)!, removedByOptOut.get(node.class!)!];
  return { tracers: all.certain[scope] + more, cut: shut.certain[scope] + more };
}

it('a process that an opt-out excludes may no longer trace the target', () => {
  const cuts = new Set<boolean>();
  fc.assert(
    fc.property(someWorldOf(10), fc.array(someForgotten, { maxLength: 3 }), (world, forgotten) => {
      const { processes, ...host } = forgotten.flat().reduce(forget, world).host;
      const index = indexOf({ host, processes: [...processes] });
      const { ptraceCapable } = hostEdges(index);
      for (const node of index.nodes.values()) {
        // Of one that is alone in its class what others are to each other doesn't count.
        if (node.class?.members.length !== 1) continue;
        const closed = indexOf({
          host,
          processes: processes.map(facts => (facts.pid === node.pid ? { ...facts, dumpable: false } : facts)),
        });
        for (const scope of [0, 1, 2, 3] as const) {
          const { tracers, cut } = certainOf(index, node, scope);
          const left = certainOf(closed, closed.nodes.get(node.pid)!, scope).tracers;
          expect(left, `${node.pid} at ${scope}`).toBeLessThanOrEqual(tracers - cut);
          cuts.add(cut > 0);
          const bounds = [...tracersOf(index, node, scopeOf(scope))].filter(
            ([cls]) => !ptraceCapable.has(cls),
          );
          expect(bounds.reduce((sum, [, { certain }]) => sum + certain, 0)).toBe(tracers);
        }
      }
    }),
    { seed: SEED, numRuns: times(20, 40) },
  );
  expect(cuts).toEqual(new Set([true, false]));
});
