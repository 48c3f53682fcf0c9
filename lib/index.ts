/**
 * Closing this process to tracers, and asking who may trace which process. This entry point loads no rules, no map and no
 * debugger; `explain()` loads the rules at its first call.
 *
 * @module
 */
export type { ConfineChannel, ConfineReport } from './confine/report.js';
export { type Confined, type SpawnConfinedOptions, spawnConfined } from './confine/spawn-confined.js';
export {
  allowTracing,
  type ChannelName,
  type DenyOptions,
  type DenyReport,
  denyTracing,
  type Verified,
  withTracing,
} from './deny/deny-tracing.js';
export { type SpawnDeniedOptions, spawnDenied } from './deny/spawn-denied.js';
export { SyscallError, TracegateError, type TracegateErrorCode } from './errors.js';
export type { ExplainOptions, Explanation } from './explain/explain.js';
export { explain } from './explain/on-demand.js';
export { type Dumpable, getDumpable, setDumpable } from './kernel/dumpable.js';
export type { ConfineWay, DenyWay } from './kernel/launch.js';
export { type ProbeResult, probe, probeSync } from './kernel/probe.js';
export type { ProbeMethod, ProbeReason } from './kernel/probe-outcome.js';
export type { ProbeAs, ProbeOptions } from './kernel/probe-question.js';
export type { PtraceScope, PtraceScopeName, PtraceScopeValue } from './kernel/ptrace-scope.js';
export { type Ptracer, type PtracerResult, setPtracer } from './kernel/ptracer.js';
export type { Credentials } from './kernel/stranger.js';
export { type TraceStatus, traceStatus } from './kernel/trace-status.js';
export { readPtraceScope } from './kernel/yama.js';
