import { AssertionError } from 'node:assert';
import { type Answered, attachable, failureOf, type ProcessLike } from './attachable.js';
import type { Relative } from './relative.js';

/** Without an answer an assertion and its negation fail. @param from the called function, at which the stack begins */
function check(answered: Answered, isNot: boolean, from: (...words: never[]) => unknown): void {
  if (answered.isAttachable === !isNot) return;
  throw new AssertionError({ message: failureOf(answered, isNot), operator: from.name, stackStartFn: from });
}

function checkBy(
  answered: Answered | Promise<Answered>,
  isNot: boolean,
  from: (...words: never[]) => unknown,
): void | Promise<void> {
  return 'then' in answered ? answered.then(each => check(each, isNot, from)) : check(answered, isNot, from);
}

/**
 * Asserts that this process could attach, as `expect(target).toBeAttachable()`: for node:test and mocha.
 *
 * Applies to: another process.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { assertAttachable, spawnRelative } from 'tracegate/testing';
 *
 * assertAttachable(await spawnRelative('child'));
 * ```
 */
export function assertAttachable(target: ProcessLike): void {
  check(attachable.bySelf(target), false, assertAttachable);
}

/**
 * Asserts that this process could not attach, as `expect(target).not.toBeAttachable()`.
 *
 * Applies to: another process.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { assertNotAttachable } from 'tracegate/testing';
 *
 * assertNotAttachable(process.pid); // a process can't attach to itself
 * ```
 */
export function assertNotAttachable(target: ProcessLike): void {
  check(attachable.bySelf(target), true, assertNotAttachable);
}

/**
 * Asserts that another process could attach, as `expect(target).toBeAttachableBy(tracer)`. A {@link Relative} asks the
 * kernel, and the result is then a promise.
 *
 * Applies to: another process.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { assertAttachableBy, spawnRelative } from 'tracegate/testing';
 *
 * assertAttachableBy(await spawnRelative('child'), process.pid);
 * ```
 */
export function assertAttachableBy(target: ProcessLike, tracer: number): void;
export function assertAttachableBy(target: ProcessLike, tracer: Relative): Promise<void>;
export function assertAttachableBy(target: ProcessLike, tracer: number | Relative): void | Promise<void> {
  return checkBy(attachable.byProcess(target, tracer), false, assertAttachableBy);
}

/**
 * Asserts that another process could not attach, as `expect(target).not.toBeAttachableBy(tracer)`. A {@link Relative} asks
 * the kernel, and the result is then a promise.
 *
 * Applies to: another process.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { setDumpable } from 'tracegate';
 * import { assertNotAttachableBy, spawnRelative } from 'tracegate/testing';
 *
 * setDumpable('disabled');
 * await assertNotAttachableBy(process.pid, await spawnRelative('stranger'));
 * ```
 */
export function assertNotAttachableBy(target: ProcessLike, tracer: number): void;
export function assertNotAttachableBy(target: ProcessLike, tracer: Relative): Promise<void>;
export function assertNotAttachableBy(target: ProcessLike, tracer: number | Relative): void | Promise<void> {
  return checkBy(attachable.byProcess(target, tracer), true, assertNotAttachableBy);
}

/**
 * Asserts that a stranger could attach, as `expect(target).toBeAttachableByStranger()`.
 *
 * Applies to: this process or another.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { readPtraceScope } from 'tracegate';
 * import { assertAttachableByStranger, spawnRelative } from 'tracegate/testing';
 *
 * const { state, value } = readPtraceScope();
 * const target = await spawnRelative('stranger'); // without capabilities
 * if (state === 'absent' || value === 0) assertAttachableByStranger(target);
 * ```
 */
export function assertAttachableByStranger(target: ProcessLike): void {
  check(attachable.byStranger(target), false, assertAttachableByStranger);
}

/**
 * Asserts that a stranger could not attach, as `expect(target).not.toBeAttachableByStranger()`: the test that an app has
 * opted out.
 *
 * Applies to: this process or another.
 *
 * @throws AssertionError with the explanation
 * @throws what the matcher throws; see {@link matchers}
 * @example
 * ```js
 * import { denyTracing } from 'tracegate';
 * import { assertNotAttachableByStranger } from 'tracegate/testing';
 *
 * await denyTracing();
 * assertNotAttachableByStranger(process.pid);
 * ```
 */
export function assertNotAttachableByStranger(target: ProcessLike): void {
  check(attachable.byStranger(target), true, assertNotAttachableByStranger);
}
