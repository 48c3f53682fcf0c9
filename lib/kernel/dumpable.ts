import { inspect } from 'node:util';
import { badArgument, SyscallError } from '../errors.js';
import { native } from './native.js';

const DUMPABLE = ['disabled', 'user', 'root'] as const;

/** include/linux/sched/coredump.h: SUID_DUMP_DISABLE, SUID_DUMP_USER, SUID_DUMP_ROOT */
export type Dumpable = (typeof DUMPABLE)[number];

/**
 * `PR_GET_DUMPABLE`: whether this process may be dumped. Other processes of its uid may read and trace it only then.
 *
 * For tracing `'disabled'` and `'root'` have the same effect: the tracer needs CAP_SYS_PTRACE. The flag belongs to the
 * memory, so all threads share it.
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
 * `PR_SET_DUMPABLE`: closes (`'disabled'`) or opens (`'user'`) this process to other processes of its uid.
 *
 * Children inherit the flag by fork; exec resets the flag. The flag is not retroactive: an attached tracer stays
 * attached, and an open descriptor of /proc/PID/mem still reads. Only the kernel can set `'root'`.
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
