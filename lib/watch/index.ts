/**
 * Following which process traces which on this host, with the verdict at each ptrace_scope.
 *
 * @module
 */
export type { Way } from '../kernel/access-events.js';
export { type OnTracedOptions, onTraced, type TracedWatch, type TracerArrival } from './on-traced.js';
export type {
  AccessOutcome,
  EventTask,
  Pair,
  RecordedPair,
  RecordingBegin,
  RecordingLine,
  RecordingStop,
  ScopeVerdict,
  ScopeVerdicts,
  Side,
  WatchEvent,
  WatchedAccess,
  WatchedEnd,
  WatchFilters,
  WatchGap,
  WatchSource,
} from './recording.js';
export { type Watch, type WatchOptions, watch } from './watch.js';
