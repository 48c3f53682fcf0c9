import type { ProcessFacts } from '../../kernel/process-facts.js';
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

/** Returns null where the rule does not apply to the question. */
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

/**
 * The rules in the kernel's order, as far as the order makes a difference. The exec of the tracer's program comes first.
 * Seccomp comes before the system call, and the mode of a file is checked before the file is opened.
 */
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
 * Kernel: kernel/events/core.c, perf_event_open(). find_get_context() refuses a target that has ended. Its place before
 * or after the access check makes no difference to the verdict.
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

/**
 * Whether a rule with an unknown outcome could allow the access at once. The rule `same-thread-group` allows every mode
 * but `attach`, which refuses a thread of the tracer's own process.
 */
export const couldAllow = (rule: RuleId, mode: AccessMode) =>
  rule === 'perfmon' || (rule === 'same-thread-group' && mode !== 'attach');

export type Decision = Pick<Verdict, 'verdict' | 'decidedBy'>;

/**
 * Asks the rules one after the other. A refusal decides the verdict, unless an earlier rule with an unknown outcome could
 * have allowed the access.
 *
 * @param found receives what each rule says. Where it is null, the walk ends at the first refusal, because later rules
 *   can't change the verdict.
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

/** The verdict of {@link checkAccess} alone, without its texts. */
export function decide(question: Question): Decision {
  return walk(question, null);
}

/** The verdict of {@link decide}, and what each rule says, in the kernel's order. */
export function judge(question: Question): Decision & { judgements: readonly Judgement[] } {
  const judgements: Judgement[] = [];
  return { ...walk(question, judgements), judgements };
}

const OPENNESS = { denied: 0, unknown: 1, allowed: 2 } as const;

/** From Linux 6.9 on, a pidfd can refer to any thread (PIDFD_THREAD). Kernel: kernel/fork.c, pidfd_prepare() */
function targetThreads({ target, mode, host }: Question): readonly ProcessFacts[] {
  return mode === 'getfd' && isFrom(host.kernelRelease, [6, 9]) === false
    ? [target]
    : targetThreadsOf(target);
}

/** The question about the pair of threads with the most access. The first threads stay, unless another pair has more. */
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
    undetectable: verdict !== 'denied' && decidedBy !== 'same-thread-group' ? unseenModules(question) : [],
  };
}

/**
 * Predicts the kernel's answer: every rule in the kernel's order, with the facts that the rule used. Pure. An unseen fact
 * makes the verdict unknown only where the fact could change the verdict. Where the threads of a process have different
 * rights, the answer is for the pair of threads with the most access.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), ptrace_attach() and ptrace_traceme(); kernel/events/core.c,
 * perf_event_open(); the references are in the steps
 *
 * Applies to: pure data.
 *
 * @param tracer for `traceme`: the parent, which would become the target's tracer
 * @param target null: no process has the requested pid
 * @param host with the processes of the same snapshot, for ancestry
 * @param program the program that the tracer would execute, where the tracer's facts are those after the exec
 * @param isConfined whether the tracer is in a Landlock domain that the target is outside of, for a caller that knows it. No fact shows
 *   a domain, so without it the tracer's no_new_privs tells whether there may be one. Null: perhaps
 * @throws nothing: a fact that isn't seen makes the verdict `unknown`
 * @see docs/library.md
 * @example
 * ```js
 * import { checkAccess, hypotheticalProcess } from 'tracegate/policy';
 * import { observe } from 'tracegate/snapshot';
 *
 * const { host } = observe();
 * const userNs = host.observedAs.userNs;
 * const tracer = { ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs }), pid: 801, tgid: 801 };
 * const target = { ...hypotheticalProcess({ uid: 33, gid: 33, userNs }), pid: 802, tgid: 802 };
 * const { verdict, decidedBy } = checkAccess(tracer, target, { ...host, processes: [] }, 'attach');
 * console.log(verdict, decidedBy); // denied credentials
 * ```
 */
export function checkAccess(
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: AccessMode,
  program?: Program,
  isConfined?: boolean | null,
): Verdict {
  if (target === null) {
    const rule = 'no-such-process';
    const because = 'no process has this pid';
    const step: Step = { rule, outcome: 'deny', because, reference: referenceOf(rule, mode) };
    return { verdict: 'denied', decidedBy: rule, steps: [step], undetectable: [], threads: null };
  }
  const question: Question = { tracer, target, host, mode, program, isConfined };
  if (hasLikeThreads(tracer) && hasLikeThreads(target) && !target.tracedThreads?.length)
    return { ...checkThreads(question), threads: null };
  const asked = mostOpen(question);
  const areFirst = asked.tracer.pid === tracer.pid && asked.target.pid === target.pid;
  const threads = areFirst ? null : { tracer: asked.tracer.pid, target: asked.target.pid };
  return { ...checkThreads(asked), threads };
}
