/**
 * For tests of tracing: matchers for vitest and jest, and processes in every relation to this one.
 *
 * @module
 */
export type { ProbeOutcome } from '../kernel/probe-outcome.js';
export { type MatcherResult, matchers, type ProcessLike, type TracingMatchers } from './matchers.js';
export { type Relation, Relative, type RelativeOptions, spawnRelative } from './relative.js';
