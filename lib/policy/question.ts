import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { AccessMode } from './access-mode.js';
import type { Outcome, RuleId } from './verdict.js';

/** A host with the processes of the same moment, for ancestry. */
export type Host = HostFacts & { processes: readonly ProcessFacts[] };

/** Who asks for what, of whom. For `traceme` the tracer is the parent that the target would get as one. */
export interface Question {
  tracer: ProcessFacts;
  target: ProcessFacts;
  host: Host;
  mode: AccessMode;
}

/** What one rule says. */
export interface Judgement {
  rule: RuleId;
  outcome: Outcome;
  because: string;
}

export function judge(rule: RuleId, outcome: Outcome, because: string): Judgement {
  return { rule, outcome, because };
}
