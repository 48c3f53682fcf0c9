import { closeSync, openSync, readlinkSync } from 'node:fs';
import { errnoName } from '../errors.js';
import { type ProbeResult, probeSync } from '../kernel/probe.js';
import { askAccess } from '../kernel/probe-target.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { AccessMode } from '../policy/access-mode.js';

/** What the kernel itself said to us. */
export interface Observed {
  outcome: 'allowed' | 'denied' | 'unknown';
  /** The errno's name; null where it let us. */
  code: string | null;
  /** The call that was asked. */
  syscall: string | null;
}

/** An opened file or a read link is the answer; neither does anything to the target. */
function ask(syscall: string, call: () => void): Observed {
  try {
    call();
    return { outcome: 'allowed', code: null, syscall };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isRefusal = error.code === 'EACCES' || error.code === 'EPERM';
    return { outcome: isRefusal ? 'denied' : 'unknown', code: error.code, syscall };
  }
}

/** The check of process_vm_readv and of an attach. */
function accessCheck(pid: number, needsMemory: boolean): Observed {
  const { error, witness } = askAccess(pid);
  const code = error === 0 ? null : errnoName(error);
  // The fallback asks for a descriptor, which also what has no memory may give.
  const isHeard = needsMemory ? witness === 'process_vm_readv' : witness !== 'none';
  const isRefusal = code === 'EPERM' || code === 'ESRCH';
  const outcome = !isHeard ? 'unknown' : code === null ? 'allowed' : isRefusal ? 'denied' : 'unknown';
  return { outcome, code, syscall: witness === 'none' ? 'process_vm_readv' : witness };
}

function answerOf({ outcome, code, syscall }: ProbeResult): Observed {
  return { outcome: outcome === 'allowed' || outcome === 'denied' ? outcome : 'unknown', code, syscall };
}

/** As askKernel, by an unrelated process with the target's own ids and no capabilities. */
export function askAsStranger(pid: number, mode: AccessMode): Observed | null {
  if (mode === 'attach') return answerOf(probeSync(pid, { as: 'stranger' }));
  return mode === 'traceme' ? answerOf(probeSync(pid, { as: 'stranger', method: 'traceme' })) : null;
}

/** Asks the kernel, as this process, without doing anything to the target. Null where there is no such way. */
export function askKernel(pid: number, mode: AccessMode): Observed | null {
  switch (mode) {
    case 'attach':
      return accessCheck(pid, false);
    case 'vm-read':
      return accessCheck(pid, true);
    case 'read':
      return ask('readlink', () => void readlinkSync(`/proc/${pid}/ns/user`));
    case 'mem':
    case 'environ':
      return ask('open', () => closeSync(openSync(`/proc/${pid}/${mode}`, 'r')));
    case 'traceme':
      // By a child of ours, which asks us.
      return answerOf(probeSync(process.pid, { method: 'traceme' }));
    case 'kcmp':
      return null;
  }
}
