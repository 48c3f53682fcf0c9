import { errnoName } from '../errors.js';
import type { ProcStatus, Sighting } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';

/** The way to ask: the kernel's check alone, a real attach without or with a stop, or PTRACE_TRACEME. */
export type ProbeMethod = 'access' | 'seize' | 'attach' | 'traceme';

/** native/syscall/result.h, AnsweringCall. The place in the list is the number. */
export const ANSWERING_CALLS = [
  'none',
  'pidfd_getfd',
  'process_vm_readv',
  'ptrace',
  'kcmp',
  'perf_event_open',
] as const;
export type AnsweringCall = (typeof ANSWERING_CALLS)[number];

export interface Answer {
  /** The errno. 0 is a yes, unless `byFilter` is set. */
  error: number;
  /**
   * The call that answered. `none`: no call said anything about the target, because of a time limit or an earlier
   * failure.
   */
  answeringCall: AnsweringCall;
  /**
   * A seccomp filter refuses that call to the asker. `error` is the filter's errno, or 0 where the filter ends the
   * caller.
   */
  byFilter?: boolean;
  /** The call that failed before the question could be asked. */
  syscall?: string;
}

const BY_FILTER = 1 << 8;

/** Decodes the answer of the addon and the helper. native/syscall/result.h, PackAnsweringCall() */
export function answerFrom(error: number, packedCall: number): Answer {
  const answeringCall = ANSWERING_CALLS[packedCall % BY_FILTER] ?? 'none';
  return { error, answeringCall, ...(packedCall >= BY_FILTER && { byFilter: true }) };
}

export const isYes = ({ error, byFilter }: Answer): boolean => error === 0 && byFilter !== true;

/** Whether the answer is a refusal that another way of asking would not change. */
export const isRefusal = (answer: Answer): boolean =>
  answer.byFilter === true || (answer.error !== 0 && answer.answeringCall !== 'none');

/** The name of the errno, or of the signal by which a filter ends the caller. Null for a yes. */
export function codeOf(answer: Answer): string | null {
  if (isYes(answer)) return null;
  return answer.error === 0 ? 'SIGSYS' : errnoName(answer.error);
}

/**
 * The rules that a probe itself sees refuse, by their names in explain. `landlock`: the asking helper has inherited a Landlock domain
 * of this process, so its refusal says nothing about the process that it stands for, and the outcome is unknown.
 */
export type ProbeReason =
  | 'no-such-process'
  | 'kernel-thread'
  | 'zombie'
  | 'same-thread-group'
  | 'already-traced'
  | 'landlock'
  | 'seccomp';

/** The kernel's answer to a probe. */
export interface ProbeOutcome {
  /** `unknown` doesn't mean safe: a filter, a domain, a hidden /proc or a process stuck in execve(2) kept the answer back. */
  outcome: 'allowed' | 'denied' | 'unknown';
  /** The rule that denies. Null: the access check denies, and explain() says by which of its rules; or nothing denies. */
  reason: ProbeReason | null;
  /** The errno that the asker gets; null where the access is allowed. `SIGSYS`: a seccomp filter ends the caller. */
  code: string | null;
  /** The system call that asked. */
  syscall: string | null;
  /** Which side answered: the kernel's rules, or a seccomp filter of this process, which refuses the call. */
  answeredBy: 'kernel' | 'seccomp' | null;
}

const ASKED: Record<ProbeMethod, string> = {
  access: 'pidfd_getfd',
  seize: 'ptrace',
  attach: 'ptrace',
  traceme: 'ptrace',
};

type SeenTarget = Pick<ProcStatus, 'kind' | 'tgid' | 'threads' | 'tracerPid'>;

/** The rule by which ptrace() refuses the target beside the access check. Kernel: kernel/ptrace.c, ptrace_attach() */
function refusedBeyondCheck(target: SeenTarget, askerGroup: number | null): ProbeReason | null {
  if (target.kind === 'kernel-thread' || target.kind === 'zombie') return target.kind;
  return target.tgid === askerGroup ? 'same-thread-group' : null;
}

/** Whether the first thread of the process has ended, while other threads live. */
export const isHeadless = ({ kind, threads }: Pick<ProcessFacts, 'kind' | 'threads'>): boolean =>
  kind === 'zombie' && threads !== null && threads > 1;

/**
 * The outcome, from the answer and the facts of the target. Pure.
 *
 * @param asker this process, where it asks for itself. Null: a helper asks for another process. The helper has our seccomp
 *   filters, which the other process need not have.
 */
export function outcomeOf(
  method: ProbeMethod,
  answer: Answer,
  target: Sighting<SeenTarget>,
  asker: number | null,
): ProbeOutcome {
  const syscall = answer.syscall ?? (answer.answeringCall === 'none' ? ASKED[method] : answer.answeringCall);
  const code = codeOf(answer);
  const isFilters = answer.byFilter === true;
  const answeredBy = isFilters ? 'seccomp' : answer.answeringCall === 'none' ? null : 'kernel';
  const asked = { syscall, answeredBy } as const;
  const denied = (reason: ProbeReason | null, errno = code): ProbeOutcome => ({
    outcome: 'denied',
    reason,
    code: errno,
    ...asked,
  });
  const allowed: ProbeOutcome = { outcome: 'allowed', reason: null, code, ...asked };
  const unknown = (errno = code): ProbeOutcome => ({
    outcome: 'unknown',
    reason: null,
    code: errno,
    ...asked,
  });

  if (target.state === 'absent') return denied('no-such-process', 'ESRCH');
  if (isFilters) return asker === null ? unknown() : denied('seccomp');
  const facts = target.state === 'seen' ? target.facts : null;
  if (method === 'traceme') {
    if (answer.answeringCall === 'none') return unknown();
    return code === null ? allowed : denied(null);
  }

  // The other threads live on, and a tracer may attach to each of them.
  if (facts !== null && isHeadless(facts)) return unknown('EPERM');
  // A zombie or kernel thread has no memory: process_vm_readv and pidfd_getfd may say ESRCH where ptrace says EPERM.
  const beyondCheck = facts === null ? null : refusedBeyondCheck(facts, asker);
  if (beyondCheck !== null) return denied(beyondCheck, 'EPERM');
  if (answer.answeringCall === 'none') return unknown();
  // The target ended between the question and the look at it.
  if (code === 'ESRCH') return facts === null ? denied('no-such-process') : unknown();

  const isTraced = facts !== null && facts.tracerPid !== 0;
  const isAttach = answer.answeringCall === 'ptrace';
  // The access check passed before the attach. So another tracer was there, or the rules changed meanwhile.
  if (code === 'EPERM' && isAttach) return isTraced ? denied('already-traced') : unknown();
  if (code === 'EPERM') return denied(null);
  if (code !== null) return unknown();
  if (isAttach) return allowed;
  if (facts === null) return unknown('ENOENT');
  return isTraced ? denied('already-traced', 'EPERM') : allowed;
}
