import { capabilityMask } from '../kernel/capabilities.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { confinedProcesses, ownLandlockDomains } from '../kernel/security-modules.js';
import { confinedTree } from '../policy/access/confined-tree.js';
import type { Question } from '../policy/access/question.js';

/** The Landlock domain of a tracer, as far as one is known or assumed. */
export interface Domain extends Pick<Question, 'isConfined'> {
  /** How the domain is known. Null: none is known. */
  by: 'assumption' | 'tracegate' | 'trial' | null;
}

/** Within the domain of `root` nothing is known: there may be a further one. */
function outsideOf(
  root: ProcessFacts,
  target: ProcessFacts | null,
  processes: readonly ProcessFacts[],
): Pick<Question, 'isConfined'> {
  const isInside = target === null || confinedTree(root, processes)(target);
  return isInside === true ? {} : { isConfined: isInside === null ? null : true };
}

/** The domain that the tracer would have, if it had been started confined. A stranger, with pid 0, has started nothing. */
export const assumedDomain = (
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  processes: readonly ProcessFacts[],
): Domain => ({
  by: 'assumption',
  ...(tracer.pid === 0 ? { isConfined: true } : outsideOf(tracer, target, processes)),
});

/** With one of these a process reads and profiles others in spite of Landlock. Kernel: kernel/fork.c, may_access_mm() */
const PASS_LANDLOCK = capabilityMask(['CAP_SYS_ADMIN', 'CAP_PERFMON']);

const without = (set: string | null) =>
  set && (BigInt(`0x${set}`) & ~PASS_LANDLOCK).toString(16).padStart(16, '0');

/** The facts of a process that the launcher has confined: native/launch/confine.cc. */
export const asConfined = (facts: ProcessFacts): ProcessFacts => ({
  ...facts,
  capPermitted: without(facts.capPermitted),
  capEffective: without(facts.capEffective),
  capInheritable: without(facts.capInheritable),
  capBounding: without(facts.capBounding),
});

/**
 * The domain in which this process has started the tracer, or an ancestor of the tracer.
 *
 * @param processes with the ancestors of both
 */
export function knownDomain(
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  processes: readonly ProcessFacts[],
): Domain {
  const root = processes.find(
    facts =>
      facts.startTime !== null &&
      confinedProcesses.get(facts.pid) === facts.startTime &&
      confinedTree(facts, processes)(tracer) === true,
  );
  // The launcher sets no_new_privs in each of its domains.
  if (root === undefined || tracer.noNewPrivs === false) return { by: null };
  const outside = target?.noNewPrivs === false ? { isConfined: true } : outsideOf(root, target, processes);
  return { by: 'tracegate', ...outside };
}

/** The domain of this process, which is the tracer. @param isOfChild the target is a child that this process would start */
export function ownDomain(isOfChild: boolean): Domain {
  const count = ownLandlockDomains();
  if (count === null) return { by: null };
  return count === 0
    ? { by: null, isConfined: false }
    : { by: 'trial', isConfined: isOfChild ? false : null };
}
