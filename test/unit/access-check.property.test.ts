// The model's verdict on random processes, compared with a second transcription of the kernel's rules.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkAccess, decide, judge } from '../../lib/policy/access/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../../lib/policy/access/access-mode.js';
import type { RuleId, Verdict } from '../../lib/policy/access/verdict.js';
import { SEED, times } from '../helpers/tier.js';
import {
  ABSENT,
  answersOf,
  completions,
  type Forgotten,
  FULL,
  forget,
  grant,
  oneForgotten,
  rowOf,
  scopeOf,
  someForgotten,
  someWorld,
  TELLING,
  type World,
} from './kernel-worlds.js';

/*
 * The verdicts on hosts made at random, against a second implementation that follows the kernel's C line by line
 * (kernel-model.ts).
 */
const runs = (nightly: number) => ({ seed: SEED, numRuns: times(Math.ceil(nightly / 4), nightly) });

const verdictOf = (world: World, mode: AccessMode): Verdict =>
  checkAccess(
    rowOf(world, world.tracer),
    rowOf(world, world.target),
    world.host,
    mode,
    undefined,
    world.isConfined,
  );

/** One answer, or both are possible. */
const verdictFrom = (answers: ReadonlySet<boolean>): Verdict['verdict'] =>
  answers.size > 1 ? 'unknown' : answers.has(true) ? 'allowed' : 'denied';

/** Says why only where it isn't so. */
function expectOneOf(right: readonly Verdict['verdict'][], mode: AccessMode, { verdict, steps }: Verdict) {
  if (right.includes(verdict)) return;
  const why = steps.map(({ rule, outcome, because }) => `${outcome} ${rule}: ${because}`);
  expect.fail(`${mode}: ${verdict} is not ${right.join(' or ')}\n${why.join('\n')}`);
}

const isUnknown = ({ steps }: Verdict, rule: RuleId) =>
  steps.some(step => step.rule === rule && step.outcome === 'unknown');

/**
 * The owner of the file depends on the facts of the dumpable rule and of the end of a process. One of these rules
 * refuses in every case, but no single rule shows that. The case needs CAP_SYS_PTRACE over the target, and no right to
 * open any file.
 */
const hangsTogether = (verdict: Verdict) =>
  verdict.verdict === 'unknown' &&
  isUnknown(verdict, 'file-permission') &&
  (isUnknown(verdict, 'dumpable') || isUnknown(verdict, 'zombie'));

it('with all facts known, the verdict is that of the kernel model', () => {
  fc.assert(
    fc.property(someWorld, world => {
      for (const mode of ACCESS_MODES) {
        const verdict = verdictOf(world, mode);
        if (hangsTogether(verdict)) continue;
        expectOneOf([verdictFrom(answersOf(world, mode))], mode, verdict);
      }
    }),
    runs(3000),
  );
});

it('of a tracer in a Landlock domain, in none, and perhaps in one, too', () => {
  fc.assert(
    fc.property(someWorld, fc.constantFrom(true, false, null), (host, isConfined) => {
      const world = { ...host, isConfined };
      for (const mode of ACCESS_MODES) {
        const verdict = verdictOf(world, mode);
        if (hangsTogether(verdict)) continue;
        expectOneOf([verdictFrom(answersOf(world, mode))], mode, verdict);
      }
    }),
    runs(1000),
  );
});

it('with facts forgotten, a known verdict is still that of the kernel model', () => {
  fc.assert(
    fc.property(someWorld, someForgotten, (world, forgotten) => {
      const rest = forgotten.reduce(forget, world);
      for (const mode of ACCESS_MODES) {
        const verdict = verdictOf(rest, mode);
        if (verdict.verdict === 'unknown') continue;
        expectOneOf([verdictFrom(answersOf(world, mode))], mode, verdict);
      }
    }),
    runs(4000),
  );
});

it('decide() gives the verdict and the rule of checkAccess(), and judge() the steps without their texts', () => {
  fc.assert(
    fc.property(someWorld, someForgotten, (world, forgotten) => {
      const { host } = forgotten.reduce(forget, world);
      for (const tracer of host.processes.slice(0, 8)) {
        for (const target of host.processes.slice(0, 8)) {
          for (const mode of ACCESS_MODES) {
            const question = { tracer, target, host, mode };
            const { verdict, decidedBy, steps } = checkAccess(tracer, target, host, mode);
            expect(decide(question)).toEqual({ verdict, decidedBy });
            const { judgements, ...decision } = judge(question);
            expect(decision).toEqual({ verdict, decidedBy });
            const said = judgements.map(({ rule, outcome }) => `${outcome} ${rule}`);
            expect(said).toEqual(steps.map(({ rule, outcome }) => `${outcome} ${rule}`));
          }
        }
      }
    }),
    runs(60),
  );
});

it('a forgotten fact makes verdicts unknown, and never known', () => {
  fc.assert(
    fc.property(someWorld, someForgotten, fc.constantFrom(...ACCESS_MODES), (world, forgotten, mode) => {
      let before = verdictOf(world, mode);
      forgotten.reduce((rest, one) => {
        const next = forget(rest, one);
        const after = verdictOf(next, mode);
        expectOneOf(['unknown', before.verdict], mode, after);
        before = after;
        return next;
      }, world);
    }),
    runs(2500),
  );
});

it('without one fact the verdict is unknown exactly if that fact could change it', () => {
  fc.assert(
    fc.property(someWorld, oneForgotten, fc.constantFrom(...ACCESS_MODES), (world, forgotten, mode) => {
      // No process is its own parent.
      if (mode === 'traceme' && world.tracer === world.target) return;
      const verdict = verdictOf(forget(world, forgotten), mode);
      if (isImprecise(world, forgotten, verdict, mode)) return;
      const answers = new Set<boolean>();
      for (const possible of completions(world, forgotten)) {
        for (const answer of answersOf(possible, mode)) answers.add(answer);
        if (answers.size > 1) break;
      }
      expectOneOf([verdictFrom(answers)], mode, verdict);
    }),
    runs(2500),
  );
});

it('a stricter scope allows nothing that a laxer one denies, and a kernel without Yama is as scope 0', () => {
  const strictness = [ABSENT, scopeOf(0), scopeOf(1), scopeOf(2), scopeOf(3)];
  const order = { denied: 0, unknown: 1, allowed: 2 };
  fc.assert(
    fc.property(someWorld, someForgotten, fc.constantFrom(...ACCESS_MODES), (world, forgotten, mode) => {
      const rest = forgotten.reduce(forget, world);
      const verdicts = strictness.map(yama => verdictOf({ ...rest, host: { ...rest.host, yama } }, mode));
      const ranks = verdicts.map(({ verdict }) => order[verdict]);
      expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
      expect(verdicts[0]!.verdict).toBe(verdicts[1]!.verdict);
    }),
    runs(1200),
  );
});

it('a further capability of the tracer never changes allowed to denied', () => {
  fc.assert(
    fc.property(someWorld, someForgotten, fc.constantFrom(...TELLING), (world, forgotten, more) => {
      // Of one and the same the target gets it too.
      if (world.tracer === world.target) return;
      const rest = forgotten.reduce(forget, world);
      const granted = grant(rest, more);
      for (const mode of ACCESS_MODES) {
        const { verdict } = verdictOf(rest, mode);
        if (verdict === 'denied') continue;
        expectOneOf(
          verdict === 'allowed' ? ['allowed'] : ['allowed', 'unknown'],
          mode,
          verdictOf(granted, mode),
        );
      }
    }),
    runs(1500),
  );
});

it('the verdict depends on the facts alone, and does not change them', () => {
  fc.assert(
    fc.property(someWorld, someForgotten, (world, forgotten) => {
      const frozen = deepFreeze(forgotten.reduce(forget, world));
      for (const mode of ACCESS_MODES) {
        const once = verdictOf(frozen, mode);
        expect(verdictOf(frozen, mode)).toEqual(once);
        expect(verdictOf(structuredClone(frozen), mode)).toEqual(once);
      }
    }),
    runs(150),
  );
});

/** Where it is unknown though nothing could change it, and that does no harm. */
function isImprecise(world: World, forgotten: Forgotten, verdict: Verdict, mode: AccessMode): boolean {
  const { of } = forgotten;
  const what = of === 'processes' ? null : forgotten.what;
  return (
    hangsTogether(verdict) ||
    // Every set is a part of the full one: but which one is full, the kernel knows.
    (what === 'capabilities' && rowOf(world, world.tracer).capPermitted === FULL) ||
    // The present tracer passes Yama as such, and is refused as such.
    (what === 'tracer' && mode === 'attach') ||
    // No process is an ancestor of its ancestor.
    what === 'ppid'
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}

it('each rule decides often enough on these hosts, and each relation passes Yama often enough', () => {
  const refusing: RuleId[] = [
    'seccomp',
    'file-permission',
    'kernel-thread',
    'zombie',
    'same-thread-group',
    'credentials',
    'dumpable',
    'capability-subset',
    'yama-scope',
    'yama-relation',
    'already-traced',
    'perf-events',
    'perf-paranoid',
  ];
  const expected = [
    ...refusing.map(rule => `denied by ${rule}`),
    ...['perfmon', 'same-thread-group', 'other-lsm', 'already-traced'].map(rule => `allowed by ${rule}`),
    ...[
      'seccomp',
      'file-permission',
      'perfmon',
      'dumpable',
      'landlock',
      'other-lsm',
      'zombie',
      'perf-paranoid',
      'perf-lsm',
    ].map(rule => `unknown by ${rule}`),
    'past Yama: ptrace_scope 1: the tracer is an ancestor of the target',
    'past Yama: ptrace_scope 1: the tracer is attached to the target already',
    'past Yama: ptrace_scope 1: the target has declared the tracer',
    "past Yama: ptrace_scope 1: the tracer has CAP_SYS_PTRACE in the target's user namespace",
  ];
  const counted = new Map<string, number>();
  const count = (key: string) => counted.set(key, (counted.get(key) ?? 0) + 1);
  const seldom = () => expected.filter(key => (counted.get(key) ?? 0) < 10);
  // The rarest comes about 20 times in 2,000, with some seeds less often.
  for (let more = 0; more < 3 && seldom().length > 0; more++) {
    for (const world of fc.sample(someWorld, { seed: SEED + more, numRuns: 2000 })) {
      for (const mode of ACCESS_MODES) {
        const { verdict, decidedBy, steps } = verdictOf(world, mode);
        count(`${verdict} by ${decidedBy}`);
        const relation = steps.find(({ rule }) => rule === 'yama-relation');
        if (relation?.outcome === 'pass') count(`past Yama: ${relation.because}`);
      }
    }
  }
  expect(seldom()).toEqual([]);
});
