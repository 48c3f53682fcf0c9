import type { ProcessFacts } from '../kernel/process-facts.js';
import type { AccessMode } from './access-mode.js';
import { landlock, otherLsm, seccomp, unseenModules } from './other-lsm.js';
import type { Host, Judgement, Question } from './question.js';
import * as rules from './rules.js';
import { REFERENCES, type Step, TRACEME_REFERENCES, type Verdict } from './verdict.js';
import { yama } from './yama.js';

type Rule = (question: Question) => Judgement | readonly Judgement[] | null;

/** In the kernel's order, as far as it makes a difference: seccomp comes before the system call, a file's mode before its open. */
const ORDER: readonly Rule[] = [
  seccomp,
  rules.filePermission,
  rules.kernelThread,
  rules.withoutMemory,
  rules.perfmon,
  rules.sameThreadGroup,
  rules.credentials,
  rules.dumpable,
  rules.capabilitySubset,
  landlock,
  yama,
  otherLsm,
  rules.zombie,
  rules.alreadyTraced,
];

/** kernel/ptrace.c, ptrace_traceme() */
const TRACEME_ORDER: readonly Rule[] = [
  seccomp,
  rules.alreadyTraced,
  rules.capabilitySubset,
  landlock,
  yama,
  otherLsm,
];

function judgements(question: Question): Judgement[] {
  const found: Judgement[] = [];
  for (const rule of question.mode === 'traceme' ? TRACEME_ORDER : ORDER) {
    for (const judgement of [rule(question) ?? []].flat()) {
      found.push(judgement);
      if (judgement.outcome === 'allow') return found;
    }
  }
  return found;
}

/** Of a step that is not seen: the most that it could do. `attach` refuses its own group, the access check lets it in. */
const couldAllow = ({ rule, outcome }: Judgement, mode: AccessMode) =>
  outcome === 'unknown' && (rule === 'perfmon' || (rule === 'same-thread-group' && mode !== 'attach'));

type Decision = Pick<Verdict, 'verdict' | 'decidedBy'>;

/** A refusal stands whatever isn't seen, unless that could have let in beforehand. */
function decide(found: readonly Judgement[], mode: AccessMode): Decision {
  const mayLetIn = found.findIndex(judgement => couldAllow(judgement, mode));
  const refuses = found.findIndex(({ outcome }) => outcome === 'deny');
  const isUndecided = (judgement: Judgement, at: number) =>
    refuses < 0
      ? judgement.outcome === 'unknown' && !couldAllow(judgement, mode)
      : at === mayLetIn && mayLetIn < refuses;
  const undecided = found.find(isUndecided);
  if (undecided) return { verdict: 'unknown', decidedBy: undecided.rule };
  const refusing = found[refuses];
  if (refusing) return { verdict: 'denied', decidedBy: refusing.rule };
  return { verdict: 'allowed', decidedBy: found.at(-1)?.rule ?? 'credentials' };
}

/**
 * What the kernel would answer: every rule in its order, with the facts that it looked at. Pure. What isn't seen makes
 * the verdict unknown only where it could change it.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), ptrace_attach() and ptrace_traceme(); the references are in the steps
 *
 * @param tracer of `traceme`: the parent, whom the target would get as its tracer
 * @param target null: no process has the pid that is asked for
 * @param host with the processes of the same snapshot, for ancestry
 */
export function checkAccess(
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: AccessMode,
): Verdict {
  if (target === null) {
    const rule = 'no-such-process';
    const because = 'no process has this pid';
    const step: Step = { rule, outcome: 'deny', because, reference: REFERENCES[rule] };
    return { verdict: 'denied', decidedBy: rule, steps: [step], unseen: [] };
  }
  const question = { tracer, target, host, mode };
  const found = judgements(question);
  const decision = decide(found, mode);
  const referenceOf = (rule: Step['rule']) =>
    (mode === 'traceme' ? TRACEME_REFERENCES[rule] : undefined) ?? REFERENCES[rule];
  return {
    ...decision,
    steps: found.map(judgement => ({ ...judgement, reference: referenceOf(judgement.rule) })),
    unseen:
      decision.verdict !== 'denied' && decision.decidedBy !== 'same-thread-group'
        ? unseenModules(question)
        : [],
  };
}
