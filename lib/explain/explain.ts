import type { HostFacts } from '../kernel/host.js';
import { differAsTargets } from '../kernel/other-threads.js';
import { assertPid } from '../kernel/pid.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { PtraceScope, PtraceScopeValue } from '../kernel/yama.js';
import {
  BOOLEAN,
  CHECKED_ELSEWHERE,
  checkedOptions,
  type OptionKind,
  type OptionKinds,
  oneOf,
  SCOPE,
} from '../options.js';
import { checkAccess } from '../policy/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../policy/access-mode.js';
import { either, type Fact } from '../policy/fact.js';
import type { Question } from '../policy/question.js';
import { possibleRefusers } from '../policy/refusers.js';
import { NO_SUCH_PROCESS, type Remedy, remediesFor } from '../policy/remedies.js';
import type { SurroundingsName } from '../policy/surroundings.js';
import { hasLikeThreads, threadOf, threadsOf } from '../policy/threads.js';
import type { RuleId, Verdict } from '../policy/verdict.js';
import { type DebuggerFacts, debuggerFacts, standsForIt } from './debugger.js';
import { type Asked, asksAncestry, lookAt } from './look.js';
import { askAsStranger, askKernel, mostOpen, type Observed } from './observed.js';
import { surroundings } from './surroundings.js';

export interface ExplainOptions {
  /**
   * The pid of who would trace; this process by default, for `traceme` the target's parent. Where that is the target's
   * own pid, `traceme` is asked for a program that this process would start: whether `gdb PROGRAM` would work.
   * `'stranger'`: an unrelated process with the target's own uid and gid and no capabilities.
   */
  tracer?: number | 'stranger';
  /**
   * A program, as a shell takes it: whether that could trace, were it started now by the tracer, or by its first thread where
   * threads differ. What its exec gives counts: set-id bits, file capabilities. With `traceme` it starts the target. The kernel
   * is asked only where the exec changes no right.
   */
  debugger?: string;
  /** As if ptrace_scope were this; the running value by default. */
  scope?: PtraceScopeValue;
  /** `attach` by default. */
  mode?: AccessMode;
  /** This process only stands for a tracer that is still to be started with its rights: what to do names no pid of it. */
  hypotheticalTracer?: boolean;
}

/** The model's verdict with its steps, what the kernel said beside it, and what would change it. */
export interface Explanation extends Verdict {
  pid: number;
  startTime: number | null;
  comm: string | null;
  mode: AccessMode;
  /** What a program's exec gives to it, where one is asked for. */
  debugger: DebuggerFacts | null;
  /** Who traces, or who starts the debugger. A stranger has no pid. */
  tracer: { pid: number | null; comm: string | null; isSelf: boolean };
  /** The scope that the answer is for. */
  scope: PtraceScope;
  /**
   * What the kernel answered. It is asked where the tracer is oneself or a stranger, the scope the running one, and the
   * access check alone decides.
   */
  observed: Observed | null;
  /** Whether the kernel's answer is the model's; null where one of the two is not known. */
  agrees: boolean | null;
  /** The kernel's answer where it was asked, otherwise the model's verdict. */
  answer: 'allowed' | 'denied' | 'unknown';
  /** Of a refusal: the rule that refuses, or all those that may be the one. */
  refusedBy: RuleId[];
  /** What the tracer runs in, by the marks that it leaves; null where there are none. */
  surroundings: SurroundingsName | null;
  remedies: Remedy[];
  /** Of a debugger, the tracer is what its exec makes of the process that starts it. */
  facts: { host: HostFacts; tracer: ProcessFacts; target: ProcessFacts | null };
}

const PROGRAM: OptionKind = {
  wanted: 'the path of a program, or the name of one in PATH',
  accepts: value => typeof value === 'string' && value !== '' && !value.includes('\0'),
};

const OPTIONS: OptionKinds<ExplainOptions> = {
  // What is no pid has an error of its own.
  tracer: CHECKED_ELSEWHERE,
  debugger: PROGRAM,
  scope: SCOPE,
  mode: oneOf(ACCESS_MODES),
  hypotheticalTracer: BOOLEAN,
};

/** The question that the verdict is about: of two threads, where those of a process have different rights. */
function askedIn({ threads }: Verdict, question: Question | null): Question | null {
  if (question === null || threads === null) return question;
  const { tracer, target } = question;
  return { ...question, tracer: threadOf(tracer, threads.tracer), target: threadOf(target, threads.target) };
}

/** Which rules refused: the model's, and where the kernel alone says so all those that may have. */
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
  return answer === 'denied' ? ['landlock', 'other-lsm'] : [];
}

/** What refuses, or lets in, beside the access check, which alone can be asked without doing it. */
const BESIDE_THE_CHECK: readonly RuleId[] = [
  'no-such-process',
  'exec',
  'kernel-thread',
  'same-thread-group',
  'zombie',
  'already-traced',
];

/** Of perf the whole call is asked, and only an exec comes before it. */
const BESIDE_PERF: readonly RuleId[] = ['exec'];

/** Whether one of those surely decides, or may: null. */
function decidesBeside({ steps }: Verdict, mode: AccessMode): Fact {
  const rules = mode === 'perf' ? BESIDE_PERF : BESIDE_THE_CHECK;
  const beside = steps.filter(({ rule }) => rules.includes(rule)).map(({ outcome }) => outcome);
  return beside
    .map((outcome): Fact => (outcome === 'unknown' ? null : outcome !== 'pass'))
    .reduce(either, false);
}

/** Asks about the first thread of a process and about each kind of thread that has other rights. */
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

/** What the kernel says, where it is we who would ask, now, or a stranger can ask for us. */
function observe(asked: Asked, options: ExplainOptions, beside: Fact): Observed | null {
  const { mode = 'attach', tracer: asker } = options;
  const { snapshot, host, program, starter, target } = asked;
  const isRunning = JSON.stringify(host.yama) === JSON.stringify(snapshot.host.yama);
  if (target === null || !isRunning || beside === true) return null;
  const askUs = (isAsWe: boolean) =>
    isAsWe && hasLikeThreads(starter) ? askAboutThreads(target, askKernel, mode) : null;
  if (program !== undefined)
    return askUs(standsForIt(program, asked.tracer, target, snapshot, asksAncestry(options, host.yama)));
  if (asker === 'stranger') return askAboutThreads(target, askAsStranger, mode);
  // What asks for TRACEME is a child of ours: it stands for the target where that would be one.
  return askUs(starter.pid === process.pid && (mode !== 'traceme' || target.ppid === process.pid));
}

function explainOnce(pid: number, options: ExplainOptions): Explanation {
  const { mode = 'attach', hypotheticalTracer = false } = options;
  const asked = lookAt(pid, options);
  const { snapshot, host, starter, seenTarget, tracer, target, program } = asked;
  const computed = checkAccess(tracer, target, host, mode, program);
  const question: Question | null =
    target === null ? null : { tracer, target, host, mode, ...(program !== undefined && { program }) };
  const beside = decidesBeside(computed, mode);
  const observed = observe(asked, options, beside);
  // A refusal of the check is one of the whole; that it lets pass is not enough where more may refuse.
  const isFinal = observed?.outcome === 'denied' || (observed?.outcome === 'allowed' && beside === false);
  const answer = isFinal ? observed.outcome : computed.verdict;
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
 * Why a process may or may not be traced: every rule of the kernel's in its order with the facts of both sides, what the
 * kernel itself says where it can be asked without harm, and what would change the answer, from what opens least to what
 * opens most. A refusal by Yama that is asked for so is a line in the kernel's log.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); the reference of each rule is in its step
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SyscallError `ESRCH` if no process has the tracer's pid
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function explainSync(pid: number, options: ExplainOptions = {}): Explanation {
  assertPid(pid);
  const asked = checkedOptions(options, OPTIONS);
  if (asked.tracer !== undefined && asked.tracer !== 'stranger') assertPid(asked.tracer);
  const explanation = explainOnce(pid, asked);
  // Something may have changed between the look and the question: a second look tells.
  return explanation.agrees === false ? explainOnce(pid, asked) : explanation;
}
