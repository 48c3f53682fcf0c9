import { constants } from 'node:os';
import { TracegateError } from '../errors.js';
import { native } from './native.js';
import { differAsTargets, readOtherThreads } from './other-threads.js';
import {
  type Answer,
  answerFrom,
  isRefusal,
  isYes,
  outcomeOf,
  type ProbeMethod,
  type ProbeOutcome,
} from './probe-outcome.js';
import { type ProbeAs, type ProbeOptions, type Question, question } from './probe-question.js';
import { askAccess, lookAt, NO_SUCH_PROCESS, type ProbeTarget, unpackAnswer } from './probe-target.js';
import { readProcStatus, rightsIn, type Sighting } from './proc-status.js';
import { mayBeInLandlockDomain } from './security-modules.js';
import { type Asker, askHelper, askHelperSync, type HelperCommand, type HelperReply } from './stranger.js';

/** The answer to a probe, and the process that it is about. */
export interface ProbeResult extends ProbeOutcome {
  pid: number;
  /** Field 22 of /proc/PID/stat. Together with the pid it identifies the process. */
  startTime: number | null;
  comm: string | null;
  as: ProbeAs;
  method: ProbeMethod;
  /** The tracer of the target after the probe. 0: none, or one that this pid namespace can't name. */
  tracerPid: number | null;
  /** The thread that the answer is about. Null: the first thread. Another thread counts only if the first one refuses. */
  thread: number | null;
}

/** How to get the answer: it is known already, a helper asks, or this process attaches (in the thread pool, or here). */
type Plan = { answer: Answer; target: Sighting<ProbeTarget> } | { asker: Asker } | 'pool' | 'here';

const NOT_SEEN: Answer = { error: constants.errno.ENOENT, answeringCall: 'none', syscall: 'open' };

function planFor(asked: Question): Plan {
  const { as, ask, before, check } = asked;
  if (before.state === 'absent') return { answer: check ?? NO_SUCH_PROCESS, target: before };
  if (as === 'stranger') {
    if (before.state === 'hidden') return { answer: NOT_SEEN, target: before };
    return { asker: { uid: before.facts.uid, gid: before.facts.gid } };
  }
  if (as !== 'self') return { asker: as };
  if (check === null) return { asker: 'child' };
  // A refusal is final. A second question would write a second line to Yama's log.
  if (ask === 'access' || isRefusal(check)) {
    return { answer: check, target: before };
  }
  return ask === 'attach' ? { asker: 'child' } : planSeize(asked);
}

/**
 * Attaching to a child of an event loop requires that the loop stands still. Otherwise libuv would take a stop of the
 * traced child for the child's end. Therefore the loop's own thread attaches.
 */
function planSeize({ pid, before }: Question): 'pool' | 'here' {
  // For the kernel's wait, a tracee of one of our threads looks like a child. So the parent is checked first.
  const isOurs = before.state !== 'seen' || before.facts.ppid === process.pid;
  const parent = isOurs ? native().parentOf(pid) : 0;
  if (parent === 0) return 'pool';
  if (parent === 1) return 'here';
  throw new TracegateError(
    'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD',
    `process ${pid} is a child of another thread's event loop, which would mistake an attach for the end of its child: use method 'access', or ask from the thread that started it`,
  );
}

function commandFor({ pid, ask }: Question): HelperCommand {
  return ask === 'traceme' ? ask : `${ask} ${pid}`;
}

const fromHelper = (reply: HelperReply): Answer =>
  reply.state === 'answered'
    ? answerFrom(reply.error, reply.answeringCall)
    : { error: reply.error, answeringCall: 'none', syscall: reply.syscall };

/**
 * For `self`, a child of this process attaches. At ptrace_scope 1 that child is no ancestor of our descendants. If the
 * child is refused but our own access check passes, the refusal is not the answer.
 */
function ownAnswer(asked: Question, answer: Answer): Answer {
  if (asked.as !== 'self' || asked.ask !== 'attach' || isYes(answer)) return answer;
  return isYes(askAccess(asked.pid)) ? { ...answer, answeringCall: 'none' } : answer;
}

/** The target after the question, if it is still the same process. */
function targetAfter({ pid, before }: Question): Sighting<ProbeTarget> {
  if (before.state !== 'seen') return before;
  const after = lookAt(pid);
  if (after.state !== 'seen') return after;
  return before.facts.startTime === after.facts.startTime ? after : { state: 'absent' };
}

/** Such a process is in our Landlock domain, if we are in one: it inherits ours. */
function descendsFromUs(pid: number): boolean {
  for (let at = readProcStatus(pid); at.state === 'seen'; at = readProcStatus(at.facts.ppid)) {
    if (at.facts.tgid === process.pid) return true;
  }
  return false;
}

/**
 * A helper inherits our Landlock domain, which the process that it stands for need not have. So a refusal by the access check is no
 * answer, unless the target is in the domain too.
 */
function isOfOurDomain(
  { pid, as, method }: Question,
  { outcome, reason, answeredBy }: ProbeOutcome,
): boolean {
  if (as === 'self' || method === 'traceme') return false;
  if (outcome !== 'denied' || reason !== null || answeredBy !== 'kernel') return false;
  return mayBeInLandlockDomain() && !descendsFromUs(pid);
}

function result(asked: Question, answer: Answer, target = targetAfter(asked)): ProbeResult {
  const { pid, method, as } = asked;
  const facts = target.state === 'seen' ? target.facts : null;
  const outcome = outcomeOf(method, ownAnswer(asked, answer), target, as === 'self' ? process.pid : null);
  return {
    pid,
    startTime: facts?.startTime ?? null,
    comm: facts?.comm ?? null,
    as,
    method,
    ...outcome,
    ...(isOfOurDomain(asked, outcome) && { outcome: 'unknown', reason: 'landlock' }),
    tracerPid: facts?.tracerPid ?? null,
    thread: null,
  };
}

/**
 * The threads to ask after the first thread has refused: those with other rights. The threads of a process share its
 * memory, so one open thread is enough. For a process that /proc hides the threads are unknown.
 */
function otherThreadsToAsk({ pid, outcome, reason, answeredBy, method }: ProbeResult): number[] {
  if (outcome !== 'denied' || reason === 'already-traced' || reason === 'no-such-process') return [];
  if (answeredBy !== 'kernel' || method === 'traceme' || pid === process.pid) return [];
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen' || seen.facts.tgid !== pid || seen.facts.threads === 1) return [];
  const others = readOtherThreads(pid, rightsIn(seen.facts))?.differing ?? [];
  return others.filter(thread => differAsTargets(thread, seen.facts)).map(({ tid }) => tid);
}

/** From closed to open. A thread that is only traced already opens again when its tracer leaves. */
function openness({ outcome, reason }: ProbeResult): number {
  if (outcome === 'allowed') return 4;
  if (outcome === 'unknown') return 3;
  return reason === 'already-traced' ? 2 : reason === 'no-such-process' ? 0 : 1;
}

/** A process is as open as its most open thread. */
function moreOpen(first: ProbeResult, other: ProbeResult): ProbeResult {
  if (openness(other) <= openness(first)) return first;
  const { outcome, reason, code, syscall, answeredBy, tracerPid, pid } = other;
  return { ...first, outcome, reason, code, syscall, answeredBy, tracerPid, thread: pid };
}

async function probeThread(pid: number, options: ProbeOptions): Promise<ProbeResult> {
  const asked = question(pid, options);
  const plan = planFor(asked);
  if (plan === 'pool') return result(asked, unpackAnswer(await native().probeSeizeAsync(pid)));
  if (plan === 'here') return result(asked, unpackAnswer(native().probeSeize(pid)));
  if ('answer' in plan) return result(asked, plan.answer, plan.target);
  return result(asked, fromHelper(await askHelper(plan.asker, commandFor(asked))));
}

async function probeNow(pid: number, options: ProbeOptions): Promise<ProbeResult> {
  let answer = await probeThread(pid, options);
  for (const tid of otherThreadsToAsk(answer)) answer = moreOpen(answer, await probeThread(tid, options));
  return answer;
}

const lastProbe = new Map<number, Promise<unknown>>();

/** Runs the probes of one target one after another. Simultaneous attaches would meet each other as tracers. */
function inTurn(pid: number, next: () => Promise<ProbeResult>): Promise<ProbeResult> {
  const turn = (lastProbe.get(pid) ?? Promise.resolve()).then(next, next);
  const forget = () => void (lastProbe.get(pid) === turn && lastProbe.delete(pid));
  turn.then(forget, forget);
  lastProbe.set(pid, turn);
  return turn;
}

/**
 * Asks the kernel whether a process may be attached to. A refusal is an answer, not an exception. The target is not
 * signalled and not left traced; only `attach` stops it. If the first thread refuses, threads with other rights are asked
 * too.
 *
 * Applies to: another process. If Yama refuses, Yama writes a line to the kernel's log.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access() and ptrace_attach(); mm/process_vm_access.c,
 * process_vm_rw_core(); kernel/pid.c, pidfd_getfd()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_CHILD_OF_OTHER_THREAD` for an attach to a child of another thread's event loop
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/library.md
 * @example
 * ```js
 * import { spawn } from 'node:child_process';
 * import { probe } from 'tracegate';
 *
 * const child = spawn('sleep', ['60']);
 * const { outcome, comm, method } = await probe(child.pid, { method: 'seize' });
 * console.log(outcome, comm, method); // allowed sleep seize
 * child.kill();
 * ```
 */
export async function probe(pid: number, options: ProbeOptions = {}): Promise<ProbeResult> {
  const { method } = options;
  const attaches = method === 'seize' || method === 'attach';
  return attaches ? inTurn(pid, () => probeNow(pid, options)) : probeNow(pid, options);
}

function probeThreadSync(pid: number, options: ProbeOptions): ProbeResult {
  const asked = question(pid, options);
  const plan = planFor(asked);
  if (plan === 'pool' || plan === 'here') return result(asked, unpackAnswer(native().probeSeize(pid)));
  if ('answer' in plan) return result(asked, plan.answer, plan.target);
  return result(asked, fromHelper(askHelperSync(plan.asker, commandFor(asked))));
}

/**
 * As {@link probe}, but blocks the event loop until the answer.
 *
 * Applies to: another process.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access() and ptrace_attach()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_CHILD_OF_OTHER_THREAD` for an attach to a child of another thread's event loop
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/benchmarks.md has the time of a call
 * @example
 * ```js
 * import { probeSync } from 'tracegate';
 *
 * const { outcome, reason } = probeSync(2 ** 22 + 1); // no pid is that large
 * console.log(outcome, reason); // denied no-such-process
 * ```
 */
export function probeSync(pid: number, options: ProbeOptions = {}): ProbeResult {
  let answer = probeThreadSync(pid, options);
  for (const tid of otherThreadsToAsk(answer)) answer = moreOpen(answer, probeThreadSync(tid, options));
  return answer;
}
