import type { ProcessFacts } from '../kernel/process-facts.js';
import type { AccessMode } from './access-mode.js';
import type { Program } from './after-exec.js';
import { exec } from './exec-rule.js';
import { isFrom } from './kernel-release.js';
import { landlock, otherLsm, seccomp, unseenModules } from './other-lsm.js';
import * as perf from './perf.js';
import { perfmon } from './perfmon.js';
import type { Host, Judgement, Question } from './question.js';
import * as rules from './rules.js';
import { hasLikeThreads, targetThreadsOf, threadsOf } from './threads.js';
import { type RuleId, referenceOf, type Step, type Verdict } from './verdict.js';
import { yamaRelation, yamaScope } from './yama.js';

/** Null: it has nothing to say to that question. */
type Rule = (question: Question) => Judgement | null;

/** kernel/ptrace.c, __ptrace_may_access(), up to Yama's scope. */
const ACCESS_CHECK: readonly Rule[] = [
  rules.sameThreadGroup,
  rules.credentials,
  rules.dumpable,
  rules.capabilitySubset,
  landlock,
  yamaScope,
];

/** In the kernel's order, as far as it makes a difference: a program is executed before it asks, seccomp comes before the system call, a file's mode before its open. */
const ORDER: readonly Rule[] = [
  exec,
  seccomp,
  rules.filePermission,
  rules.kernelThread,
  rules.withNothingLeft,
  perfmon,
  ...ACCESS_CHECK,
  yamaRelation,
  otherLsm,
  rules.zombie,
  rules.alreadyTraced,
];

/**
 * kernel/events/core.c, perf_event_open(). A target that has ended is refused by find_get_context(), which is before the
 * access check or after it: in any case it ends the matter.
 */
const PERF_ORDER: readonly Rule[] = [
  exec,
  seccomp,
  perf.perfEvents,
  perf.perfParanoid,
  perf.perfLsm,
  rules.withNothingLeft,
  perfmon,
  ...ACCESS_CHECK,
  otherLsm,
];

/** kernel/ptrace.c, ptrace_traceme() */
const TRACEME_ORDER: readonly Rule[] = [
  exec,
  seccomp,
  rules.alreadyTraced,
  rules.capabilitySubset,
  landlock,
  yamaScope,
  otherLsm,
];

const orderOf = (mode: AccessMode): readonly Rule[] =>
  mode === 'traceme' ? TRACEME_ORDER : mode === 'perf' ? PERF_ORDER : ORDER;

/** Of a step that is not seen: the most that it could do. `attach` refuses its own group, the access check lets it in. */
export const couldAllow = (rule: RuleId, mode: AccessMode) =>
  rule === 'perfmon' || (rule === 'same-thread-group' && mode !== 'attach');

export type Decision = Pick<Verdict, 'verdict' | 'decidedBy'>;

/**
 * Asks the rules one after the other. A refusal stands whatever isn't seen, unless that could have let in beforehand.
 *
 * @param found gets what each rule says; without it the walk ends at the first refusal, after which nothing changes the verdict
 */
function walk(question: Question, found: Judgement[] | null): Decision {
  const { mode } = question;
  let refused: Decision | null = null;
  let mayLetIn: RuleId | null = null;
  let undecided: RuleId | null = null;
  let last: RuleId = 'credentials';
  for (const rule of orderOf(mode)) {
    const said = rule(question);
    if (said === null) continue;
    found?.push(said);
    last = said.rule;
    if (said.outcome === 'allow') break;
    if (said.outcome === 'unknown') {
      if (couldAllow(last, mode)) mayLetIn ??= last;
      else undecided ??= last;
    }
    if (said.outcome === 'deny' && refused === null) {
      refused =
        mayLetIn === null
          ? { verdict: 'denied', decidedBy: last }
          : { verdict: 'unknown', decidedBy: mayLetIn };
      if (found === null) break;
    }
  }
  if (refused !== null) return refused;
  return undecided === null
    ? { verdict: 'allowed', decidedBy: last }
    : { verdict: 'unknown', decidedBy: undecided };
}

/** The verdict of {@link checkAccess} alone: it builds no text. */
export function decide(question: Question): Decision {
  return walk(question, null);
}

/** As {@link decide}, and what each rule says, in the kernel's order. */
export function judge(question: Question): Decision & { judgements: readonly Judgement[] } {
  const judgements: Judgement[] = [];
  return { ...walk(question, judgements), judgements };
}

const OPENNESS = { denied: 0, unknown: 1, allowed: 2 } as const;

/** From Linux 6.9 on, by PIDFD_THREAD, a pidfd may be of any thread: kernel/fork.c, pidfd_prepare(). */
function targetThreads({ target, mode, host }: Question): readonly ProcessFacts[] {
  return mode === 'getfd' && isFrom(host.kernelRelease, [6, 9]) === false
    ? [target]
    : targetThreadsOf(target);
}

/** The question about those two threads of the processes of which the most is allowed: the first ones, unless others get more. */
function mostOpen(question: Question): Question {
  let best = question;
  let most = OPENNESS[decide(question).verdict];
  for (const tracer of threadsOf(question.tracer)) {
    for (const target of targetThreads(question)) {
      const asked = { ...question, tracer, target };
      const openness = OPENNESS[decide(asked).verdict];
      if (openness > most) [best, most] = [asked, openness];
    }
  }
  return best;
}

function checkThreads(question: Question): Omit<Verdict, 'threads'> {
  const { mode } = question;
  const { verdict, decidedBy, judgements } = judge(question);
  return {
    verdict,
    decidedBy,
    steps: judgements.map(({ rule, outcome, because }) => ({
      rule,
      outcome,
      because: because(question),
      reference: referenceOf(rule, mode),
    })),
    unseen: verdict !== 'denied' && decidedBy !== 'same-thread-group' ? unseenModules(question) : [],
  };
}

/**
 * What the kernel would answer: every rule in its order, with the facts that it looked at. Pure. What isn't seen makes
 * the verdict unknown only where it could change it. Where the threads of a process have different rights, the answer is
 * that of the two threads of which the most is allowed.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), ptrace_attach() and ptrace_traceme(); kernel/events/core.c,
 * perf_event_open(); the references are in the steps
 *
 * @param tracer of `traceme`: the parent, whom the target would get as its tracer
 * @param target null: no process has the pid that is asked for
 * @param host with the processes of the same snapshot, for ancestry
 * @param program what the tracer would execute, where its facts are those that the exec gives
 */
export function checkAccess(
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: AccessMode,
  program?: Program,
): Verdict {
  if (target === null) {
    const rule = 'no-such-process';
    const because = 'no process has this pid';
    const step: Step = { rule, outcome: 'deny', because, reference: referenceOf(rule, mode) };
    return { verdict: 'denied', decidedBy: rule, steps: [step], unseen: [], threads: null };
  }
  const question: Question = { tracer, target, host, mode, ...(program !== undefined && { program }) };
  if (hasLikeThreads(tracer) && hasLikeThreads(target) && !target.tracedThreads?.length)
    return { ...checkThreads(question), threads: null };
  const asked = mostOpen(question);
  const areFirst = asked.tracer.pid === tracer.pid && asked.target.pid === target.pid;
  const threads = areFirst ? null : { tracer: asked.tracer.pid, target: asked.target.pid };
  return { ...checkThreads(asked), threads };
}
