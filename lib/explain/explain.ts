import type { HostFacts } from '../kernel/host.js';
import { differAsTargets } from '../kernel/other-threads.js';
import { assertPid } from '../kernel/pid.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { PtraceScope, PtraceScopeValue } from '../kernel/ptrace-scope.js';
import {
  BOOLEAN,
  CHECKED_ELSEWHERE,
  checkedOptions,
  type OptionKind,
  type OptionKinds,
  oneOf,
  SCOPE,
} from '../options.js';
import { checkAccess } from '../policy/access/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../policy/access/access-mode.js';
import { either, type Fact } from '../policy/access/fact.js';
import type { Question } from '../policy/access/question.js';
import { hasLikeThreads, threadOf, threadsOf } from '../policy/access/threads.js';
import type { RuleId, Verdict } from '../policy/access/verdict.js';
import { possibleRefusers } from '../policy/remedies/refusers.js';
import { NO_SUCH_PROCESS, type Remedy, remediesFor } from '../policy/remedies/remedies.js';
import type { SurroundingsName } from '../policy/remedies/surroundings.js';
import { type DebuggerFacts, debuggerFacts, standsForIt } from './debugger.js';
import { type Asked, asksAncestry, lookAt } from './look.js';
import { askAsStranger, askKernel, mostOpen, type Observed } from './observed.js';
import { surroundings } from './surroundings.js';

/** The tracer, and the access that the explanation is about. */
export interface ExplainOptions {
  /**
   * The pid of the tracer. By default this process, for `traceme` the target's parent. If it is the target's own pid,
   * `traceme` is asked for a program that this process would start: whether `gdb PROGRAM` would work.
   * `'stranger'`: an unrelated process with the target's own uid and gid and no capabilities.
   */
  tracer?: number | 'stranger';
  /**
   * A program, as a shell takes it: whether it could trace if the tracer started it now. Where the tracer's threads
   * differ, its first thread is the starter. The rights that the exec gives count: set-id bits, file capabilities. With
   * `traceme` the program starts the target. The kernel is asked only where the exec changes no right.
   */
  debugger?: string;
  /** The ptrace_scope to assume; the running value by default. */
  scope?: PtraceScopeValue;
  /** `attach` by default. */
  mode?: AccessMode;
  /**
   * As if the tracer had been started confined (`tracegate run --confine`): in a Landlock domain with all that it starts. False
   * by default. The kernel is then not asked.
   */
  confined?: boolean;
  /**
   * This process stands for a tracer that is not started yet and has the same rights. Remedies then name no pid of it.
   */
  hypotheticalTracer?: boolean;
}

/** The model's verdict with its steps, the kernel's own answer, and the changes that would help. */
export interface Explanation extends Verdict {
  pid: number;
  /** Field 22 of /proc/PID/stat. Together with the pid it identifies the process. */
  startTime: number | null;
  comm: string | null;
  mode: AccessMode;
  /** The rights that the debugger's exec gives, where `debugger` is given. */
  debugger: DebuggerFacts | null;
  /** The tracer, or the process that starts the debugger. A stranger has no pid. */
  tracer: { pid: number | null; comm: string | null; isSelf: boolean };
  /**
   * How a Landlock domain of the tracer is known, which /proc doesn't show. `assumption`: by the option `confined`. `tracegate`: this
   * process has started the tracer, or an ancestor of it, by spawnConfined(). `trial`: the tracer is this process, and a child of it
   * has tried how many more domains the kernel lets it enter. Null: none is known.
   */
  confined: 'assumption' | 'tracegate' | 'trial' | null;
  /** The scope that the answer is for. */
  scope: PtraceScope;
  /**
   * The kernel's answer. The kernel is asked where three conditions hold: the tracer is this process or a stranger, the
   * scope is the running one, and the access check alone decides.
   */
  observed: Observed | null;
  /** Whether the kernel and the model give the same answer. Null: one of the two is unknown. */
  agrees: boolean | null;
  /**
   * The kernel's answer where the kernel was asked, otherwise the model's verdict. Unknown where the rules allow, and only our own
   * Landlock domain has answered.
   */
  answer: 'allowed' | 'denied' | 'unknown';
  /** For a refusal: the rule that refuses, or all rules that may have refused. */
  refusedBy: RuleId[];
  /** The container, sandbox or unit of the tracer, by the marks that it leaves. Null: no marks. */
  surroundings: SurroundingsName | null;
  /** From what opens least to what opens most. Empty where the answer is `allowed` or `unknown`. */
  remedies: Remedy[];
  /** With a debugger, the tracer's facts are those after its exec. */
  facts: { host: HostFacts; tracer: ProcessFacts; target: ProcessFacts | null };
}

const PROGRAM: OptionKind = {
  wanted: 'the path of a program, or the name of one in PATH',
  accepts: value => typeof value === 'string' && value !== '' && !value.includes('\0'),
};

const OPTIONS: OptionKinds<ExplainOptions> = {
  // An invalid pid has an error of its own.
  tracer: CHECKED_ELSEWHERE,
  debugger: PROGRAM,
  scope: SCOPE,
  mode: oneOf(ACCESS_MODES),
  confined: BOOLEAN,
  hypotheticalTracer: BOOLEAN,
};

/** The question that the verdict is about. Where threads have different rights, it is about two threads. */
function askedIn({ threads }: Verdict, question: Question | null): Question | null {
  if (question === null || threads === null) return question;
  const { tracer, target } = question;
  return { ...question, tracer: threadOf(tracer, threads.tracer), target: threadOf(target, threads.target) };
}

/** The rules that refused, by the model. Where only the kernel refused: all rules that may have. */
function refusers(
  computed: Verdict,
  question: Question | null,
  observed: Observed | null,
  answer: Explanation['answer'],
): RuleId[] {
  if (observed?.answeredBy === 'seccomp') return answer === 'denied' ? ['seccomp'] : [];
  if (computed.verdict === 'denied') return answer === 'allowed' ? [] : [computed.decidedBy];
  if (computed.verdict === 'unknown' && question !== null)
    return answer === 'allowed' ? [] : possibleRefusers(question);
  if (answer !== 'denied') return [];
  return question?.isConfined === false ? ['other-lsm'] : ['landlock', 'other-lsm'];
}

/** Rules outside of the access check, which is the only part of the kernel's rules that can be asked without effect. */
const OUTSIDE_THE_CHECK: readonly RuleId[] = [
  'no-such-process',
  'exec',
  'kernel-thread',
  'same-thread-group',
  'zombie',
  'already-traced',
];

/** For `perf` the whole call is asked, and only an exec comes before it. */
const OUTSIDE_THE_PERF_CALL: readonly RuleId[] = ['exec'];

/** Whether one of those rules decides. Null: one of them may. */
function decidesOutsideCheck({ steps }: Verdict, mode: AccessMode): Fact {
  const rules = mode === 'perf' ? OUTSIDE_THE_PERF_CALL : OUTSIDE_THE_CHECK;
  const outside = steps.filter(({ rule }) => rules.includes(rule)).map(({ outcome }) => outcome);
  return outside
    .map((outcome): Fact => (outcome === 'unknown' ? null : outcome !== 'pass'))
    .reduce(either, false);
}

/** Asks about the first thread of a process, and about one thread for each different set of rights. */
function askAboutThreads(
  target: ProcessFacts,
  ask: (tid: number, mode: AccessMode) => Observed | null,
  mode: AccessMode,
): Observed | null {
  const others =
    mode === 'traceme' ? [] : threadsOf(target).filter(thread => differAsTargets(thread, target));
  const threads = [target, ...others];
  const tids = new Set(threads.map(({ pid }) => pid));
  return mostOpen([...tids].flatMap(tid => ask(tid, mode) ?? []));
}

function compare({ verdict }: Verdict, observed: Observed | null): boolean | null {
  if (observed === null || observed.outcome === 'unknown' || verdict === 'unknown') return null;
  return observed.outcome === verdict;
}

/** The kernel's answer, where this process or a stranger can ask for the tracer now. */
function observe(asked: Asked, options: ExplainOptions, outside: Fact): Observed | null {
  const { mode = 'attach', tracer: asker } = options;
  const { snapshot, host, program, starter, target } = asked;
  const isRunning = JSON.stringify(host.yama) === JSON.stringify(snapshot.host.yama);
  if (target === null || !isRunning || options.confined === true || outside === true) return null;
  const askUs = (isAsWe: boolean) =>
    isAsWe && hasLikeThreads(starter) ? askAboutThreads(target, askKernel, mode) : null;
  if (program !== undefined)
    return askUs(standsForIt(program, asked.tracer, target, snapshot, asksAncestry(options, host.yama)));
  if (asker === 'stranger') return askAboutThreads(target, askAsStranger, mode);
  // A child of this process asks for TRACEME. It stands for a target that is a child of this process.
  return askUs(starter.pid === process.pid && (mode !== 'traceme' || target.ppid === process.pid));
}

function explainOnce(pid: number, options: ExplainOptions): Explanation {
  const { mode = 'attach', hypotheticalTracer = false } = options;
  const asked = lookAt(pid, options);
  const { snapshot, host, starter, seenTarget, tracer, target, program, domain } = asked;
  const { isConfined } = domain;
  const computed = checkAccess(tracer, target, host, mode, program, isConfined);
  const question: Question | null =
    target === null ? null : { tracer, target, host, mode, program, isConfined };
  const outside = decidesOutsideCheck(computed, mode);
  const observed = observe(asked, options, outside);
  // A refusal by the check refuses the whole. If the check allows the access, a rule outside of the check may still
  // refuse.
  const isFinal = observed?.outcome === 'denied' || (observed?.outcome === 'allowed' && outside === false);
  // The kernel refused, and that says nothing about the tracer. It says even less that the tracer is allowed.
  const isOpen = observed?.answeredBy === 'landlock' && computed.verdict === 'allowed';
  const answer = isFinal ? observed.outcome : isOpen ? 'unknown' : computed.verdict;
  const refusedBy = refusers(computed, askedIn(computed, question), observed, answer);
  const around = surroundings('/', process.env, starter.pid > 0 ? starter.pid : 'self');
  const isSelf = starter.pid === process.pid;
  const isToBeStarted = isSelf && hypotheticalTracer && program === undefined;
  const remedies = (): Remedy[] => {
    if (question === null) return [...NO_SUCH_PROCESS];
    if (answer !== 'denied') return [];
    const who = isToBeStarted ? { ...tracer, pid: 0, tgid: 0 } : tracer;
    return remediesFor({ ...question, tracer: who }, refusedBy, around);
  };
  return {
    pid,
    startTime: seenTarget?.startTime ?? null,
    comm: seenTarget?.comm ?? null,
    mode,
    debugger: program === undefined ? null : debuggerFacts(program, host),
    tracer: { pid: options.tracer === 'stranger' ? null : starter.pid, comm: starter.comm, isSelf },
    confined: domain.by,
    scope: host.yama,
    ...computed,
    observed,
    agrees: compare(computed, observed),
    answer,
    refusedBy,
    surroundings: around.name,
    remedies: remedies(),
    facts: { host: { ...snapshot.host }, tracer, target },
  };
}

/**
 * Explains why a process may or may not be traced:
 * - every rule of the kernel in its order, with the facts of both sides
 * - the kernel's own answer, where the kernel can be asked without harm
 * - the changes that would alter the answer, from what opens least to what opens most
 *
 * If the kernel is asked and Yama refuses, Yama writes a line to the kernel's log.
 *
 * Applies to: another process. A pid that no process has is an answer: the rule `no-such-process` decides.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); the reference of each rule is in its step
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`; the latter also if there is no such `debugger`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SyscallError `ESRCH` if no process has the tracer's pid
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/explain-guide.md
 * @example
 * ```js
 * import { explainSync } from 'tracegate/explain';
 * import { spawnRelative } from 'tracegate/testing';
 *
 * const child = await spawnRelative('child');
 * await child.setDumpable('disabled');
 * const { answer, steps } = explainSync(child.pid, { tracer: 'stranger' });
 * console.log(answer); // denied
 * for (const { rule, outcome, because } of steps) console.error(rule, outcome, because);
 * await child.end();
 * ```
 */
export function explainSync(pid: number, options: ExplainOptions = {}): Explanation {
  assertPid(pid);
  const asked = checkedOptions(options, OPTIONS);
  if (asked.tracer !== undefined && asked.tracer !== 'stranger') assertPid(asked.tracer);
  const explanation = explainOnce(pid, asked);
  // A fact may have changed between the look and the question. A second look shows whether the answers really differ.
  return explanation.agrees === false ? explainOnce(pid, asked) : explanation;
}
