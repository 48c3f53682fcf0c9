import { CAPABILITIES, capabilityNames } from '../kernel/capabilities.js';
import type { ProcStatus } from '../kernel/proc-status.js';
import type { PtraceScope } from '../kernel/yama.js';

export interface AskerFacts {
  uid: number;
  gid: number;
  capPermitted: bigint;
  capEffective: bigint;
  /** Thread group, where the asker could be the target itself. */
  pid: number | null;
}

const CAP_SYS_PTRACE = 1n << BigInt(CAPABILITIES.indexOf('CAP_SYS_PTRACE'));

const SCOPE_RULES = {
  1: 'ptrace_scope 1 lets in only its ancestors, its declared tracer and holders of CAP_SYS_PTRACE',
  2: 'ptrace_scope 2 lets in only holders of CAP_SYS_PTRACE',
  3: 'ptrace_scope 3 lets in nobody',
} as const;

/**
 * What can be seen, from outside, of why an attach is refused: every rule that may be the one, in the kernel's order.
 * Empty if none of them explains it. Pure.
 *
 * Kernel: kernel/ptrace.c, ptrace_attach() and __ptrace_may_access(); security/commoncap.c,
 * cap_ptrace_access_check(); security/yama/yama_lsm.c, yama_ptrace_access_check()
 */
export function visibleReasons(
  target: ProcStatus,
  dumpable: boolean | null,
  scope: PtraceScope,
  asker: AskerFacts,
): string[] {
  if (target.kind === 'kernel-thread') return ['it is a kernel thread: nobody can trace it'];
  if (target.kind === 'zombie') return ['it has ended and is a zombie'];
  if (target.tgid === asker.pid) return ['a process cannot trace itself'];

  const reasons: string[] = [];
  const isPrivileged = (asker.capEffective & CAP_SYS_PTRACE) !== 0n;
  if (!isPrivileged) {
    const { uids, gids } = target;
    const strange = (own: number, ids: { real: number; effective: number; saved: number }) =>
      [ids.real, ids.effective, ids.saved].find(id => id !== own);
    const uid = strange(asker.uid, uids);
    const gid = strange(asker.gid, gids);
    if (uid !== undefined) reasons.push(`it has uid ${uid}, the asker ${asker.uid}`);
    if (gid !== undefined) reasons.push(`it has gid ${gid}, the asker ${asker.gid}`);
    if (dumpable === false)
      reasons.push('it is not dumpable: it opted out, changed its ids, or runs an unreadable program');
    const surplus = BigInt(`0x${target.capPermitted}`) & ~asker.capPermitted;
    if (surplus !== 0n) reasons.push(`it holds ${describe(surplus)}, which the asker lacks`);
  }
  if (scope.state === 'present' && scope.value !== 0 && (scope.value === 3 || !isPrivileged)) {
    reasons.push(SCOPE_RULES[scope.value]);
  }
  return reasons;
}

function describe(capabilities: bigint): string {
  const names = capabilityNames(capabilities);
  return names.length <= 3 ? names.join(', ') : `${names.length} capabilities`;
}
