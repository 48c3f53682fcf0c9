/**
 * The kind of access that a question is about:
 * - `attach`: ptrace(PTRACE_ATTACH) and PTRACE_SEIZE, as gdb and strace do
 * - `vm-read`: process_vm_readv, process_vm_writev, as py-spy does
 * - `getfd`: pidfd_getfd, which copies a file descriptor of the target
 * - `mem`: opening /proc/PID/mem
 * - `read`: the links /proc/PID/exe, cwd, root and ns
 * - `environ`: opening /proc/PID/environ
 * - `kcmp`: kcmp
 * - `perf`: perf_event_open of an event of the target's user space, as perf does. For an event of the kernel or of a
 *   processor, kernel.perf_event_paranoid requires more. An event that sends SIGTRAP requires what an attach requires.
 * - `traceme`: PTRACE_TRACEME, by which a program that a debugger starts makes its parent its tracer
 */
export type AccessMode = (typeof ACCESS_MODES)[number];

/**
 * The access modes of checkAccess() and explain(), for a loop or a check.
 *
 * @example
 * ```js
 * import { ACCESS_MODES } from 'tracegate/policy';
 *
 * console.log(ACCESS_MODES.includes('vm-read'), ACCESS_MODES.length); // true 9
 * ```
 */
export const ACCESS_MODES = [
  'attach',
  'vm-read',
  'getfd',
  'mem',
  'read',
  'environ',
  'kcmp',
  'perf',
  'traceme',
] as const;

export function isAccessMode(value: unknown): value is AccessMode {
  return (ACCESS_MODES as readonly unknown[]).includes(value);
}

export interface AccessCheck {
  /** The PTRACE_MODE_* flag that the operation passes to __ptrace_may_access(). Kernel: include/linux/ptrace.h */
  access: 'ATTACH' | 'READ';
  /** The tracer's ids that count: the real ids for system calls, the fs ids for files. */
  credentials: 'REALCREDS' | 'FSCREDS';
  /** The file of /proc/PID that the tracer opens first. The file has an owner and a mode of its own. */
  file?: 'mem' | 'environ';
  /** The kernel function that makes the check. */
  kernel: string;
}

export const ACCESS_CHECKS: Record<Exclude<AccessMode, 'traceme'>, AccessCheck> = {
  attach: { access: 'ATTACH', credentials: 'REALCREDS', kernel: 'kernel/ptrace.c, ptrace_attach()' },
  'vm-read': {
    access: 'ATTACH',
    credentials: 'REALCREDS',
    kernel: 'mm/process_vm_access.c, process_vm_rw_core()',
  },
  getfd: { access: 'ATTACH', credentials: 'REALCREDS', kernel: 'kernel/pid.c, pidfd_getfd()' },
  mem: { access: 'ATTACH', credentials: 'FSCREDS', file: 'mem', kernel: 'fs/proc/base.c, mem_open()' },
  read: { access: 'READ', credentials: 'FSCREDS', kernel: 'fs/proc/base.c, proc_fd_access_allowed()' },
  environ: {
    access: 'READ',
    credentials: 'FSCREDS',
    file: 'environ',
    kernel: 'fs/proc/base.c, environ_open()',
  },
  kcmp: { access: 'READ', credentials: 'REALCREDS', kernel: 'kernel/kcmp.c, kcmp()' },
  perf: { access: 'READ', credentials: 'REALCREDS', kernel: 'kernel/events/core.c, perf_check_permission()' },
};
