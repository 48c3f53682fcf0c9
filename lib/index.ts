export { type AuditOptions, type AuditReport, audit } from './audit/audit.js';
export type { Profile } from './audit/profile.js';
export { type RemediateOptions, type Remediation, remediate } from './audit/remediate.js';
export type { AuditRow, RowVerdict } from './audit/row.js';
export {
  type AllowDebuggerOptions,
  allowDebugger,
  type DebuggerGrant,
  type DebuggerIdentity,
  type GrantEnd,
} from './debugger/allow-debugger.js';
export { type Effect, type GrantEffect, grantEffect } from './debugger/effect.js';
export type { GrantEvent, GrantRequest, ServeGrantsOptions } from './debugger/grant-options.js';
export type { GrantRecord, Requester } from './debugger/grant-protocol.js';
export { type GrantServer, serveGrants } from './debugger/grant-server.js';
export { type CrashHandler, type CrashOptions, onCrash } from './debugger/on-crash.js';
export { type DebuggerProcess, type SpawnDebuggerOptions, spawnDebugger } from './debugger/spawn-debugger.js';
export {
  allowTracing,
  type ChannelName,
  type DenyOptions,
  type DenyReport,
  denyTracing,
  type Verified,
  withTracing,
} from './deny/deny-tracing.js';
export type { DenyMode } from './deny/launch.js';
export { type SpawnDeniedOptions, spawnDenied } from './deny/spawn-denied.js';
export { type TreeMember, treeStatus } from './deny/tree-status.js';
export { SyscallError, TracegateError, type TracegateErrorCode } from './errors.js';
export { type CoreDumpExplanation, explainCoreDump } from './explain/core-dump.js';
export { coreDumpText } from './explain/core-dump-text.js';
export type { DebuggerFacts } from './explain/debugger.js';
export { type ExplainOptions, type Explanation, explain } from './explain/explain.js';
export type { Observed } from './explain/observed.js';
export { explanationText, type TextOptions } from './explain/text.js';
export type { Capability } from './kernel/capabilities.js';
export type { CoreNameFacts, CoreProcessFacts, Limit } from './kernel/core-dump-facts.js';
export type { CoreSettings } from './kernel/core-settings.js';
export type { DirectoryFacts, FileSite, ReceiverSite } from './kernel/core-site.js';
export { type Dumpable, getDumpable, setDumpable } from './kernel/dumpable.js';
export type { FileCapabilities } from './kernel/file-capabilities.js';
export {
  type HostFacts,
  observeHost,
  observeHostAndNodes,
  observeProcesses,
  type Snapshot,
  type SnapshotWithNodes,
} from './kernel/host.js';
export type { NodeExposure } from './kernel/node-exposure.js';
export type { ThreadRights, TracedThread } from './kernel/other-threads.js';
export type { PerfAdmits, PerfEvents } from './kernel/perf-events.js';
export { type ProbeResult, probe, probeSync } from './kernel/probe.js';
export type { ProbeMethod } from './kernel/probe-outcome.js';
export type { ProbeAs, ProbeOptions } from './kernel/probe-question.js';
export { factsOf, type ProcessFacts, type SeenIds } from './kernel/process-facts.js';
export type { ExecCredentials, OwnerId, ProgramFile } from './kernel/program-file.js';
export { type Ptracer, type PtracerResult, setPtracer } from './kernel/ptracer.js';
export type { Credentials } from './kernel/stranger.js';
export { type TraceStatus, traceStatus } from './kernel/trace-status.js';
export type { RuledOutUserNs, UserNs } from './kernel/user-namespace.js';
export {
  type PtraceScope,
  type PtraceScopeName,
  type PtraceScopeValue,
  readPtraceScope,
} from './kernel/yama.js';
export { diffHosts, type MapDiff } from './map/diff.js';
export type { HostMap, NamedSnapshot } from './map/host-map.js';
export { htmlPage } from './map/html.js';
export { type MapOptions, mapHost } from './map/map-host.js';
export { readSnapshot, snapshotLines } from './map/snapshot-file.js';
export { checkAccess } from './policy/access-check.js';
export { ACCESS_MODES, type AccessMode } from './policy/access-mode.js';
export type { Hindrance, Program } from './policy/after-exec.js';
export { checkCoreDump } from './policy/core-dump.js';
export type { CoreDestination } from './policy/core-notes.js';
export type { CoreFacts, CoreRuleId, CoreStep, CoreVerdict } from './policy/core-verdict.js';
export type { ExecGains } from './policy/exec-text.js';
export { type HypotheticalProcess, hypotheticalProcess } from './policy/hypothetical.js';
export type { Host } from './policy/question.js';
export {
  type Passage,
  type Reach,
  type Reached,
  type ReachOptions,
  type ReachStep,
  reach,
} from './policy/reach.js';
export type { Action, Remedy } from './policy/remedies.js';
export type { RuleId, Step, Verdict } from './policy/verdict.js';
