/// <reference lib="esnext.disposable" preserve="true" />
import { constants } from 'node:os';
import { badArgument, SyscallError, TracegateError } from '../errors.js';
import { observeProcesses } from '../kernel/host.js';
import { native } from '../kernel/native.js';
import { assertPid } from '../kernel/pid.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { factsOf } from '../kernel/read-process-facts.js';
import { ownTracer } from '../kernel/trace-status.js';
import { readPtraceScope } from '../kernel/yama.js';
import {
  ABORT_SIGNAL,
  BOOLEAN,
  checkedOptions,
  integer,
  LARGEST_INT,
  type OptionKinds,
  oneOf,
} from '../options.js';
import { checkAccess } from '../policy/access/access-check.js';
import { assertOpens, effectAt, type OpeningEffect } from './effect.js';

/** Identifies a process by pid and start time, since the kernel uses a pid again after its process has ended. */
export interface DebuggerIdentity {
  pid: number;
  startTime: number;
  comm: string;
}

/** How long a grant lasts, and what it may allow. */
export interface AllowDebuggerOptions {
  /**
   * Milliseconds until the grant expires, by a clock that also runs while the machine sleeps. Without `ttl` the grant has no
   * time limit.
   */
  ttl?: number;
  /** An abort of this signal ends the grant. */
  signal?: AbortSignal;
  /** The debugger's start time (field 22 of /proc/PID/stat), if known: another process with that pid gets no grant. */
  startTime?: number;
  /** Opens the grant even if this kernel then allows every process of this uid to attach. */
  allowSameUid?: boolean;
  /** While another grant is open: `refuse` the new one (default), or wait for the end of the other (`queue`). */
  whenBusy?: 'refuse' | 'queue';
}

/** How a grant ended. During the grant the debugger may attach several times. */
export interface GrantEnd {
  /** `expired`: by `ttl`. `aborted`: by `signal`. */
  by: 'revoked' | 'expired' | 'aborted' | 'debugger-ended';
  /**
   * The pid of a tracer that is still attached, or null. The tracer stays attached after the grant, but can no longer read
   * memory by ptrace.
   */
  stillTracedBy: number | null;
}

/** An open grant. `using` ends it with its block, `await using` also waits for the end. */
export interface DebuggerGrant extends Disposable, AsyncDisposable {
  /** The process that may attach, with its descendants. */
  debugger: DebuggerIdentity | 'any';
  effect: OpeningEffect['effect'];
  /** The effect in words, with the running ptrace_scope. */
  reason: string;
  /** The model's answer for this debugger with the grant open. The kernel still refuses a debugger of another uid, for example. */
  predicted: { verdict: 'allowed' | 'denied' | 'unknown'; because: string };
  /** The time at which the grant expires; null without a `ttl`. */
  expiresAt: Date | null;
  /** Ends the grant. The process is closed when the call returns. */
  revoke(): void;
  /** Resolves when the grant has ended; never rejects. */
  done: Promise<GrantEnd>;
  /** As ref() of a timer. An open grant keeps the process running unless unref() was called. */
  ref(): void;
  /** As unref() of a timer. */
  unref(): void;
}

export const GRANT_OPTIONS: OptionKinds<AllowDebuggerOptions> = {
  ttl: integer('milliseconds'),
  signal: ABORT_SIGNAL,
  startTime: integer('an integer', 0, Number.MAX_SAFE_INTEGER),
  allowSameUid: BOOLEAN,
  whenBusy: oneOf(['refuse', 'queue']),
};

function checkPid(pid: number): void {
  assertPid(pid);
  const reason =
    pid === process.pid
      ? 'a process cannot attach to itself'
      : pid === 1
        ? "every process descends from pid 1, and would be declared: use 'any' to allow them all"
        : null;
  if (reason !== null) throw badArgument(RangeError, 'ERR_TRACEGATE_INVALID_PID', `pid ${pid}: ${reason}`);
}

const { ESRCH, EBUSY } = constants.errno;

const noSuchProcess = (pid: number, because: string) =>
  new SyscallError(ESRCH, { syscall: 'pidfd_open', pid, because });

function identify(pid: number, startTime: number | undefined): DebuggerIdentity {
  checkPid(pid);
  const facts = factsOf(pid);
  if (facts === null) throw noSuchProcess(pid, `no process has pid ${pid}`);
  if (facts.tgid !== null && facts.tgid !== pid) {
    const text = `pid ${pid} is a thread: its process is ${facts.tgid}`;
    throw badArgument(RangeError, 'ERR_TRACEGATE_INVALID_PID', text);
  }
  if (facts.startTime === null || facts.comm === null)
    throw noSuchProcess(pid, `/proc hides process ${pid}, so its identity cannot be checked`);
  if (startTime !== undefined && facts.startTime !== startTime)
    throw noSuchProcess(pid, `pid ${pid} belongs to another process now: the intended one has ended`);
  return { pid, startTime: facts.startTime, comm: facts.comm };
}

/** Asks the model for the result of the debugger's attach, with this process dumpable and the debugger declared. */
function predictionFor(debuggerPid: number | 'any'): DebuggerGrant['predicted'] {
  if (debuggerPid === 'any')
    return { verdict: 'unknown', because: 'each debugger has to pass the rules for its uid' };
  const { host, processes } = observeProcesses([debuggerPid, process.pid], () => true, false);
  const find = (pid: number) => processes.find(facts => facts.pid === pid);
  const [tracer, self] = [find(debuggerPid), find(process.pid)];
  if (tracer === undefined || self === undefined)
    return { verdict: 'unknown', because: 'the debugger has ended' };
  const target: ProcessFacts = { ...self, dumpable: true, declaredTracer: debuggerPid };
  const { verdict, decidedBy, steps } = checkAccess(tracer, target, { ...host, processes }, 'attach');
  if (verdict === 'allowed') return { verdict, because: 'every rule that can be seen passes' };
  return { verdict, because: steps.find(({ rule }) => rule === decidedBy)?.because ?? decidedBy };
}

/** The open grant of this thread. The kernel has one slot for the whole process. */
let current: Promise<GrantEnd> | null = null;

const active = (where: string) =>
  new TracegateError(
    'ERR_TRACEGATE_GRANT_ACTIVE',
    `another debugger is allowed now${where}, and a process can allow only one: wait for its grant's done, revoke it, or use whenBusy: 'queue'`,
  );

/** Waits until the grant has ended or the signal aborts. */
async function endOf(grant: Promise<GrantEnd>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return void (await grant);
  const waiting = new AbortController();
  const aborted = new Promise(resolve => {
    signal.addEventListener('abort', resolve, { once: true, signal: waiting.signal });
  });
  await Promise.race([grant, aborted]);
  waiting.abort();
}

/** The ends of native/debugger/grant.h, by number. */
const ENDS = ['revoked', 'debugger-ended', 'expired'] as const;

interface Opened {
  done: Promise<GrantEnd>;
  close(by: 'revoked' | 'aborted'): void;
  keepAlive: NodeJS.Timeout;
}

function open(identity: DebuggerIdentity | 'any', ttl: number | undefined, declares: boolean): Opened {
  const { pid, startTime } = identity === 'any' ? { pid: -1, startTime: -1 } : identity;
  let resolve: (end: GrantEnd) => void;
  const done = new Promise<GrantEnd>(resolver => {
    resolve = resolver;
  });
  const finish = (by: GrantEnd['by']) => {
    // After close() native code reports the end too, when another grant may already be open.
    if (current !== done) return;
    current = null;
    clearInterval(keepAlive);
    resolve({ by, stillTracedBy: ownTracer() || null });
  };
  const result = native().openGrant(pid, startTime, declares, ttl ?? -1, end => finish(ENDS[end]));
  if (result === -EBUSY) throw active(' by another thread');
  if (result === -ESRCH) throw noSuchProcess(pid, `process ${pid} has ended`);
  if (result < 0) throw new SyscallError(result, { syscall: 'prctl', request: 'PR_SET_PTRACER', pid });
  current = done;
  const keepAlive = setInterval(() => {}, LARGEST_INT);
  return {
    done,
    keepAlive,
    close(by) {
      if (current !== done) return;
      const end = native().closeGrant();
      if (end !== null) finish(end === 0 ? by : ENDS[end]);
    },
  };
}

/**
 * Allows one debugger to attach to this process for a time. The grant declares the debugger (`PR_SET_PTRACER`), and makes the
 * process dumpable if it isn't. The end of the grant restores the earlier state.
 *
 * The grant ends by `revoke()`, at the end of its `using` block, by `ttl`, by `signal`, or when the debugger ends. Native code
 * ends the grant at the `ttl` or with the debugger, also while JavaScript is busy.
 *
 * The kernel has one declared tracer for each process, so a second grant is refused or waits.
 *
 * Applies to: this process, with all its threads. Only one thread can hold a grant at a time.
 *
 * Kernel: security/yama/yama_lsm.c, yama_task_prctl() and ptracer_exception_found(); kernel/ptrace.c, __ptrace_may_access()
 *
 * @param debuggerPid a process of this pid namespace, with its threads and descendants; `'any'`: every process of this uid
 * @throws TracegateError `ERR_TRACEGATE_NOT_GRANTED`, with `effect`, if this kernel would also allow other processes, or would
 *   refuse the debugger
 * @throws TracegateError `ERR_TRACEGATE_GRANT_ACTIVE` if another grant is open, and `whenBusy` isn't `queue`, or another thread
 *   holds it
 * @throws SyscallError `ESRCH` if no process has that pid, or if a process with another start time has it
 * @throws TypeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`, also for this process, a thread, and pid 1
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @throws the reason of `signal`, if it aborts before the grant is open
 * @see docs/debugger.md
 * @example
 * ```js
 * import { spawn } from 'node:child_process';
 * import { allowDebugger } from 'tracegate/debugger';
 *
 * const gdb = spawn('sleep', ['60']); // stands for a debugger
 * const grant = await allowDebugger(gdb.pid, { ttl: 60_000, allowSameUid: true });
 * console.log(grant.debugger.comm); // sleep
 * grant.revoke();
 * console.log(await grant.done); // { by: 'revoked', stillTracedBy: null }
 * gdb.kill();
 * ```
 */
export async function allowDebugger(
  debuggerPid: number | 'any',
  options: AllowDebuggerOptions = {},
): Promise<DebuggerGrant> {
  const given = checkedOptions(options, GRANT_OPTIONS);
  const { signal, whenBusy = 'refuse' } = given;
  // The debugger is identified before any wait, so that a process that gets its pid meanwhile gets no grant.
  const identity = debuggerPid === 'any' ? 'any' : identify(debuggerPid, given.startTime);
  signal?.throwIfAborted();
  while (whenBusy === 'queue' && current !== null) {
    await endOf(current, signal);
    signal?.throwIfAborted();
  }
  return plannedGrant(identity, given).open();
}

/** A grant that isn't open yet. `open()` opens the grant. */
export interface PlannedGrant
  extends Pick<DebuggerGrant, 'debugger' | 'effect' | 'reason' | 'predicted' | 'expiresAt'> {
  open(): DebuggerGrant;
}

/** Plans a grant, and changes nothing yet. @throws as allowDebugger() */
export function planGrant(debuggerPid: number, options: AllowDebuggerOptions): PlannedGrant {
  const given = checkedOptions(options, GRANT_OPTIONS);
  return plannedGrant(identify(debuggerPid, given.startTime), given);
}

function plannedGrant(identity: DebuggerIdentity | 'any', options: AllowDebuggerOptions): PlannedGrant {
  const { ttl, allowSameUid = false } = options;
  if (current !== null) throw active('');
  const scope = readPtraceScope();
  const { effect, reason } = assertOpens(effectAt(scope), allowSameUid);
  const plan = {
    debugger: identity,
    effect,
    reason,
    predicted: predictionFor(identity === 'any' ? 'any' : identity.pid),
    expiresAt: ttl === undefined ? null : new Date(Date.now() + ttl),
  };
  return { ...plan, open: () => opened(plan, options, scope.state !== 'absent') };
}

function opened(
  plan: Omit<PlannedGrant, 'open'>,
  { ttl, signal }: AllowDebuggerOptions,
  declares: boolean,
): DebuggerGrant {
  if (current !== null) throw active('');
  const { done, close, keepAlive } = open(plan.debugger, ttl, declares);
  const abort = () => close('aborted');
  signal?.addEventListener('abort', abort, { once: true });
  void done.then(() => signal?.removeEventListener('abort', abort));
  const revoke = () => close('revoked');
  return {
    ...plan,
    revoke,
    done,
    ref: () => void keepAlive.ref(),
    unref: () => void keepAlive.unref(),
    [Symbol.dispose]: revoke,
    async [Symbol.asyncDispose]() {
      revoke();
      await done;
    },
  };
}
