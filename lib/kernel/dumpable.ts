import { inspect } from 'node:util';
import { badArgument, SyscallError } from '../errors.js';
import { native } from './native.js';

export const DUMPABLE = ['disabled', 'user', 'root'] as const;

/**
 * The dumpable flag of a process's memory: `disabled` is 0, `user` is 1, `root` is 2.
 *
 * Kernel: include/linux/sched/coredump.h, SUID_DUMP_DISABLE, SUID_DUMP_USER and SUID_DUMP_ROOT
 */
export type Dumpable = (typeof DUMPABLE)[number];

/**
 * `PR_GET_DUMPABLE`: whether this process may be dumped. Other processes of its uid may read and trace it only then.
 *
 * For tracing `'disabled'` and `'root'` have the same effect: the tracer needs CAP_SYS_PTRACE. The flag belongs to the
 * memory, so all threads share it.
 *
 * Applies to: this process, with all its threads.
 *
 * Kernel: kernel/sys.c, prctl(); kernel/ptrace.c, __ptrace_may_access()
 *
 * @throws SyscallError if a seccomp filter refuses prctl(2)
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import { getDumpable } from 'tracegate';
 *
 * console.log(getDumpable()); // user
 * ```
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
 * Applies to: this process, with all its threads.
 *
 * Kernel: kernel/sys.c, prctl(); fs/exec.c, begin_new_exec()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SyscallError if a seccomp filter refuses prctl(2)
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import { getDumpable, setDumpable } from 'tracegate';
 *
 * setDumpable('disabled');
 * console.log(getDumpable()); // disabled
 * ```
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

/**
 * The flag of any process, as the kernel tells it. Null: the kernel is older than Linux 6.16, or the process isn't seen.
 *
 * Kernel: fs/pidfs.c, pidfd_info()
 */
export const dumpableToldOf = (pid: number): Dumpable | null =>
  pid === process.pid ? getDumpable() : (DUMPABLE[native().dumpableOf(pid)] ?? null);
