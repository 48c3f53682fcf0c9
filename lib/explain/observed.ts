import { closeSync, openSync, readlinkSync } from 'node:fs';
import { type ProbeResult, probeSync } from '../kernel/probe.js';
import { type Answer, codeOf } from '../kernel/probe-outcome.js';
import { askAccess, askCall } from '../kernel/probe-target.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { AccessMode } from '../policy/access-mode.js';

/** What the kernel itself said to us. */
export interface Observed {
  outcome: 'allowed' | 'denied' | 'unknown';
  /** The errno's name; null where it let us. */
  code: string | null;
  /** The call that was asked. */
  syscall: string | null;
  /** The kernel's rules, or a seccomp filter of this process, which keeps it from that call. */
  answeredBy: 'kernel' | 'seccomp' | null;
}

/** An opened file or a read link is the answer; neither does anything to the target. */
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

/** EACCES and ENOSYS are perf_event_open's: kernel/events/core.c; kernel/sys_ni.c. */
const REFUSALS = ['EPERM', 'ESRCH', 'EACCES', 'ENOSYS'];

/** @param syscall what was asked for, where nothing answered */
function fromAnswer(answer: Answer, syscall: string): Observed {
  const code = codeOf(answer);
  const named = answer.witness === 'none' ? syscall : answer.witness;
  if (answer.byFilter) return { outcome: 'denied', code, syscall: named, answeredBy: 'seccomp' };
  if (answer.witness === 'none') return { outcome: 'unknown', code, syscall: named, answeredBy: null };
  const isRefused = code !== null && REFUSALS.includes(code);
  const outcome = code === null ? 'allowed' : isRefused ? 'denied' : 'unknown';
  return { outcome, code, syscall: named, answeredBy: 'kernel' };
}

function answerOf({ outcome, code, syscall, answeredBy }: ProbeResult): Observed {
  return {
    outcome: outcome === 'allowed' || outcome === 'denied' ? outcome : 'unknown',
    code,
    syscall,
    answeredBy,
  };
}

const OUTCOMES: readonly Observed['outcome'][] = ['denied', 'unknown', 'allowed'];

/** Of several threads' answers the one that says the most: a process is open where one of its threads is. */
export function mostOpen(answers: readonly Observed[]): Observed | null {
  const byOpenness = [...answers].sort((a, b) => OUTCOMES.indexOf(b.outcome) - OUTCOMES.indexOf(a.outcome));
  return byOpenness[0] ?? null;
}

/** As askKernel, by an unrelated process with the target's own ids and no capabilities. */
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
      // By a child of ours, which asks us.
      return answerOf(probeSync(process.pid, { method: 'traceme' }));
  }
}
