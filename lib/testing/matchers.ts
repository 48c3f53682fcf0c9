import { type Explanation, explainSync } from '../explain/explain.js';
import { explanationText } from '../explain/text.js';
import type { ProbeResult } from '../kernel/probe.js';
import { pidOf, type Relative } from './relative.js';
import { withoutPrivileges } from './unprivileged-target.js';

/** The result of a matcher for `expect.extend` of vitest and jest. */
export interface MatcherResult {
  pass: boolean;
  message(): string;
}

interface MatcherContext {
  isNot?: boolean;
}

/** A process by its pid, or an object with a pid: a child process, a {@link Relative}. */
export type ProcessLike = number | { readonly pid?: number | undefined };

function pidIn(received: ProcessLike): number {
  return typeof received === 'number' ? received : (received.pid as number);
}

/** The answer, where there is one: null for an unknown answer, and for a pid that no process has. */
const isOpen = ({ outcome, reason }: Pick<ProbeResult, 'outcome' | 'reason'>): boolean | null =>
  outcome === 'unknown' || reason === 'no-such-process' ? null : outcome === 'allowed';

/** Without an answer the matcher and its negation fail, so that no test passes on a wrong pid. */
function result(
  isNot: boolean | undefined,
  answer: boolean | null,
  wanted: string,
  text: string,
): MatcherResult {
  const pass = answer ?? isNot === true;
  return {
    pass,
    message: () => `expected the process ${isNot ? 'not ' : ''}to be attachable by ${wanted}\n\n${text}`,
  };
}

function explained(isNot: boolean | undefined, wanted: string, explanation: Explanation): MatcherResult {
  const { answer, facts } = explanation;
  const reason = facts.target === null ? 'no-such-process' : null;
  return result(isNot, isOpen({ outcome: answer, reason }), wanted, explanationText(explanation));
}

const AS_ORDINARY = 'Run the target as an ordinary user (setpriv --reuid 1000 --clear-groups).';

/** Why an answer that only the target's privileges give is no answer about the target's own state. */
const PRIVILEGES_ALONE = {
  allowed: `Only its capabilities keep a stranger out: the target has not opted out. ${AS_ORDINARY}`,
  unknown: `Its capabilities keep a stranger out, and whether the target has opted out isn't seen. ${AS_ORDINARY}`,
};

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
 * const target = await spawnRelative('child');
 * await target.setDumpable('disabled');
 * expect(target).not.toBeAttachableByStranger();
 * await target.end();
 * ```
 */
export const matchers = {
  /** Whether this process could attach. The kernel is asked, without effect on the target. */
  toBeAttachable(this: MatcherContext, received: ProcessLike): MatcherResult {
    return explained(this.isNot, 'this process', explainSync(pidIn(received)));
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
    const { isNot } = this;
    const pid = pidIn(received);
    const wanted = `process ${pidOf(tracer)}`;
    const explanation = explainSync(pid, { tracer: pidOf(tracer) });
    if (typeof tracer === 'number') return explained(isNot, wanted, explanation);
    return tracer.probe(pid).then(probed => {
      const text = `The kernel said ${probed.code ?? 'yes'} to process ${tracer.pid}.\n\n${explanationText(explanation)}`;
      return result(isNot, isOpen(probed), wanted, text);
    });
  },

  /**
   * Whether a stranger could attach: an unrelated process with the target's uid and gid, without capabilities. Root's
   * capabilities alone keep a stranger out. Where nothing else does, for example where the target is dumpable, the matcher
   * and its negation fail: as an ordinary user the target would be open.
   */
  toBeAttachableByStranger(this: MatcherContext, received: ProcessLike): MatcherResult {
    const explanation = explainSync(pidIn(received), { tracer: 'stranger' });
    const verdict = withoutPrivileges(explanation)?.verdict ?? 'denied';
    if (verdict === 'denied') return explained(this.isNot, 'a stranger', explanation);
    const text = `${PRIVILEGES_ALONE[verdict]}\n\n${explanationText(explanation)}`;
    return result(this.isNot, null, 'a stranger', text);
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
