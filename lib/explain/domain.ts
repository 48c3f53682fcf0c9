import { capabilityMask } from '../kernel/capabilities.js';
import { confinedProcesses } from '../kernel/confined-processes.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { confinedTree } from '../policy/access/confined-tree.js';
import type { Fact } from '../policy/access/fact.js';

/** The Landlock domain of a tracer, as far as one is known or assumed. */
export interface Domain {
  /** How the domain is known. Null: none is known, and no_new_privs shows whether there may be one. */
  by: 'assumption' | 'tracegate' | null;
  /** Whether the target is outside of the domain. */
  isConfined: Fact;
}

const NONE: Domain = { by: null, isConfined: false };

const not = (fact: Fact): Fact => (fact === null ? null : !fact);

function isOutside(
  root: ProcessFacts,
  target: ProcessFacts | null,
  processes: readonly ProcessFacts[],
): Fact {
  return target === null ? false : not(confinedTree(root, processes)(target));
}

/** The domain that the tracer would have, if it had been started confined. A stranger, with pid 0, has started nothing. */
export const assumedDomain = (
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  processes: readonly ProcessFacts[],
): Domain => ({ by: 'assumption', isConfined: tracer.pid === 0 || isOutside(tracer, target, processes) });

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
  if (root === undefined) return NONE;
  // The launcher sets no_new_privs in each of its domains.
  const isConfined = target?.noNewPrivs === false || isOutside(root, target, processes);
  return { by: 'tracegate', isConfined };
}
