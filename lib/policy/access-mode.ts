/**
 * What is asked for:
 * - `attach`: ptrace(PTRACE_ATTACH) and PTRACE_SEIZE, as gdb and strace do
 * - `vm-read`: process_vm_readv, process_vm_writev, as py-spy does
 * - `getfd`: pidfd_getfd, which takes a descriptor of its
 * - `mem`: opening /proc/PID/mem
 * - `read`: the links /proc/PID/exe, cwd, root and ns
 * - `environ`: opening /proc/PID/environ
 * - `kcmp`: kcmp
 * - `perf`: perf_event_open of an event of its user space, as perf does. For an event of the kernel or of a whole processor
 *   kernel.perf_event_paranoid asks for more, and one that sends SIGTRAP needs what an attach needs
 * - `traceme`: PTRACE_TRACEME, by which a program that a debugger starts asks for its parent as tracer
 */
export type AccessMode = (typeof ACCESS_MODES)[number];

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
  /** include/linux/ptrace.h: what PTRACE_MODE_* the operation asks __ptrace_may_access() for. */
  access: 'ATTACH' | 'READ';
  /** Which ids of the tracer count: its real ones for system calls, its fs ids for files. */
  credentials: 'REALCREDS' | 'FSCREDS';
  /** The file of /proc/PID that has to be opened first, with an owner and a mode of its own. */
  file?: 'mem' | 'environ';
  /** The function that asks. */
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
