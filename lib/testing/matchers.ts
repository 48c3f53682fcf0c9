import { type Explanation, explainSync } from '../explain/explain.js';
import { explanationText } from '../explain/text.js';
import { pidOf, type Relative } from './relative.js';

/** What `expect.extend` of vitest and jest takes from a matcher. */
export interface MatcherResult {
  pass: boolean;
  message(): string;
}

interface MatcherContext {
  isNot?: boolean;
}

/** A process by its pid, or something that has one: a child process, a {@link Relative}. */
export type ProcessLike = number | { readonly pid?: number | undefined };

function pidIn(received: ProcessLike): number {
  return typeof received === 'number' ? received : (received.pid as number);
}

/** What isn't known fails both ways: no test may pass on it. */
function result(
  isNot: boolean | undefined,
  answer: Explanation['answer'],
  wanted: string,
  text: string,
): MatcherResult {
  const pass = answer === 'unknown' ? isNot === true : answer === 'allowed';
  return {
    pass,
    message: () => `expected the process ${isNot ? 'not ' : ''}to be attachable by ${wanted}\n\n${text}`,
  };
}

const explained = (isNot: boolean | undefined, wanted: string, explanation: Explanation) =>
  result(isNot, explanation.answer, wanted, explanationText(explanation));

/**
 * Matchers for `expect.extend(matchers)` of vitest and jest. The message of a failure is the explanation, rule by rule.
 * A process of which the answer can't be had is neither attachable nor not.
 */
export const matchers = {
  /** Whether this process could attach: asked of the kernel, without effect on the target. */
  toBeAttachable(this: MatcherContext, received: ProcessLike): MatcherResult {
    return explained(this.isNot, 'this process', explainSync(pidIn(received)));
  },

  /**
   * Whether another process could attach. A {@link Relative} asks the kernel itself: the matcher is then asynchronous.
   * Of any other it is computed from what shows of it; at ptrace_scope 1 a declaration (PR_SET_PTRACER) doesn't.
   */
  toBeAttachableBy(
    this: MatcherContext,
    received: ProcessLike,
    tracer: number | Relative,
  ): MatcherResult | Promise<MatcherResult> {
    const { isNot } = this;
    const pid = pidIn(received);
    const wanted = `process ${pidOf(tracer)}`;
    const explanation = explainSync(pid, { tracer: pidOf(tracer) });
    if (typeof tracer === 'number') return explained(isNot, wanted, explanation);
    return tracer.probe(pid).then(({ outcome, code }) => {
      const answer = outcome === 'allowed' || outcome === 'unknown' ? outcome : 'denied';
      const text = `The kernel said ${code ?? 'yes'} to process ${tracer.pid}.\n\n${explanationText(explanation)}`;
      return result(isNot, answer, wanted, text);
    });
  },

  /** Whether an unrelated process with the target's own uid and gid and no capabilities could attach. */
  toBeAttachableByStranger(this: MatcherContext, received: ProcessLike): MatcherResult {
    return explained(this.isNot, 'a stranger', explainSync(pidIn(received), { tracer: 'stranger' }));
  },
};

/** For the declarations of a test framework: `declare module 'vitest' { interface Matchers<T> extends TracingMatchers<T> {} }`. */
export interface TracingMatchers<R = unknown> {
  toBeAttachable(): R;
  toBeAttachableBy(tracer: number): R;
  toBeAttachableBy(tracer: Relative): Promise<R>;
  toBeAttachableByStranger(): R;
}
