/*
 * Pairs of classes that count as the same against each pair asked by itself, in hosts of few ids and many capability sets.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Capability, capabilityMask } from '../../lib/kernel/capabilities.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { ClassAccess } from '../../lib/policy/class-access.js';
import { indexOf, type ProcessClass } from '../../lib/policy/process-classes.js';
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

const COUNT = 12;

// Those of a host differ in few ways, so that many pairs count as the same.
const WAYS = [
  ...(['capPermitted', 'capInheritable', 'capBounding', 'uids', 'gids', 'noNewPrivs', 'dumpable'] as const),
  ...(['seccomp', 'lsmLabel', 'userNs', 'userNsRuledOut', 'memoryUserNs'] as const),
];
const someWays = fc.subarray(WAYS, { minLength: 1, maxLength: 3 });

it('pairs that count as the same have the same access', () => {
  const answers = new Set<string>();
  const rights = fc.array(someRights, { minLength: COUNT, maxLength: COUNT });
  fc.assert(
    fc.property(someWorldOf(COUNT), rights, someWays, (world, rightsOf, ways) => {
      const { processes, ...host } = world.host;
      const base = { ...rowOf(world, world.tracer), ...rightsOf[0]!, kind: 'user' as const };
      const index = indexOf({
        host,
        processes: processes.map((facts, at): ProcessFacts => {
          const own = { ...facts, ...rightsOf[at % COUNT]! };
          const differing = Object.fromEntries(ways.map(way => [way, own[way]]));
          return { ...base, pid: facts.pid, tgid: facts.pid, ...differing };
        }),
      });
      const shared = new ClassAccess(index);
      const pairs = index.classes.flatMap(tracer =>
        index.classes.map((target): [ProcessClass, ProcessClass] => [tracer, target]),
      );
      for (const [tracer, target] of pairs) {
        const access = shared.of(tracer, target);
        answers.add(`${access.otherwise} ${access.byCapability}`);
        expect(access).toEqual(new ClassAccess(index).of(tracer, target));
      }
    }),
    { seed: SEED, numRuns: times(150, 600) },
  );
  for (const answer of ['true true', 'true false', 'false false', 'null false'])
    expect(answers).toContain(answer);
});
