import { type Explanation, explainSync } from '../explain/explain.js';
import { explanationText } from '../explain/text.js';
import type { ProbeResult } from '../kernel/probe.js';
import { pidOf, type Relative } from './relative.js';
import { withoutPrivileges } from './unprivileged-target.js';

/** A process by its pid, or an object with a pid: a child process, a {@link Relative}. */
export type ProcessLike = number | { readonly pid?: number | undefined };

/** An answer about one tracer. */
export interface Answered {
  /** Null: unknown, or no process has the pid. A matcher and its negation fail then, so that no test passes on a wrong pid. */
  isAttachable: boolean | null;
  /** The tracer, in words. */
  by: string;
  /** The explanation, rule by rule. */
  text: string;
}

function pidIn(process: ProcessLike): number {
  return typeof process === 'number' ? process : (process.pid as number);
}

const isOpen = ({ outcome, reason }: Pick<ProbeResult, 'outcome' | 'reason'>): boolean | null =>
  outcome === 'unknown' || reason === 'no-such-process' ? null : outcome === 'allowed';

function explained(by: string, explanation: Explanation): Answered {
  const { answer, facts } = explanation;
  const reason = facts.target === null ? 'no-such-process' : null;
  return { isAttachable: isOpen({ outcome: answer, reason }), by, text: explanationText(explanation) };
}

const AS_ORDINARY = 'Run the target as an ordinary user (setpriv --reuid 1000 --clear-groups).';

/** Why an answer that only the target's privileges give is no answer about the target's own state. */
const PRIVILEGES_ALONE = {
  allowed: `Only its capabilities keep a stranger out: the target has not opted out. ${AS_ORDINARY}`,
  unknown: `Its capabilities keep a stranger out, and whether the target has opted out isn't seen. ${AS_ORDINARY}`,
};

/** The questions of the matchers and of the assertions. */
export const attachable = {
  bySelf: (target: ProcessLike): Answered => explained('this process', explainSync(pidIn(target))),

  byProcess(target: ProcessLike, tracer: number | Relative): Answered | Promise<Answered> {
    const pid = pidIn(target);
    const by = `process ${pidOf(tracer)}`;
    const answered = explained(by, explainSync(pid, { tracer: pidOf(tracer) }));
    if (typeof tracer === 'number') return answered;
    return tracer.probe(pid).then(probed => ({
      isAttachable: isOpen(probed),
      by,
      text: `The kernel said ${probed.code ?? 'yes'} to process ${tracer.pid}.\n\n${answered.text}`,
    }));
  },

  byStranger(target: ProcessLike): Answered {
    const explanation = explainSync(pidIn(target), { tracer: 'stranger' });
    const answered = explained('a stranger', explanation);
    const verdict = withoutPrivileges(explanation)?.verdict ?? 'denied';
    if (verdict === 'denied') return answered;
    return { ...answered, isAttachable: null, text: `${PRIVILEGES_ALONE[verdict]}\n\n${answered.text}` };
  },
};

/** The message of a failure. */
export const failureOf = ({ by, text }: Answered, isNot: boolean): string =>
  `expected the process ${isNot ? 'not ' : ''}to be attachable by ${by}\n\n${text}`;
