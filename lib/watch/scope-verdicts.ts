import type { Way } from '../kernel/access-events.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { type PtraceScope, type PtraceScopeValue, scopeOf, yamaDemand } from '../kernel/ptrace-scope.js';
import { judge } from '../policy/access/access-check.js';
import type { Fact } from '../policy/access/fact.js';
import type { Host, Question } from '../policy/access/question.js';
import type { RuleId } from '../policy/access/verdict.js';
import { remediesFor } from '../policy/remedies/remedies.js';
import type { Surroundings } from '../policy/remedies/surroundings.js';
import { accessModeOf, asksYama } from './access-mode.js';
import type { ScopeVerdict, ScopeVerdicts } from './recording.js';

/** An access that the kernel has decided, with the facts at that time. */
export interface DecidedAccess {
  way: Way;
  mode: number;
  decision: 'allowed' | 'refused';
  /** The ptrace_scope at the decision is `host.yama`. */
  host: Host;
  tracer: ProcessFacts;
  target: ProcessFacts;
  /** The tracer's. Null: it isn't known. */
  program: string | null;
  /** Whether the tracer would be attached to the target already, at ptrace_scope 0, 1, 2 and 3. */
  attached: readonly [Fact, Fact, Fact, Fact];
  surroundings: Surroundings;
  /** Whether the tracer is in a Landlock domain that the target is outside of, where this process has made the domain. */
  isConfined: Fact | undefined;
}

const SCOPES = [0, 1, 2, 3] as const;

const YAMA: readonly RuleId[] = ['yama-scope', 'yama-relation'];

/** The rules of __ptrace_may_access(). The event says that the call came that far: no rule before has refused it. */
const CHECK: readonly RuleId[] = [
  'credentials',
  'dumpable',
  'capability-subset',
  'landlock',
  ...YAMA,
  'other-lsm',
];

const allowed = (rule: RuleId | null, because: string): ScopeVerdict => ({
  verdict: 'allowed',
  rule,
  because,
  remedies: [],
  unknown: [],
});

const unknown = (rule: RuleId | null, because: string, unseen: string[]): ScopeVerdict => ({
  verdict: 'unknown',
  rule,
  because,
  remedies: [],
  unknown: unseen,
});

/** The question at a scope. The tracer's seccomp filter has allowed the call. */
function questionAt(scope: PtraceScope, asAttached: Fact, access: DecidedAccess): Question {
  const { way, mode, host, tracer, target, isConfined } = access;
  const tracerPid = asAttached === true ? tracer.pid : asAttached === false ? 0 : null;
  const tracerTgid = asAttached === true ? tracer.tgid : tracerPid;
  return {
    tracer: { ...tracer, seccomp: 'none' },
    target: { ...target, tracerPid, tracerTgid },
    host: { ...host, yama: scope },
    mode: accessModeOf(way, mode),
    recorded: { program: access.program },
    isConfined,
  };
}

/** What would allow it. The tracer of a remedy is the next one of its kind, so no pid names it. */
function refused(
  question: Question,
  rule: RuleId | null,
  because: string,
  around: Surroundings,
): ScopeVerdict {
  const next: Question = { ...question, tracer: { ...question.tracer, pid: 0, tgid: 0 } };
  // That another scope is set is no remedy for an access at ptrace_scope 3, where nothing else would help.
  const isHopeless = yamaDemand(question.host.yama) === 'impossible';
  const remedies = rule === null || isHopeless ? [] : remediesFor(next, [rule], around);
  return { verdict: 'refused', rule, because, remedies, unknown: [] };
}

/** The answer of some of the rules: the first refusal, otherwise the first that isn't known, otherwise the last. */
function answerOf(question: Question, rules: readonly RuleId[], around: Surroundings): ScopeVerdict {
  const judgements = judge(question).judgements.filter(({ rule }) => rules.includes(rule));
  const denial = judgements.find(({ outcome }) => outcome === 'deny');
  if (denial !== undefined) return refused(question, denial.rule, denial.because(question), around);
  const unseen = judgements.filter(({ outcome }) => outcome === 'unknown');
  const [first] = unseen;
  if (first !== undefined) {
    const texts = unseen.map(({ because }) => because(question));
    return unknown(first.rule, texts[0] ?? '', texts);
  }
  const last = judgements.at(-1);
  return allowed(last?.rule ?? null, last?.because(question) ?? '');
}

const CHANGED = 'the facts that were read after the event contradict the decision, so they have changed';

/** The kernel allowed it: every rule but Yama's allows it at each scope, and a less strict scope asks for less. */
function afterAllowance(
  scope: PtraceScopeValue,
  running: PtraceScopeValue,
  access: DecidedAccess,
): ScopeVerdict {
  if (scope <= running) {
    const more = scope === running ? '' : `, which asks for more than ptrace_scope ${scope}`;
    return allowed(null, `the kernel allowed it at ptrace_scope ${running}${more}`);
  }
  const { attached, surroundings } = access;
  const answer = answerOf(questionAt(scopeOf(scope), attached[scope], access), YAMA, surroundings);
  // At ptrace_scope 3 no fact of the two processes counts.
  if (running === 0 || scope === 3) return answer;
  const now = answerOf(questionAt(scopeOf(running), attached[running], access), YAMA, surroundings);
  return now.verdict === 'refused' ? unknown(now.rule, CHANGED, [CHANGED]) : answer;
}

const REFUSED_BY_ANY =
  'the kernel refused it by a rule that is not seen, which may also refuse it at this scope';
const HIDDEN = unknown(null, REFUSED_BY_ANY, [REFUSED_BY_ANY]);

/** The kernel refused it: a stricter scope refuses it too. */
function afterRefusal(
  scope: PtraceScopeValue,
  running: PtraceScopeValue | 'unseen',
  access: DecidedAccess,
): ScopeVerdict {
  const { host, attached, surroundings } = access;
  const question = questionAt(scopeOf(scope), attached[scope], access);
  const answer = answerOf(question, CHECK, surroundings);
  if (running === 'unseen' && scope < 3) return answer.verdict === 'allowed' ? HIDDEN : answer;
  if (running === 'unseen' || scope >= running) {
    if (answer.verdict === 'refused') return answer;
    return refused(question, null, 'the kernel refused it; which rule did is not seen', surroundings);
  }
  const now = answerOf(questionAt(host.yama, attached[running], access), CHECK, surroundings);
  if (now.verdict !== 'allowed' || answer.verdict === 'refused') return answer;
  return HIDDEN;
}

/** READ access, which Yama leaves alone. */
function ofRead(access: DecidedAccess): ScopeVerdict {
  const because = 'Yama checks ATTACH access only; READ access is the same at every ptrace_scope';
  if (access.decision === 'allowed') return allowed('yama-scope', because);
  const question = questionAt(access.host.yama, false, access);
  const answer = answerOf(question, CHECK, access.surroundings);
  if (answer.verdict === 'refused') return answer;
  return refused(question, null, 'the kernel refused it; which rule did is not seen', access.surroundings);
}

/**
 * The verdict at each ptrace_scope. It builds on the kernel's decision: an access that was allowed has passed all rules of that
 * time, and only Yama's rules depend on the scope.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); security/yama/yama_lsm.c, yama_ptrace_access_check() and
 * yama_ptrace_traceme(), where each scope from 0 to 3 refuses what the one before it refuses
 */
export function scopeVerdicts(access: DecidedAccess): ScopeVerdicts {
  const { way, mode, decision, host } = access;
  if (!asksYama(way, mode)) {
    const verdict = ofRead(access);
    return [verdict, verdict, verdict, verdict];
  }
  const { yama } = host;
  const running = yama.state === 'present' ? yama.value : yama.state === 'absent' ? 0 : 'unseen';
  return SCOPES.map(scope =>
    decision === 'allowed'
      ? // Whatever the scope was, ptrace_scope 0 asks for nothing more than the rules that have been passed.
        afterAllowance(scope, running === 'unseen' ? 0 : running, access)
      : afterRefusal(scope, running, access),
  ) as ScopeVerdicts;
}
