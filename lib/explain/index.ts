/**
 * Why an attach is refused, and whether a crash leaves a core dump: the kernel's rules on the facts of this host, beside the
 * kernel's own answer.
 *
 * @module
 */
export type { CoreNameFacts, CoreProcessFacts, Limit } from '../kernel/core-dump-facts.js';
export type { CoreSettings } from '../kernel/core-settings.js';
export type { DirectoryFacts, FileSite, ReceiverSite } from '../kernel/core-site.js';
export type { FileCapabilities } from '../kernel/file-capabilities.js';
export type { ExecCredentials, OwnerId, ProgramFile } from '../kernel/program-file.js';
export type { Fact } from '../policy/access/fact.js';
export type { SurroundingsName } from '../policy/remedies/surroundings.js';
export { type CoreDumpExplanation, explainCoreDump } from './core-dump.js';
export { coreDumpText } from './core-dump-text.js';
export type { DebuggerFacts } from './debugger.js';
export { type ExplainOptions, type Explanation, explainSync } from './explain.js';
export type { Emphasis, Paint } from './lines.js';
export type { Observed } from './observed.js';
export { explain } from './on-demand.js';
export { explanationText, type TextOptions } from './text.js';
