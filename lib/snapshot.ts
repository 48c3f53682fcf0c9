/**
 * The facts of processes and of a host, as plain data that can be saved and used elsewhere. The facts are those that the rules
 * of `tracegate/policy` look at, as far as this process sees them; the rest is null or `'unknown'`.
 *
 * @module
 */
export { type TreeMember, treeStatus } from './deny/tree-status.js';
export {
  type HostFacts,
  type ObserveOptions,
  type OnProgress,
  observe,
  type Snapshot,
  type SnapshotFacts,
} from './kernel/host.js';
export type { NodeExposure } from './kernel/node-exposure.js';
export type { ThreadRights, TracedThread } from './kernel/other-threads.js';
export type { PerfAdmits, PerfEvents } from './kernel/perf-events.js';
export type { ProcessFacts, SeenIds } from './kernel/process-facts.js';
export { factsOf } from './kernel/read-process-facts.js';
export type { RuledOutUserNs, UserNs } from './kernel/user-namespace.js';
export { readSnapshot as read, snapshotLines as lines } from './map/snapshot-file.js';
