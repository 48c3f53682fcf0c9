import type { HostFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { AccessMode } from './access-mode.js';
import type { Program } from './after-exec.js';
import type { Fact } from './fact.js';
import type { Outcome, RuleId } from './verdict.js';

/** A host with the processes of the same moment, for ancestry. */
export type Host = HostFacts & { processes: readonly ProcessFacts[] };

/** Tracer, target and access mode of one question. For `traceme` the tracer is the target's parent. */
export interface Question {
  tracer: ProcessFacts;
  target: ProcessFacts;
  host: Host;
  mode: AccessMode;
  /** The program that the tracer would execute. The tracer's facts are then those after the exec. */
  program?: Program | undefined;
  /** The access was recorded: its pids are those of processes that may have ended. `program`: the tracer's, null if it is unknown. */
  recorded?: { program: string | null };
  /**
   * Whether the tracer is in a Landlock domain that the target is outside of, where that is known or assumed. Without it
   * no_new_privs shows whether there may be one.
   */
  isConfined?: Fact | undefined;
}

/**
 * One answer of a rule. The answers are constants, so that a verdict allocates nothing. The text is built only when it is
 * needed.
 */
export interface Judgement {
  readonly rule: RuleId;
  readonly outcome: Outcome;
  /** The reason, with the facts of both sides. */
  readonly because: (question: Question) => string;
}

/** @param because the text, or the function that builds the text from the question */
export function judgement(
  rule: RuleId,
  outcome: Outcome,
  because: string | ((question: Question) => string),
): Judgement {
  return { rule, outcome, because: typeof because === 'string' ? () => because : because };
}
