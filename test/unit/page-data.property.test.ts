// The data in the map's page, compared with the snapshot.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SnapshotFacts } from '../../lib/kernel/host.js';
import { snapshotOf as decoded, pageData } from '../../lib/map/formats/page-data.js';
import type { HostMap } from '../../lib/map/graph/map-types.js';
import { targetsOf, tracersOf } from '../../lib/map/graph/tracers.js';
import { decide } from '../../lib/policy/access/access-check.js';
import type { Host } from '../../lib/policy/access/question.js';
import { assumableBy } from '../../lib/policy/reach/assumable-credentials.js';
import { type HostIndex, indexOf, type ProcessNode } from '../../lib/policy/reach/process-classes.js';
import { reach } from '../../lib/policy/reach/reach.js';
import { SEED, times } from '../helpers/tier.js';
import { forget, scopeOf, someForgotten, someWorldOf } from './kernel-worlds.js';

const RUNS = { seed: SEED, numRuns: times(20, 60) };

const SCOPES = [0, 1, 2, 3] as const;

const snapshotOf = ({ processes, ...host }: Host): SnapshotFacts => ({ host, processes: [...processes] });

const someHost = fc
  .tuple(someWorldOf(16), fc.array(someForgotten, { maxLength: 4 }))
  .map(([world, forgotten]) => snapshotOf(forgotten.flat().reduce(forget, world).host));

const NONE = { 0: 0, 1: 0, 2: 0, 3: 0 };

/** No more of a map than the page's facts need. */
const emptyMap: HostMap = {
  name: '',
  takenAt: '',
  scope: 0,
  processes: 0,
  traceable: 0,
  classes: [],
  edges: [],
  edgesByScope: NONE,
  possibleEdgesByScope: NONE,
  exposed: [],
  dangerous: [],
  advice: [],
  refusedTracers: { 1: [], 2: [], 3: [] },
  inspectors: [],
  isWhole: true,
};

function inThePage(snapshot: SnapshotFacts): { snapshot: SnapshotFacts; index: HostIndex } {
  const data = pageData({ ...snapshot, name: '', takenAt: '', nodes: new Map() }, emptyMap);
  return decoded(JSON.parse(JSON.stringify(data)));
}

const leaders = (index: HostIndex) => [...index.nodes.values()].filter(node => node.class !== null);

it('the data of the page give the same answers as the snapshot: bounds, paths, rules', () => {
  fc.assert(
    fc.property(someHost, snapshot => {
      const page = inThePage(snapshot);
      const index = indexOf(snapshot);
      expect(page.index.classes.map(({ members }) => members.map(({ pid }) => pid))).toEqual(
        index.classes.map(({ members }) => members.map(({ pid }) => pid)),
      );
      for (const { pid } of leaders(index)) {
        for (const scope of SCOPES) {
          expect(reach(page.snapshot, pid, { scope })).toEqual(reach(snapshot, pid, { scope }));
        }
      }
    }),
    RUNS,
  );
});

type Sure = 'certain' | 'possible' | null;

/** As the rules say of the pair, with the relations that the snapshot shows. */
function pairSays(host: Host, from: ProcessNode, to: ProcessNode): Sure {
  let found: Sure = null;
  for (const { as, isCertain } of assumableBy(from.facts, to.facts, host.userNsParents)) {
    const { verdict } = decide({ tracer: as, target: to.facts, host, mode: 'vm-read' });
    if (verdict === 'allowed' && isCertain) return 'certain';
    if (verdict !== 'denied') found = 'possible';
  }
  return found;
}

it('the tracers and targets of a process are the pairs that the rules allow', () => {
  fc.assert(
    fc.property(someHost, snapshot => {
      const index = indexOf(snapshot);
      const nodes = leaders(index);
      const processes = [...index.nodes.values()].map(({ facts }) => facts);
      for (const scope of SCOPES) {
        const yama = scopeOf(scope);
        const host = { ...snapshot.host, processes, yama };
        for (const target of nodes) {
          const counts: Record<string, number> = {};
          for (const from of nodes) {
            const sure = from === target ? null : pairSays(host, from, target);
            if (sure !== null)
              counts[`${from.class?.id} ${sure}`] = (counts[`${from.class?.id} ${sure}`] ?? 0) + 1;
          }
          const told = [...tracersOf(index, target, yama)].flatMap(([{ id }, { certain, possible }]) => [
            ...(certain > 0 ? [[`${id} certain`, certain]] : []),
            ...(possible > 0 ? [[`${id} possible`, possible]] : []),
          ]);
          expect(Object.fromEntries(told), `${target.pid} at ${scope}`).toEqual(counts);
        }
        for (const from of nodes) {
          const wanted: Record<string, Sure> = {};
          for (const to of nodes) {
            const sure = from === to ? null : pairSays(host, from, to);
            const key = `${to.class?.id}`;
            if (sure !== null && wanted[key] !== 'certain') wanted[key] = sure;
          }
          const told = [...targetsOf(index, [from], yama)].map(([{ id }, sure]) => [`${id}`, sure]);
          expect(Object.fromEntries(told), `from ${from.pid} at ${scope}`).toEqual(wanted);
        }
      }
    }),
    RUNS,
  );
});
