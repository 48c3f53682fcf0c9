import { inspect } from 'node:util';
import { badArgument, SyscallError } from '../errors.js';
import { native } from './native.js';

const DUMPABLE = ['disabled', 'user', 'root'] as const;

/** include/linux/sched/coredump.h: SUID_DUMP_DISABLE, SUID_DUMP_USER, SUID_DUMP_ROOT */
export type Dumpable = (typeof DUMPABLE)[number];

/**
 * `PR_GET_DUMPABLE`: whether this process may be dumped, and so traced or read by others of its uid.
 *
 * `'disabled'` and `'root'` act alike for tracing: only a holder of CAP_SYS_PTRACE gets in. It belongs to the memory:
 * all threads share it.
 *
 * Kernel: kernel/sys.c, prctl(); kernel/ptrace.c, __ptrace_may_access()
 */
export function getDumpable(): Dumpable {
  const value = native().getDumpable();
  const name = DUMPABLE[value];
  if (name === undefined) throw new SyscallError(value, { syscall: 'prctl', request: 'PR_GET_DUMPABLE' });
  return name;
}

/**
 * `PR_SET_DUMPABLE`: closes (`'disabled'`) or opens (`'user'`) this process to others of its uid.
 *
 * Children inherit it by fork; exec resets it. Not retroactive: a tracer that is attached stays attached, and a
 * /proc/PID/mem descriptor that is open keeps reading. The kernel alone sets `'root'`.
 *
 * Kernel: kernel/sys.c, prctl(); fs/exec.c, begin_new_exec()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 */
export function setDumpable(dumpable: 'user' | 'disabled'): void {
  if (dumpable !== 'user' && dumpable !== 'disabled') {
    throw badArgument(
      TypeError,
      'ERR_TRACEGATE_INVALID_OPTION',
      `dumpable must be 'user' or 'disabled', not ${inspect(dumpable)}`,
    );
  }
  const result = native().setDumpable(DUMPABLE.indexOf(dumpable));
  if (result < 0) throw new SyscallError(result, { syscall: 'prctl', request: 'PR_SET_DUMPABLE' });
}
