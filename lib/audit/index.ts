export { type AuditOptions, type AuditReport, audit } from './audit.js';
export type { Profile } from './profile.js';
export { ConsentError, type RemediateOptions, type Remediation, remediate } from './remediate.js';
export type { AuditRow, RowVerdict } from './row.js';
