import { CAPABILITIES, capabilityMask } from '../kernel/capabilities.js';
import type { SnapshotFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import {
  type ExecCredentials,
  type ProgramFile,
  readExecCredentials,
  readProgramFile,
} from '../kernel/program-file.js';
import { afterExec, type Hindrance, type Program } from '../policy/access/after-exec.js';
import { isDescendant } from '../policy/access/ancestry.js';
import { type ExecGains, execGains, execText, keepsRights } from '../policy/access/exec-text.js';
import type { Fact } from '../policy/access/fact.js';
import type { Host } from '../policy/access/question.js';

/** A program that would trace, and the rights that its exec gives. An unseen value is null or `'unknown'`. */
export interface DebuggerFacts extends ProgramFile {
  /** Whether the exec succeeds. It fails where the bounding set lacks a capability that the file marks as effective. */
  starts: Fact;
  gains: ExecGains;
  /** Why set-id bits and file capabilities have no effect. */
  hinderedBy: Hindrance[];
  /** The gains in words. */
  because: string;
}

const ALL_CAPABILITIES = capabilityMask(CAPABILITIES).toString(16).padStart(16, '0');

/** A stranger has only its ids, and no restriction on what an exec may give. */
const OF_STRANGER: ExecCredentials = { ambient: '0000000000000000', isNoRoot: false, groups: [] };

/** @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`: there is no such program */
export function programOf(name: string, starter: ProcessFacts, isStranger: boolean): Program {
  return {
    file: readProgramFile(name, isStranger ? 'stranger' : starter.pid),
    starter: isStranger ? { ...starter, capBounding: ALL_CAPABILITIES } : starter,
    credentials: isStranger ? OF_STRANGER : readExecCredentials(starter.pid),
  };
}

export function debuggerFacts(program: Program, host: Host): DebuggerFacts {
  const after = afterExec(program, host);
  const { starts, hinderedBy } = after;
  return {
    ...program.file,
    starts,
    gains: execGains(program, after),
    hinderedBy,
    because: execText(program, after),
  };
}

/**
 * Whether the kernel's answer to this process holds for the program too. This process must be the starter, and the
 * program must keep its rights. The target must not be this process. Where ancestry counts, the target must be no
 * descendant of this process, because the program would not be its ancestor.
 */
export function standsForIt(
  { starter }: Program,
  after: ProcessFacts,
  target: ProcessFacts,
  { processes }: SnapshotFacts,
  asksAncestry: boolean,
): boolean {
  if (starter.pid !== process.pid || !keepsRights(starter, after)) return false;
  if (target.tgid === starter.tgid || target.tracerTgid === starter.tgid) return false;
  return !asksAncestry || isDescendant(target, starter.tgid, processes) === false;
}
