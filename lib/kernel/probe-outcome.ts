import { errnoName } from '../errors.js';
import type { ProcStatus, Sighting } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';

export type ProbeMethod = 'access' | 'seize' | 'attach' | 'traceme';

/** native/syscall/result.h, Witness. The place in the list is the number. */
export const WITNESSES = [
  'none',
  'pidfd_getfd',
  'process_vm_readv',
  'ptrace',
  'kcmp',
  'perf_event_open',
] as const;
export type Witness = (typeof WITNESSES)[number];

export interface Answer {
  /** The errno. 0 is a yes, unless `byFilter` is set. */
  error: number;
  /**
   * The call that answered. `none`: no call said anything about the target, because of a time limit or an earlier
   * failure.
   */
  witness: Witness;
  /**
   * A seccomp filter refuses that call to the asker. `error` is the filter's errno, or 0 where the filter ends the
   * caller.
   */
  byFilter?: boolean;
  /** The call that failed before the question could be asked. */
  syscall?: string;
}

const BY_FILTER = 1 << 8;

/** Decodes the answer of the addon and the helper. native/syscall/result.h, PackWitness() */
export function answerFrom(error: number, packedWitness: number): Answer {
  const witness = WITNESSES[packedWitness % BY_FILTER] ?? 'none';
  return { error, witness, ...(packedWitness >= BY_FILTER && { byFilter: true }) };
}

export const isYes = ({ error, byFilter }: Answer): boolean => error === 0 && byFilter !== true;

/** Whether the answer is a refusal that another way of asking would not change. */
export const isRefusal = (answer: Answer): boolean =>
  answer.byFilter === true || (answer.error !== 0 && answer.witness !== 'none');

/** The name of the errno, or of the signal by which a filter ends the caller. Null for a yes. */
export function codeOf(answer: Answer): string | null {
  if (isYes(answer)) return null;
  return answer.error === 0 ? 'SIGSYS' : errnoName(answer.error);
}

export interface ProbeOutcome {
  outcome: 'allowed' | 'denied' | 'already-traced' | 'no-such-process' | 'unknown';
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

/** Whether ptrace() refuses the target after the access check. Kernel: kernel/ptrace.c, ptrace_attach() */
function refusedBeyondCheck(target: SeenTarget, askerGroup: number | null): boolean {
  return target.kind === 'kernel-thread' || target.kind === 'zombie' || target.tgid === askerGroup;
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
  const syscall = answer.syscall ?? (answer.witness === 'none' ? ASKED[method] : answer.witness);
  const code = codeOf(answer);
  const isFilters = answer.byFilter === true;
  const answeredBy = isFilters ? 'seccomp' : answer.witness === 'none' ? null : 'kernel';
  const because = (outcome: ProbeOutcome['outcome'], errno: string | null = code): ProbeOutcome => ({
    outcome,
    code: errno,
    syscall,
    answeredBy,
  });

  if (target.state === 'absent') return because('no-such-process', 'ESRCH');
  if (isFilters) return because(asker === null ? 'unknown' : 'denied');
  const facts = target.state === 'seen' ? target.facts : null;
  if (method === 'traceme')
    return because(answer.witness === 'none' ? 'unknown' : code === null ? 'allowed' : 'denied');

  // The other threads live on, and a tracer may attach to each of them.
  if (facts !== null && isHeadless(facts)) return because('unknown', 'EPERM');
  // A zombie or kernel thread has no memory: process_vm_readv and pidfd_getfd may say ESRCH where ptrace says EPERM.
  if (facts !== null && refusedBeyondCheck(facts, asker)) return because('denied', 'EPERM');
  if (answer.witness === 'none') return because('unknown');
  // The target ended between the question and the look at it.
  if (code === 'ESRCH') return because(facts === null ? 'no-such-process' : 'unknown');

  const isTraced = facts !== null && facts.tracerPid !== 0;
  const isAttach = answer.witness === 'ptrace';
  // The access check passed before the attach. So another tracer was there, or the rules changed meanwhile.
  if (code === 'EPERM' && isAttach) return because(isTraced ? 'already-traced' : 'unknown');
  if (code === 'EPERM') return because('denied');
  if (code !== null) return because('unknown');
  if (isAttach) return because('allowed');
  if (facts === null) return because('unknown', 'ENOENT');
  return isTraced ? because('already-traced', 'EPERM') : because('allowed');
}
