import type { ExplainOptions, Explanation } from './explain.js';

/**
 * Why a process may or may not be traced, as `explainSync()` says it. The rules are loaded at the first call, so that a
 * program which only opts out of being traced doesn't load them.
 *
 * Applies to: another process. A pid that no process has is an answer: the rule `no-such-process` decides.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); the reference of each rule is in its step
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`; the latter also if there is no such `debugger`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SyscallError `ESRCH` if no process has the tracer's pid
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/explain-guide.md
 * @example
 * ```js
 * import { explain } from 'tracegate';
 *
 * const { answer, refusedBy, remedies } = await explain(process.pid);
 * console.log(answer, refusedBy); // denied [ 'same-thread-group' ]
 * console.log(remedies[0].actions[0].what); // attach from another process: a child, say, or the debugger
 * ```
 */
export async function explain(pid: number, options: ExplainOptions = {}): Promise<Explanation> {
  const { explainSync } = await import('./explain.js');
  return explainSync(pid, options);
}
