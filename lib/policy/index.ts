/**
 * The kernel's rules on facts, as pure functions: whether a process may trace another, how far code in a process can go, and
 * whether a crash leaves a core dump. It runs on any system, also where the addon is missing.
 *
 * @module
 */
export type { Capability } from '../kernel/capabilities.js';
export type { HostFacts, Snapshot } from '../kernel/host.js';
export type { ThreadRights, TracedThread } from '../kernel/other-threads.js';
export type { PerfAdmits, PerfEvents } from '../kernel/perf-events.js';
export type { Ids, ProcessKind, Rights } from '../kernel/proc-status.js';
export type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
export type { PtraceScope, PtraceScopeName, PtraceScopeValue } from '../kernel/ptrace-scope.js';
export type { RuledOutUserNs, UserNs } from '../kernel/user-namespace.js';
export { checkAccess } from './access/access-check.js';
export { ACCESS_MODES, type AccessMode } from './access/access-mode.js';
export type { Hindrance, Program } from './access/after-exec.js';
export type { ExecGains } from './access/exec-text.js';
export { type HypotheticalProcess, hypotheticalProcess } from './access/hypothetical.js';
export type { Host } from './access/question.js';
export type { Outcome, RuleId, Step, Verdict } from './access/verdict.js';
export { checkCoreDump } from './core-dump/core-dump.js';
export type { CoreDestination } from './core-dump/notes.js';
export type { CoreFacts, CoreRuleId, CoreStep, CoreVerdict } from './core-dump/verdict.js';
export type { AssumedBy } from './reach/assumable-credentials.js';
export {
  type Passage,
  type Reach,
  type Reached,
  type ReachOptions,
  type ReachStep,
  reach,
} from './reach/reach.js';
export type { Action } from './remedies/change.js';
export { type Remedy, remedies } from './remedies/remedies.js';
