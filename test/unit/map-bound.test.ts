/*
 * Hosts whose processes all differ in class: the questions of a map to the rules, and a map without a list of edges
 * compared with one that lists them.
 */
import { expect, it } from 'vitest';
import { countEdges, hostEdges } from '../../lib/map/graph/edge-counts.js';
import { mapHost } from '../../lib/map/graph/map-host.js';
import { listedEdges } from '../../lib/map/graph/unlisted.js';
import { classAccessOf } from '../../lib/policy/reach/class-access.js';
import { indexOf } from '../../lib/policy/reach/process-classes.js';
import { distinctClasses, KINDS } from '../../scripts/bench/distinct-classes.mjs';
import { SEED } from '../helpers/tier.js';

const kinds = Object.keys(KINDS);

/** Pairs that the rules are asked about for a map of so many classes. */
function asked(kind: string, count: number): number {
  const index = indexOf(distinctClasses(SEED, count, kind));
  expect(index.classes.length).toBe(count);
  hostEdges(index);
  return classAccessOf(index).asked;
}

it.each(kinds)('%s: the rules are asked about fewer pairs than there are classes', kind => {
  const pairs = asked(kind, 400);
  expect(pairs).toBeGreaterThan(0);
  expect(pairs).toBeLessThan(400);
});

it.each(kinds)('%s: counting alone gives the same counts as listing', kind => {
  const index = indexOf(distinctClasses(SEED, 200, kind));
  const listed = countEdges(index);
  const counted = countEdges(index, 0);
  // Where hardly one has a capability that helps, there may be no edge.
  expect(listed.edges?.length).toBeGreaterThanOrEqual(['any', 'setuid'].includes(kind) ? 1 : 0);
  expect(counted.edges).toEqual(listed.edges?.length === 0 ? [] : null);
  expect({ ...counted, edges: listed.edges }).toEqual(listed);
});

it('with more than a million edges the map has counts, and says that it lists none', () => {
  const snapshot = { ...distinctClasses(SEED, 1100, 'setuid'), name: '', takenAt: '', nodes: new Map() };
  const map = mapHost(snapshot, { exposed: Number.POSITIVE_INFINITY });
  expect([map.edges, map.dangerous]).toEqual([null, null]);
  // Everybody may become everybody else by an exec as root, but for the ptrace-capable process, whose edges aren't counted.
  expect(map.edgesByScope[0] + map.possibleEdgesByScope[0]).toBe(1099 * 1099);
  expect(map.exposed.length).toBe(1100);
  expect(() => listedEdges(map)).toThrow(/^1,100 classes of processes have more than 1,000,000 edges/);
});
