/*
 * Compares pairs of classes that count as the same with each pair asked by itself. The hosts have few ids, many
 * capability sets, and processes whose threads have different rights.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Capability, capabilityMask } from '../../lib/kernel/capabilities.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { both, either } from '../../lib/policy/access/fact.js';
import { RIGHTS } from '../../lib/policy/access/rule-facts.js';
import type { Access } from '../../lib/policy/access/yama-decision.js';
import { accessWith, asksOf, ClassAccess } from '../../lib/policy/reach/class-access.js';
import { indexOf, type ProcessClass } from '../../lib/policy/reach/process-classes.js';
import { SEED, times } from '../helpers/tier.js';
import { rowOf, someWorldOf } from './kernel-worlds.js';

// Those that the rules ask for, and three that they don't.
const NAMES: readonly Capability[] = [
  'CAP_SYS_PTRACE',
  'CAP_SYS_ADMIN',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_CHOWN',
  'CAP_KILL',
  'CAP_PERFMON',
];
const someMask = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.subarray([...NAMES], { maxLength: 3 }).map(mask => capabilityMask(mask).toString(16)),
  },
  { weight: 2, arbitrary: fc.constantFrom('ffffffffffffffff', '0000', '1ffffffffffffffff', null) },
);
const someId = fc.constantFrom(0, 1000, 1001);
const same = (id: number) => ({ real: id, effective: id, saved: id, fs: id });

const someRights = fc.record({
  capPermitted: someMask,
  capInheritable: someMask,
  capBounding: someMask,
  uids: fc.oneof(someId.map(same), fc.record({ real: someId, effective: someId, saved: someId, fs: someId })),
  gids: fc.constantFrom(0, 1000).map(same),
  noNewPrivs: fc.constantFrom(true, false, false, null),
  dumpable: fc.constantFrom(true, true, false, null),
});
// The namespace that the process is known not to be in, by a number.
const someRuledOut = fc.option(fc.record({ of: fc.nat(2), below: fc.boolean(), memory: fc.boolean() }));

const COUNT = 12;

// Those of a host differ in few ways, so that many pairs count as the same. Threads have a test of their own.
const WAYS = RIGHTS.filter(name => name !== 'kind' && name !== 'threadRights');
const someWays = fc.subarray(WAYS, { minLength: 1, maxLength: 3 });

/** The facts of a process whose own namespace isn't seen. */
function hiddenIn(
  { of, below, memory }: { of: number; below: boolean; memory: boolean },
  namespaces: string[],
): Partial<ProcessFacts> {
  const id = namespaces[of % namespaces.length]!;
  return { userNs: null, memoryUserNs: null, userNsRuledOut: { id, below, memory } };
}

/** The rights of two others; of one in seven they aren't seen. */
function otherThreads(all: readonly ProcessFacts[], at: number): ProcessFacts['threadRights'] {
  if (at % 7 === 6) return null;
  if (at % 2 === 0) return [];
  return [at * 5 + 1, at * 11 + 2].map(other => {
    const cls = all[other % all.length]!;
    const { uids, gids, capInheritable, capBounding, seccomp, noNewPrivs } = cls;
    const capPermitted = cls.capPermitted ?? '0';
    const capabilities = { capPermitted, capEffective: capPermitted, capInheritable, capBounding };
    return { tid: 1000 * (at + 1) + other, uids, gids, ...capabilities, seccomp, noNewPrivs };
  });
}

/** Each thread of the one about each thread of the other. */
function askedByItself(tracer: ProcessClass, target: ProcessClass, { host }: ClassAccess): Access {
  const other = tracer === target ? { ...target.facts, pid: 0, tgid: 0 } : target.facts;
  let best: Access = { withoutYama: false, viaCapability: false };
  for (const { assumed, thread } of asksOf(tracer.facts, other, host)) {
    const holds = assumed.isCertain ? true : null;
    const { withoutYama, viaCapability } = accessWith(assumed, thread, host);
    best = {
      withoutYama: either(best.withoutYama, both(withoutYama, holds)),
      viaCapability: either(best.viaCapability, both(viaCapability, holds)),
    };
  }
  return best;
}

it.each([
  ['of like threads', false],
  ['of threads with different rights', true],
])('pairs of processes %s that count as the same have the same access', (_, haveThreads) => {
  const answers = new Set<string>();
  let apart = 0;
  const rights = fc.array(someRights, { minLength: COUNT, maxLength: COUNT });
  const ruledOuts = fc.array(someRuledOut, { minLength: COUNT, maxLength: COUNT });
  fc.assert(
    fc.property(someWorldOf(COUNT), rights, ruledOuts, someWays, (world, rightsOf, ruledOut, ways) => {
      const { processes, ...host } = world.host;
      const base = { ...rowOf(world, world.tracer), ...rightsOf[0]!, kind: 'user' as const };
      const index = indexOf({
        host,
        processes: processes
          .map((facts, at): ProcessFacts => {
            const own = { ...facts, ...rightsOf[at % COUNT]! };
            const differing = Object.fromEntries(ways.map(way => [way, own[way]]));
            const hidden = ways.includes('userNsRuledOut') ? ruledOut[at % COUNT]! : null;
            const elsewhere = hidden && hiddenIn(hidden, Object.keys(host.userNsParents));
            return { ...base, pid: facts.pid, tgid: facts.pid, ...differing, ...elsewhere };
          })
          .map((facts, at, all) =>
            haveThreads ? { ...facts, threadRights: otherThreads(all, at) } : { ...facts, threadRights: [] },
          ),
      });
      apart += index.classes.filter(({ facts }) => facts.threadRights?.length !== 0).length;
      const shared = new ClassAccess(index);
      for (const tracer of index.classes) {
        const known = index.classes.map((target): [ProcessClass, Access] => [
          target,
          askedByItself(tracer, target, shared),
        ]);
        for (const [target, access] of known) {
          answers.add(`${access.withoutYama} ${access.viaCapability}`);
          expect(shared.of(tracer, target)).toEqual(access);
        }
        const found = shared
          .rowsOf(tracer)
          .flatMap(({ target, access }) => target.classes.map(({ id }) => [id, access] as const));
        expect(found.toSorted(([a], [b]) => a - b)).toEqual(
          known.flatMap(([{ id }, access]) => (access.withoutYama === false ? [] : [[id, access]])),
        );
      }
    }),
    { seed: SEED, numRuns: times(150, 600) },
  );
  expect(apart > 0).toBe(haveThreads);
  for (const answer of ['true true', 'true false', 'false false', 'null false'])
    expect(answers).toContain(answer);
});
