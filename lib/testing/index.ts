/**
 * For tests of tracing: matchers for vitest and jest, assertions for node:test and mocha, and processes in every relation to
 * this one.
 *
 * @module
 */
export type { ProbeOutcome } from '../kernel/probe-outcome.js';
export {
  assertAttachable,
  assertAttachableBy,
  assertAttachableByStranger,
  assertNotAttachable,
  assertNotAttachableBy,
  assertNotAttachableByStranger,
} from './assertions.js';
export type { ProcessLike } from './attachable.js';
export { type MatcherResult, matchers, type TracingMatchers } from './matchers.js';
export { type Relation, Relative, type RelativeOptions, spawnRelative } from './relative.js';
