/**
 * `kernel.yama.ptrace_scope` now and after the next boot, by which file and line, against the demands of a benchmark; and the
 * smallest change that sets it.
 *
 * @module
 */
export type { RunningTracer } from '../policy/access/running-tracers.js';
export { type AuditOptions, type AuditReport, audit, type InstalledLoader } from './audit.js';
export type { InitProgram } from './boot/init.js';
export type { BootLoading, Loading } from './boot/loading.js';
export type { FileChange } from './remediate/edits.js';
export type { Impact, InstalledTool } from './remediate/impact.js';
export type { NextStep } from './remediate/next-steps.js';
export type { Instead } from './remediate/platforms.js';
export type { Refusal } from './remediate/refusal.js';
export {
  type Consent,
  ConsentError,
  RefusedError,
  type RemediateOptions,
  type Remediation,
  remediate,
} from './remediate/remediate.js';
export { type UndoneRemediation, type UndoOptions, undoRemediation } from './remediate/undo.js';
export type { AuditEvidence } from './rows/evidence.js';
export type { Profile, ProfileControl, Waiver } from './rows/profile.js';
export type { AuditRow, RowVerdict } from './rows/row.js';
export type {
  NextBoot,
  SysctlAssignment,
  SysctlFate,
  SysctlLoader,
  SysctlWriter,
} from './sysctl/config.js';
export type { Origin } from './sysctl/line.js';
export type { IdleFate } from './sysctl/plan.js';
export type { OperatingSystem } from './tree/os-release.js';
export type { Provenance } from './tree/provenance.js';
