import { errnoName, SyscallError } from '../errors.js';
import { native } from './native.js';
import { assertPid } from './pid.js';
import type { PtraceScope } from './ptrace-scope.js';
import { readPtraceScope } from './yama.js';

/** The declared tracer: a pid, every process (`PR_SET_PTRACER_ANY`), or no process. */
export type Ptracer = number | 'any' | 'none';

/** What a declaration changes on this kernel. */
export interface PtracerResult {
  tracer: Ptracer;
  /** Whether the declaration changes, on this kernel and now, which processes may attach. */
  effect: 'effective' | 'no-effect' | 'unsupported' | 'unknown';
  /** The effect in words, with the running ptrace_scope. */
  reason: string;
}

/** include/uapi/linux/prctl.h: PR_SET_PTRACER_ANY is all ones; 0 withdraws a declaration. */
const PR_SET_PTRACER_ANY = -1;
const NOBODY = 0;

const WITHOUT_EFFECT = {
  0: 'at ptrace_scope 0 every process that passes the classic rules may attach, declared or not',
  2: 'at ptrace_scope 2 only a holder of CAP_SYS_PTRACE may attach, declared or not',
  3: 'at ptrace_scope 3 nobody may attach',
} as const;

function effectAt(scope: PtraceScope, tracer: Ptracer): Omit<PtracerResult, 'tracer'> {
  if (scope.state === 'unknown')
    return { effect: 'unknown', reason: `ptrace_scope is unknown: ${scope.cause}` };
  if (scope.state === 'absent')
    return { effect: 'unknown', reason: 'Yama took the declaration, but its sysctl cannot be read' };
  if (scope.value !== 1) return { effect: 'no-effect', reason: WITHOUT_EFFECT[scope.value] };
  const reason =
    tracer === 'none'
      ? 'at ptrace_scope 1 only ancestors, and holders of CAP_SYS_PTRACE, may attach now'
      : tracer === 'any'
        ? 'at ptrace_scope 1 any process that passes the classic rules may attach now'
        : tracer === 1
          ? 'at ptrace_scope 1 pid 1 and its descendants, which is everyone, may attach now'
          : `at ptrace_scope 1 process ${tracer}, its threads and its descendants may attach now`;
  return { effect: 'effective', reason };
}

/**
 * `PR_SET_PTRACER`: declares the process that may attach to this process at ptrace_scope 1, in addition to its ancestors.
 *
 * A process has one declaration: a new one replaces the old one, and it can't be read. The declaration counts for the
 * whole process; exec keeps it, and fork doesn't inherit it. The descendants of the declared tracer may attach too. The
 * other rules still apply: same ids, dumpable.
 *
 * Applies to: this process, also where another thread than the first calls.
 *
 * Kernel: security/yama/yama_lsm.c, yama_task_prctl() and ptracer_exception_found()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SyscallError `EINVAL` if Yama runs and no process has that pid; the old declaration then stays
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { readPtraceScope, setPtracer } from 'tracegate';
 *
 * const { effect, reason } = setPtracer(process.ppid);
 * console.error(reason);
 * assert.equal(effect === 'effective', readPtraceScope().value === 1);
 * setPtracer('none');
 * ```
 */
export function setPtracer(tracer: Ptracer): PtracerResult {
  if (tracer !== 'any' && tracer !== 'none') assertPid(tracer);
  const argument = tracer === 'any' ? PR_SET_PTRACER_ANY : tracer === 'none' ? NOBODY : tracer;
  const result = native().setPtracer(argument);
  const scope = readPtraceScope();
  if (result >= 0) return { tracer, ...effectAt(scope, tracer) };

  // Without Yama the kernel doesn't know the option: kernel/sys.c, prctl() returns EINVAL.
  if (errnoName(result) === 'EINVAL' && scope.state === 'absent') {
    return { tracer, effect: 'unsupported', reason: 'this kernel runs without Yama: the classic rules hold' };
  }
  if (errnoName(result) === 'EINVAL' && scope.state === 'unknown') {
    return {
      tracer,
      effect: 'unknown',
      reason: `EINVAL means "no Yama"${typeof tracer === 'number' ? ' or "no such process"' : ''}, and ptrace_scope is unknown: ${scope.cause}`,
    };
  }
  throw new SyscallError(result, {
    syscall: 'prctl',
    request: 'PR_SET_PTRACER',
    ...(typeof tracer === 'number' && { pid: tracer, because: `no process has pid ${tracer}` }),
  });
}
