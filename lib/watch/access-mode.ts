import type { Way } from '../kernel/access-events.js';
import type { AccessMode } from '../policy/access/access-mode.js';

/** include/linux/ptrace.h */
export const PTRACE_MODE_ATTACH = 0x02;
const PTRACE_MODE_FSCREDS = 0x08;

const MODES: Record<Exclude<Way, 'perf_event_open' | 'other'>, AccessMode> = {
  attach: 'attach',
  seize: 'attach',
  traceme: 'traceme',
  process_vm_readv: 'vm-read',
  process_vm_writev: 'vm-read',
  mem: 'mem',
  pidfd_getfd: 'getfd',
  kcmp: 'kcmp',
  read: 'read',
};

/** Whether Yama has a say. Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() */
export const asksYama = (way: Way, mode: number): boolean =>
  way === 'traceme' || (mode & PTRACE_MODE_ATTACH) !== 0;

/** The access mode of the rules with the same access check. An event of perf that sends SIGTRAP asks for ATTACH access. */
export function accessModeOf(way: Way, mode: number): AccessMode {
  if (way !== 'perf_event_open' && way !== 'other') return MODES[way];
  if (asksYama(way, mode)) return 'vm-read';
  if (way === 'perf_event_open') return 'perf';
  return mode & PTRACE_MODE_FSCREDS ? 'read' : 'kcmp';
}
