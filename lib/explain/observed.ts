import { closeSync, openSync, readlinkSync } from 'node:fs';
import { type ProbeResult, probeSync } from '../kernel/probe.js';
import { type Answer, codeOf } from '../kernel/probe-outcome.js';
import { askAccess, askCall } from '../kernel/probe-target.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { AccessMode } from '../policy/access/access-mode.js';

/** The kernel's own answer to this process. */
export interface Observed {
  outcome: 'allowed' | 'denied' | 'unknown';
  /** The name of the errno; null where the access is allowed. */
  code: string | null;
  /** The system call that asked. */
  syscall: string | null;
  /**
   * The kernel's rules, or a seccomp filter of this process, which refuses the call. `landlock`: the kernel's rules for the process
   * that asked in a stranger's place, and which has inherited a Landlock domain of this process.
   */
  answeredBy: 'kernel' | 'seccomp' | 'landlock' | null;
}

/** Opens a file or reads a link. Neither has an effect on the target. */
function ask(syscall: string, call: () => void): Observed {
  try {
    call();
    return { outcome: 'allowed', code: null, syscall, answeredBy: 'kernel' };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isRefused = error.code === 'EACCES' || error.code === 'EPERM';
    return {
      outcome: isRefused ? 'denied' : 'unknown',
      code: error.code,
      syscall,
      answeredBy: isRefused ? 'kernel' : null,
    };
  }
}

/** EACCES and ENOSYS are answers of perf_event_open: kernel/events/core.c; kernel/sys_ni.c. */
const REFUSALS = ['EPERM', 'ESRCH', 'EACCES', 'ENOSYS'];

/** @param syscall the call that was asked, where no call answered */
function fromAnswer(answer: Answer, syscall: string): Observed {
  const code = codeOf(answer);
  const named = answer.answeringCall === 'none' ? syscall : answer.answeringCall;
  if (answer.byFilter) return { outcome: 'denied', code, syscall: named, answeredBy: 'seccomp' };
  if (answer.answeringCall === 'none') return { outcome: 'unknown', code, syscall: named, answeredBy: null };
  const isRefused = code !== null && REFUSALS.includes(code);
  const outcome = code === null ? 'allowed' : isRefused ? 'denied' : 'unknown';
  return { outcome, code, syscall: named, answeredBy: 'kernel' };
}

function answerOf({ outcome, reason, code, syscall, answeredBy }: ProbeResult): Observed {
  return { outcome, code, syscall, answeredBy: reason === 'landlock' ? reason : answeredBy };
}

const OUTCOMES: readonly Observed['outcome'][] = ['denied', 'unknown', 'allowed'];

/** The most open of several threads' answers. A process is as open as its most open thread. */
export function mostOpen(answers: readonly Observed[]): Observed | null {
  const byOpenness = [...answers].sort((a, b) => OUTCOMES.indexOf(b.outcome) - OUTCOMES.indexOf(a.outcome));
  return byOpenness[0] ?? null;
}

/** As {@link askKernel}, by an unrelated process with the target's own ids and no capabilities. */
export function askAsStranger(pid: number, mode: AccessMode): Observed | null {
  if (mode === 'attach') return answerOf(probeSync(pid, { as: 'stranger' }));
  return mode === 'traceme' ? answerOf(probeSync(pid, { as: 'stranger', method: 'traceme' })) : null;
}

/** Asks the kernel, as this process, without doing anything to the target. */
export function askKernel(pid: number, mode: AccessMode): Observed {
  switch (mode) {
    case 'attach':
      return fromAnswer(askAccess(pid), 'process_vm_readv');
    case 'vm-read':
      return fromAnswer(askCall(pid, 'process_vm_readv'), 'process_vm_readv');
    case 'getfd':
      return fromAnswer(askCall(pid, 'pidfd_getfd'), 'pidfd_getfd');
    case 'kcmp':
      return fromAnswer(askCall(pid, 'kcmp'), 'kcmp');
    case 'perf':
      return fromAnswer(askCall(pid, 'perf_event_open'), 'perf_event_open');
    case 'read':
      return ask('readlink', () => void readlinkSync(`/proc/${pid}/ns/user`));
    case 'mem':
    case 'environ':
      return ask('open', () => closeSync(openSync(`/proc/${pid}/${mode}`, 'r')));
    case 'traceme':
      // A child of this process asks whether this process may become its tracer.
      return answerOf(probeSync(process.pid, { method: 'traceme' }));
  }
}
