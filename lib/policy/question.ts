import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { AccessMode } from './access-mode.js';
import type { Program } from './after-exec.js';
import type { Outcome, RuleId } from './verdict.js';

/** A host with the processes of the same moment, for ancestry. */
export type Host = HostFacts & { processes: readonly ProcessFacts[] };

/** Who asks for what, of whom. For `traceme` the tracer is the parent that the target would get as one. */
export interface Question {
  tracer: ProcessFacts;
  target: ProcessFacts;
  host: Host;
  mode: AccessMode;
  /** What the tracer would execute, where it is a program that isn't started yet: then the tracer is what its exec gives. */
  program?: Program;
}

/**
 * What one rule says. A rule has a few of these and returns one of them, so that a verdict builds nothing; the text is
 * built for the question when somebody wants to see it.
 */
export interface Judgement {
  readonly rule: RuleId;
  readonly outcome: Outcome;
  /** With the facts of both sides. */
  readonly because: (question: Question) => string;
}

/** @param because the text, or what builds it from a question of which the rule says this */
export function judgement(
  rule: RuleId,
  outcome: Outcome,
  because: string | ((question: Question) => string),
): Judgement {
  return { rule, outcome, because: typeof because === 'string' ? () => because : because };
}
