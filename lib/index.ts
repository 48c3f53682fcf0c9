export { SyscallError, TracegateError, type TracegateErrorCode } from './errors.js';
export type { Capability } from './kernel/capabilities.js';
export { type Dumpable, getDumpable, setDumpable } from './kernel/dumpable.js';
export { type ProbeResult, probe, probeSync } from './kernel/probe.js';
export type { ProbeMethod } from './kernel/probe-outcome.js';
export type { ProbeAs, ProbeOptions } from './kernel/probe-question.js';
export { type Ptracer, type PtracerResult, setPtracer } from './kernel/ptracer.js';
export type { Credentials } from './kernel/stranger.js';
export { type TraceStatus, traceStatus } from './kernel/trace-status.js';
export {
  type PtraceScope,
  type PtraceScopeName,
  type PtraceScopeValue,
  readPtraceScope,
} from './kernel/yama.js';
