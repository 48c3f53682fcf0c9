import { errnoName } from '../errors.js';
import type { ProcStatus, Sighting } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';

export type ProbeMethod = 'access' | 'seize' | 'attach' | 'traceme';

/** native/result.h, Witness: the place in the list is its number. */
export const WITNESSES = ['none', 'pidfd_getfd', 'process_vm_readv', 'ptrace'] as const;
export type Witness = (typeof WITNESSES)[number];

export interface Answer {
  /** 0 is a yes; otherwise the errno. */
  error: number;
  /** Who answered; `none` if not the kernel's rules: a filter, a time limit, a call that failed before the question. */
  witness: Witness;
  /** The call that failed before the question could be asked. */
  syscall?: string;
}

export interface ProbeOutcome {
  outcome: 'allowed' | 'denied' | 'already-traced' | 'no-such-process' | 'unknown';
  /** The errno that the asker gets, or null where it is allowed. */
  code: string | null;
  /** The system call that was asked. */
  syscall: string | null;
}

const ASKED: Record<ProbeMethod, string> = {
  access: 'pidfd_getfd',
  seize: 'ptrace',
  attach: 'ptrace',
  traceme: 'ptrace',
};

type SeenTarget = Pick<ProcStatus, 'kind' | 'tgid' | 'threads' | 'tracerPid'>;

/** What ptrace() refuses after the access check, and the check alone doesn't see: kernel/ptrace.c, ptrace_attach(). */
function refusedBeyondCheck(target: SeenTarget, askerGroup: number | null): boolean {
  return target.kind === 'kernel-thread' || target.kind === 'zombie' || target.tgid === askerGroup;
}

/** A process whose first thread has ended, while others live. */
export const isHeadless = ({ kind, threads }: Pick<ProcessFacts, 'kind' | 'threads'>): boolean =>
  kind === 'zombie' && threads !== null && threads > 1;

/**
 * From the kernel's answer and the facts of the target to the outcome. Pure.
 *
 * @param askerGroup the asker's thread-group id, if it could be the target's own; otherwise null
 */
export function outcomeOf(
  method: ProbeMethod,
  answer: Answer,
  target: Sighting<SeenTarget>,
  askerGroup: number | null,
): ProbeOutcome {
  const syscall = answer.syscall ?? (answer.witness === 'none' ? ASKED[method] : answer.witness);
  const code = answer.error === 0 ? null : errnoName(answer.error);
  const because = (outcome: ProbeOutcome['outcome'], errno: string | null = code) => ({
    outcome,
    code: errno,
    syscall,
  });

  if (target.state === 'absent') return because('no-such-process', 'ESRCH');
  const facts = target.state === 'seen' ? target.facts : null;
  if (method === 'traceme')
    return because(answer.witness === 'none' ? 'unknown' : code === null ? 'allowed' : 'denied');

  // The other threads live on, and each of them may be attached to.
  if (facts !== null && isHeadless(facts)) return because('unknown', 'EPERM');
  // A zombie or kernel thread has no memory: process_vm_readv and pidfd_getfd may say ESRCH where ptrace says EPERM.
  if (facts !== null && refusedBeyondCheck(facts, askerGroup)) return because('denied', 'EPERM');
  if (answer.witness === 'none') return because('unknown');
  // It ended between the question and the look at it.
  if (code === 'ESRCH') return because(facts === null ? 'no-such-process' : 'unknown');

  const isTraced = facts !== null && facts.tracerPid !== 0;
  const isAttach = answer.witness === 'ptrace';
  // The check passed before the attach was tried: so another tracer was there, or the rules changed meanwhile.
  if (code === 'EPERM' && isAttach) return because(isTraced ? 'already-traced' : 'unknown');
  if (code === 'EPERM') return because('denied');
  if (code !== null) return because('unknown');
  if (isAttach) return because('allowed');
  if (facts === null) return because('unknown', 'ENOENT');
  return isTraced ? because('already-traced', 'EPERM') : because('allowed');
}
