import { SyscallError } from '../errors.js';
import { type HostFacts, observeProcesses, type Snapshot } from '../kernel/host.js';
import { differAsTargets } from '../kernel/other-threads.js';
import { assertPid } from '../kernel/pid.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { type PtraceScope, type PtraceScopeValue, parsePtraceScope } from '../kernel/yama.js';
import { BOOLEAN, CHECKED_ELSEWHERE, checkedOptions, type OptionKinds, oneOf, SCOPE } from '../options.js';
import { checkAccess } from '../policy/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../policy/access-mode.js';
import { either, type Fact } from '../policy/fact.js';
import { hypotheticalProcess } from '../policy/hypothetical.js';
import type { Host, Question } from '../policy/question.js';
import { possibleRefusers } from '../policy/refusers.js';
import { NO_SUCH_PROCESS, type Remedy, remediesFor } from '../policy/remedies.js';
import type { SurroundingsName } from '../policy/surroundings.js';
import { hasLikeThreads, threadOf, threadsOf } from '../policy/threads.js';
import type { RuleId, Verdict } from '../policy/verdict.js';
import { askAsStranger, askKernel, mostOpen, type Observed } from './observed.js';
import { surroundings } from './surroundings.js';

export interface ExplainOptions {
  /**
   * The pid of who would trace; this process by default, for `traceme` the target's parent. Where that is the target's
   * own pid, `traceme` is asked for a program that this process would start: whether `gdb PROGRAM` would work.
   * `'stranger'`: an unrelated process with the target's own uid and gid and no capabilities.
   */
  tracer?: number | 'stranger';
  /** As if ptrace_scope were this; the running value by default. */
  scope?: PtraceScopeValue;
  /** `attach` by default. */
  mode?: AccessMode;
  /** This process only stands for a tracer that is still to be started with its rights: what to do names no pid of it. */
  standsIn?: boolean;
}

/** The model's verdict with its steps, what the kernel said beside it, and what would change it. */
export interface Explanation extends Verdict {
  pid: number;
  startTime: number | null;
  comm: string | null;
  mode: AccessMode;
  /** A stranger has no pid. */
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
  facts: { host: HostFacts; tracer: ProcessFacts; target: ProcessFacts | null };
}

const OPTIONS: OptionKinds<ExplainOptions> = {
  // What is no pid has an error of its own.
  tracer: CHECKED_ELSEWHERE,
  scope: SCOPE,
  mode: oneOf(ACCESS_MODES),
  standsIn: BOOLEAN,
};

interface Seen {
  snapshot: Snapshot;
  tracer: ProcessFacts;
  target: ProcessFacts | null;
}

/** Whether ancestry could decide: else the way up need not be read. */
function asksAncestry({ scope, mode }: ExplainOptions, running: PtraceScope): boolean {
  if (mode === 'traceme') return true;
  const yama = scope === undefined ? running : parsePtraceScope(`${scope}`);
  return yama.state === 'present' ? yama.value === 1 : yama.state === 'unknown';
}

function look(pid: number, options: ExplainOptions): Seen {
  const { tracer, mode } = options;
  const snapshot = observeProcesses([pid, typeof tracer === 'number' ? tracer : process.pid], yama =>
    asksAncestry(options, yama),
  );
  const find = (wanted: number | null) => snapshot.processes.find(facts => facts.pid === wanted);
  const target = find(pid) ?? null;
  if (tracer === 'stranger') return { snapshot, tracer: strangerTo(target, snapshot), target };
  const asks = tracer ?? (mode === 'traceme' && target !== null ? target.ppid : process.pid);
  const tracerFacts = find(asks);
  if (tracerFacts === undefined) {
    throw new SyscallError(ESRCH, {
      syscall: 'open',
      ...(asks !== null && { pid: asks }),
      because: `no process has the tracer's pid ${asks}`,
    });
  }
  const isOfChild = mode === 'traceme' && asks === pid;
  return { snapshot, tracer: tracerFacts, target: isOfChild ? childOf(tracerFacts) : target };
}

const ESRCH = 3;

function strangerTo(target: ProcessFacts | null, { host }: Snapshot): ProcessFacts {
  const [uid, gid] = [target?.uids.effective ?? null, target?.gids.effective ?? null];
  return hypotheticalProcess({ uid, gid, userNs: host.observedAs.userNs });
}

/** What it would start: with its rights, and traced by nobody yet. */
function childOf(parent: ProcessFacts): ProcessFacts {
  return { ...parent, ppid: parent.pid, tracerPid: 0, tracerTgid: 0, declaredTracer: 'none' };
}

/** The question that the verdict is about: of two threads, where those of a process have different rights. */
function askedIn(
  { threads }: Verdict,
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: AccessMode,
): Question | null {
  if (target === null) return null;
  if (threads === null) return { tracer, target, host, mode };
  return { tracer: threadOf(tracer, threads.tracer), target: threadOf(target, threads.target), host, mode };
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
  'kernel-thread',
  'same-thread-group',
  'zombie',
  'already-traced',
];

/** Whether one of those surely decides, or may: null. Of perf the whole call is asked, and nothing is beside it. */
function decidesBeside({ steps }: Verdict, mode: AccessMode): Fact {
  if (mode === 'perf') return false;
  const beside = steps.filter(({ rule }) => BESIDE_THE_CHECK.includes(rule)).map(({ outcome }) => outcome);
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

function explainOnce(pid: number, options: ExplainOptions): Explanation {
  const { mode = 'attach', scope, standsIn = false } = options;
  const { snapshot, tracer, target } = look(pid, options);
  const host: Host = {
    ...snapshot.host,
    processes: snapshot.processes,
    ...(scope !== undefined && { yama: parsePtraceScope(`${scope}`) }),
  };
  const computed = checkAccess(tracer, target, host, mode);
  const isStranger = options.tracer === 'stranger';
  const isSelf = tracer.pid === process.pid;
  // What asks for TRACEME is a child of ours: it stands for the target where that would be one.
  const asksUs =
    isStranger || (isSelf && hasLikeThreads(tracer) && (mode !== 'traceme' || target?.ppid === process.pid));
  const isRunning = scope === undefined || JSON.stringify(host.yama) === JSON.stringify(snapshot.host.yama);
  const beside = decidesBeside(computed, mode);
  const canAsk = asksUs && isRunning && target !== null && beside !== true;
  const observed = canAsk ? askAboutThreads(target, isStranger ? askAsStranger : askKernel, mode) : null;
  // A refusal of the check is one of the whole; that it lets pass is not enough where more may refuse.
  const isFinal = observed?.outcome === 'denied' || (observed?.outcome === 'allowed' && beside === false);
  const answer = isFinal ? observed.outcome : computed.verdict;
  const refusedBy = refusers(computed, askedIn(computed, tracer, target, host, mode), observed, answer);
  const around = surroundings('/', process.env, tracer.pid > 0 ? tracer.pid : 'self');
  return {
    pid,
    startTime: target?.startTime ?? null,
    comm: target?.comm ?? null,
    mode,
    tracer: { pid: isStranger ? null : tracer.pid, comm: tracer.comm, isSelf },
    scope: host.yama,
    ...computed,
    observed,
    agrees: compare(computed, observed),
    answer,
    refusedBy,
    surroundings: around.name,
    remedies:
      target === null
        ? [...NO_SUCH_PROCESS]
        : answer === 'denied'
          ? remediesFor(
              { tracer: isSelf && standsIn ? { ...tracer, pid: 0, tgid: 0 } : tracer, target, host, mode },
              refusedBy,
              around,
            )
          : [],
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
export function explain(pid: number, options: ExplainOptions = {}): Explanation {
  assertPid(pid);
  const asked = checkedOptions(options, OPTIONS);
  if (asked.tracer !== undefined && asked.tracer !== 'stranger') assertPid(asked.tracer);
  const explanation = explainOnce(pid, asked);
  // Something may have changed between the look and the question: a second look tells.
  return explanation.agrees === false ? explainOnce(pid, asked) : explanation;
}
