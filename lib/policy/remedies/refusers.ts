import { couldAllow, judge } from '../access/access-check.js';
import { sharesUserNs } from '../access/capable.js';
import type { Judgement, Question } from '../access/question.js';
import type { RuleId } from '../access/verdict.js';

const OWNED_USER_NS = "one that the tracer's effective uid owns";

/** The question as if the tracer had made the target's user namespace, and so had CAP_SYS_PTRACE in it. */
function asOwner(question: Question, parent: string): Question {
  const { tracer, target, host } = question;
  const owned = { parent, owner: tracer.uids.effective, root: null };
  return {
    ...question,
    target: {
      ...target,
      userNs: OWNED_USER_NS,
      userNsRuledOut: null,
      // The owner of a namespace also has the capability in the namespaces below, such as the memory's.
      memoryUserNs: target.userNsRuledOut?.memory === true ? OWNED_USER_NS : null,
    },
    host: { ...host, userNsParents: { ...host.userNsParents, [OWNED_USER_NS]: owned } },
  };
}

/**
 * The rules that may have refused, where the kernel refused and the model's verdict is unknown. If a rule surely refuses,
 * it is the only one. In another user namespace, capability-subset refuses unless the tracer has CAP_SYS_PTRACE there.
 * The capability passes some other rules too, so none of those refuses alone.
 *
 * Kernel: security/commoncap.c, cap_capable() and cap_ptrace_access_check()
 */
export function possibleRefusers(question: Question): RuleId[] {
  const { tracer, target, host, mode } = question;
  const { judgements } = judge(question);
  const sure = judgements.find(({ outcome }) => outcome === 'deny');
  if (sure !== undefined) return [sure.rule];
  const unknownIn = (found: readonly Judgement[]) => [
    ...new Set(found.filter(({ outcome }) => outcome === 'unknown').map(({ rule }) => rule)),
  ];
  const unknown = unknownIn(judgements).filter(rule => !couldAllow(rule, mode));
  const isElsewhere = target.userNs === null && sharesUserNs(tracer, target, host.userNsParents) === false;
  if (!isElsewhere || tracer.userNs === null || !unknown.includes('capability-subset')) return unknown;
  const unknownToOwner = unknownIn(judge(asOwner(question, tracer.userNs)).judgements);
  return unknown.filter(rule => rule === 'capability-subset' || unknownToOwner.includes(rule));
}
