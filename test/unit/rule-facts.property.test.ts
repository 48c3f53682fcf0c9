/*
 * The table of the facts that the rules read, against the rules themselves: a proxy notes what they read of the two
 * processes of a question. A fact that is missing from the table would make a map silently wrong.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { decide } from '../../lib/policy/access/access-check.js';
import { ACCESS_MODES } from '../../lib/policy/access/access-mode.js';
import { both, either } from '../../lib/policy/access/fact.js';
import type { Host } from '../../lib/policy/access/question.js';
import { RIGHTS, RULE_FACTS, rightsKeyOf } from '../../lib/policy/access/rule-facts.js';
import { targetThreadsOf, threadsOf } from '../../lib/policy/access/threads.js';
import type { Access } from '../../lib/policy/access/yama-decision.js';
import { accessWith, asksOf } from '../../lib/policy/reach/class-access.js';
import { SEED, times } from '../helpers/tier.js';
import { forget, rowOf, someForgotten, someWorld, type World, withOtherThreads } from './kernel-worlds.js';

type Name = keyof ProcessFacts;
type Side = 'tracer' | 'target';

const NAMES = Object.keys(RULE_FACTS) as Name[];

/** Each fact with a side on which the rules read it. */
const DECLARED = NAMES.flatMap(name => {
  const row: { use: string; of?: Side | 'both' } = RULE_FACTS[name];
  const sides: Side[] = row.of === undefined ? [] : row.of === 'both' ? ['tracer', 'target'] : [row.of];
  return sides.map(side => `${name} of the ${side}`);
});

/** The facts; `note` hears of each that is read. A spread only copies a fact: it asks for the descriptor first. */
function noting(facts: ProcessFacts, note: (name: string) => void): ProcessFacts {
  let copied: string | symbol | null = null;
  return new Proxy(facts, {
    getOwnPropertyDescriptor(target, name) {
      copied = name;
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
    get(target, name) {
      if (name !== copied) note(String(name));
      copied = null;
      return Reflect.get(target, name);
    },
  });
}

const someSituation = fc
  .tuple(someWorld, fc.option(someForgotten), fc.boolean())
  .map(([world, forgotten, haveThreads]): World => {
    const known = haveThreads ? withOtherThreads(world) : world;
    return forgotten === null ? known : forgotten.reduce(forget, known);
  });

it('the rules of all access modes read the facts in the table, of the sides in the table, and no others', () => {
  const read = new Set<string>();
  fc.assert(
    fc.property(someSituation, world => {
      for (const mode of ACCESS_MODES) {
        const noted = (of: Side) => (facts: ProcessFacts) =>
          noting(facts, name => {
            const side = mode === 'traceme' && name === 'seccomp' && of === 'target' ? 'tracer' : of;
            read.add(`${name} of the ${side}`);
          });
        const ofTracer = noted('tracer');
        const ofTarget = noted('target');
        const targets = targetThreadsOf(ofTarget(rowOf(world, world.target))).map(ofTarget);
        for (const tracer of threadsOf(ofTracer(rowOf(world, world.tracer))).map(ofTracer)) {
          for (const target of targets) {
            decide({ tracer, target, host: world.host, mode });
            for (const { assumed, thread } of asksOf(tracer, target, world.host))
              accessWith({ ...assumed, as: ofTracer(assumed.as) }, ofTarget(thread), world.host);
          }
        }
      }
    }),
    { seed: SEED, numRuns: times(200, 5000) },
  );
  expect([...read].toSorted()).toEqual(DECLARED.toSorted());
});

function accessOf(tracer: ProcessFacts, target: ProcessFacts, host: Host): Access {
  let best: Access = { withoutYama: false, viaCapability: false };
  for (const { assumed, thread } of asksOf(tracer, target, host)) {
    const holds = assumed.isCertain ? true : null;
    const { withoutYama, viaCapability } = accessWith(assumed, thread, host);
    best = {
      withoutYama: either(best.withoutYama, both(withoutYama, holds)),
      viaCapability: either(best.viaCapability, both(viaCapability, holds)),
    };
  }
  return best;
}

const OTHERS = NAMES.filter(name => RULE_FACTS[name].use !== 'rights' && name !== 'pid' && name !== 'tgid');

/** A process with the rights of one process, and all else of another. */
function withRightsOf(process: ProcessFacts, another: ProcessFacts): ProcessFacts {
  const mixed: ProcessFacts = {
    ...process,
    ...Object.fromEntries(OTHERS.map(name => [name, another[name]])),
  };
  const { uids, gids } = mixed;
  return { ...mixed, uids: { ...uids, fs: another.uids.fs }, gids: { ...gids, fs: another.gids.fs } };
}

it('two processes whose keys of all rights are equal have the same access to others, and others to them', () => {
  const answers = new Set<string>();
  fc.assert(
    fc.property(someSituation, fc.nat(), (world, at) => {
      const host: Host = { ...world.host, yama: { state: 'absent' }, processes: [] };
      const tracer = rowOf(world, world.tracer);
      const target = rowOf(world, world.target);
      const another = world.host.processes[at % world.host.processes.length]!;
      const tracerToo = withRightsOf(tracer, another);
      const targetToo = withRightsOf(target, another);
      for (const keyOf of RIGHTS.map(rightsKeyOf)) expect(keyOf(targetToo)).toBe(keyOf(target));
      const access = accessOf(tracer, target, host);
      expect(accessOf(tracerToo, target, host)).toEqual(access);
      expect(accessOf(tracer, targetToo, host)).toEqual(access);
      answers.add(`${access.withoutYama} ${access.viaCapability}`);
    }),
    { seed: SEED, numRuns: times(3000, 50_000) },
  );
  expect(answers.size).toBeGreaterThan(4);
});
