import { type Answered, attachable, failureOf, type ProcessLike } from './attachable.js';
import type { Relative } from './relative.js';

/** The result of a matcher for `expect.extend` of vitest and jest. */
export interface MatcherResult {
  pass: boolean;
  message(): string;
}

interface MatcherContext {
  isNot?: boolean;
}

/** Without an answer the matcher and its negation fail. */
function result({ isNot = false }: MatcherContext, answered: Answered): MatcherResult {
  return { pass: answered.isAttachable ?? isNot, message: () => failureOf(answered, isNot) };
}

/**
 * Matchers for `expect.extend(matchers)` of vitest and jest. The message of a failure is the explanation, rule by rule.
 * If the answer is unknown, or if no process has the pid, both a matcher and its negation fail.
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID` if the received value is no process, or has no pid
 * @throws what explainSync() throws besides
 * @example
 * ```js
 * import { expect } from 'expect'; // of jest; the one of vitest works too
 * import { matchers, spawnRelative } from 'tracegate/testing';
 *
 * expect.extend(matchers);
 * const target = await spawnRelative('stranger');
 * try {
 *   await target.setDumpable('disabled');
 *   expect(target).not.toBeAttachableByStranger();
 * } finally {
 *   await target.end();
 * }
 * ```
 */
export const matchers = {
  /** Whether this process could attach. The kernel is asked, without effect on the target. */
  toBeAttachable(this: MatcherContext, received: ProcessLike): MatcherResult {
    return result(this, attachable.bySelf(received));
  },

  /**
   * Whether another process could attach. A {@link Relative} asks the kernel itself, and the matcher is then
   * asynchronous. For another tracer the answer is computed from visible facts. A declaration (PR_SET_PTRACER) isn't
   * visible, which matters at ptrace_scope 1.
   */
  toBeAttachableBy(
    this: MatcherContext,
    received: ProcessLike,
    tracer: number | Relative,
  ): MatcherResult | Promise<MatcherResult> {
    const answered = attachable.byProcess(received, tracer);
    return 'then' in answered ? answered.then(each => result(this, each)) : result(this, answered);
  },

  /**
   * Whether a stranger could attach: an unrelated process with the target's uid and gid, without capabilities. Root's
   * capabilities alone keep a stranger out. Where nothing else does, for example where the target is dumpable, the matcher
   * and its negation fail: as an ordinary user the target would be open.
   */
  toBeAttachableByStranger(this: MatcherContext, received: ProcessLike): MatcherResult {
    return result(this, attachable.byStranger(received));
  },
};

/**
 * For the declarations of a test framework:
 * `declare module 'vitest' { interface Matchers<T> extends TracingMatchers<T> {} }`.
 */
export interface TracingMatchers<R = unknown> {
  toBeAttachable(): R;
  toBeAttachableBy(tracer: number): R;
  toBeAttachableBy(tracer: Relative): Promise<R>;
  toBeAttachableByStranger(): R;
}
