import type { ExplainOptions, Explanation } from './explain.js';

/**
 * Why a process may or may not be traced, as `explainSync()` says it. The rules are loaded at the first call, so that a
 * program which only opts out of being traced doesn't load them.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); the reference of each rule is in its step
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SyscallError `ESRCH` if no process has the tracer's pid
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export async function explain(pid: number, options: ExplainOptions = {}): Promise<Explanation> {
  const { explainSync } = await import('./explain.js');
  return explainSync(pid, options);
}
