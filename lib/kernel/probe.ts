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
import { type Asker, askHelper, askHelperSync, type HelperCommand, type HelperReply } from './stranger.js';

export interface ProbeResult extends ProbeOutcome {
  pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it says which process was asked about. */
  startTime: number | null;
  comm: string | null;
  as: ProbeAs;
  method: ProbeMethod;
  tracerPid: number | null;
  /** The thread that the answer is about, where it has other rights than the first thread, which refuses. */
  thread: number | null;
}

/** An answer that is there already; who has to ask by the helper; or who of this process attaches. */
type Plan = { answer: Answer; target: Sighting<ProbeTarget> } | { asker: Asker } | 'pool' | 'here';

const NOT_SEEN: Answer = { error: constants.errno.ENOENT, witness: 'none', syscall: 'open' };

function planFor(asked: Question): Plan {
  const { as, ask, before, check } = asked;
  if (before.state === 'absent') return { answer: check ?? NO_SUCH_PROCESS, target: before };
  if (as === 'stranger') {
    if (before.state === 'hidden') return { answer: NOT_SEEN, target: before };
    return { asker: { uid: before.facts.uid, gid: before.facts.gid } };
  }
  if (as !== 'self') return { asker: as };
  if (check === null) return { asker: 'child' };
  // A refusal is final, and asking twice would be two lines in Yama's log.
  if (ask === 'access' || isRefusal(check)) {
    return { answer: check, target: before };
  }
  return ask === 'attach' ? { asker: 'child' } : planSeize(asked);
}

/**
 * A child that an event loop waits for may only be attached to while that loop stands still: a stop of the traced child
 * would look to libuv like its end. So the loop's own thread does it.
 */
function planSeize({ pid, before }: Question): 'pool' | 'here' {
  // What a thread of ours traces looks like its child to the kernel's wait, so the parent is asked for first.
  const isOurs = before.state !== 'seen' || before.facts.ppid === process.pid;
  const parent = isOurs ? native().parentOf(pid) : 0;
  if (parent === 0) return 'pool';
  if (parent === 1) return 'here';
  throw new TracegateError(
    'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD',
    `process ${pid} is a child of another thread's event loop, which would take an attach for its end: use method 'access', or ask from the thread that started it`,
  );
}

function commandFor({ pid, ask }: Question): HelperCommand {
  return ask === 'traceme' ? ask : `${ask} ${pid}`;
}

const fromHelper = (reply: HelperReply): Answer =>
  reply.state === 'answered'
    ? answerFrom(reply.error, reply.witness)
    : { error: reply.error, witness: 'none', syscall: reply.syscall };

/**
 * An attach "by self" is done by a child of ours, which at ptrace_scope 1 lacks our descendants. Where it is refused
 * what we ourselves may do, the refusal is not our answer.
 */
function ownAnswer(asked: Question, answer: Answer): Answer {
  if (asked.as !== 'self' || asked.ask !== 'attach' || isYes(answer)) return answer;
  return isYes(askAccess(asked.pid)) ? { ...answer, witness: 'none' } : answer;
}

/** The target after the question, if that is still the process which was asked about. */
function targetAfter({ pid, before }: Question): Sighting<ProbeTarget> {
  if (before.state !== 'seen') return before;
  const after = lookAt(pid);
  if (after.state !== 'seen') return after;
  return before.facts.startTime === after.facts.startTime ? after : { state: 'absent' };
}

function result(asked: Question, answer: Answer, target = targetAfter(asked)): ProbeResult {
  const { pid, method, as } = asked;
  const facts = target.state === 'seen' ? target.facts : null;
  return {
    pid,
    startTime: facts?.startTime ?? null,
    comm: facts?.comm ?? null,
    as,
    method,
    ...outcomeOf(method, ownAnswer(asked, answer), target, as === 'self' ? process.pid : null),
    tracerPid: facts?.tracerPid ?? null,
    thread: null,
  };
}

/**
 * Where the first thread of a process refuses: its other threads that have other rights, and so may let in. They share its
 * memory. The threads of a process that /proc hides aren't known.
 */
function otherThreadsToAsk({ pid, outcome, answeredBy, method }: ProbeResult): number[] {
  if (outcome !== 'denied' || answeredBy !== 'kernel' || method === 'traceme' || pid === process.pid)
    return [];
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen' || seen.facts.tgid !== pid || seen.facts.threads === 1) return [];
  const others = readOtherThreads(pid, rightsIn(seen.facts))?.differing ?? [];
  return others.filter(thread => differAsTargets(thread, seen.facts)).map(({ tid }) => tid);
}

/** From a refusal to what is open: a process is open where one of its threads is. */
const OUTCOMES: readonly ProbeResult['outcome'][] = [
  'no-such-process',
  'denied',
  'already-traced',
  'unknown',
  'allowed',
];

function moreOpen(first: ProbeResult, other: ProbeResult): ProbeResult {
  if (OUTCOMES.indexOf(other.outcome) <= OUTCOMES.indexOf(first.outcome)) return first;
  const { outcome, code, syscall, answeredBy, tracerPid, pid } = other;
  return { ...first, outcome, code, syscall, answeredBy, tracerPid, thread: pid };
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

/** One target, one probe after another: attaching together, they would meet each other as tracers. */
function inTurn(pid: number, next: () => Promise<ProbeResult>): Promise<ProbeResult> {
  const turn = (lastProbe.get(pid) ?? Promise.resolve()).then(next, next);
  const forget = () => void (lastProbe.get(pid) === turn && lastProbe.delete(pid));
  turn.then(forget, forget);
  lastProbe.set(pid, turn);
  return turn;
}

/**
 * Whether a process may be attached to, asked of the kernel rather than computed. A refusal is an answer, not an
 * exception. The target is not stopped (but by `attach`), signalled or left traced. Where the first thread refuses, and
 * others have other rights, those are asked too.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access() and ptrace_attach(); mm/process_vm_access.c,
 * process_vm_rw_core(); kernel/pid.c, pidfd_getfd()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_CHILD_OF_OTHER_THREAD`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`,
 *   `ERR_TRACEGATE_HELPER_FAILED`
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

/** As {@link probe}, holding the event loop for as long as it takes: docs/benchmarks.md. */
export function probeSync(pid: number, options: ProbeOptions = {}): ProbeResult {
  let answer = probeThreadSync(pid, options);
  for (const tid of otherThreadsToAsk(answer)) answer = moreOpen(answer, probeThreadSync(tid, options));
  return answer;
}
