/**
 * A snapshot as a map, without I/O but for the parts of the page: which class of processes may trace which, at each ptrace_scope.
 * It runs on any system.
 *
 * @module
 */
export type { RunningTracer } from '../policy/access/running-tracers.js';
export { htmlPage } from './formats/html.js';
export { type DiffProgram, type DiffSide, diffHosts, type MapDiff } from './graph/diff.js';
export { type MapOptions, mapHost } from './graph/map-host.js';
export type {
  Advice,
  ByScope,
  Dangerous,
  EdgeCounts,
  Exposed,
  HostMap,
  MapClass,
  MapEdge,
  MapProgram,
} from './graph/map-types.js';
