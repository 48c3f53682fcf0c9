import { type Capability, capabilityMask } from '../kernel/capabilities.js';
import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { UserNs } from '../kernel/user-namespace.js';
import { both, either, equal, type Fact } from './fact.js';

export function holds(mask: string | null, capability: Capability): Fact {
  if (mask === null) return null;
  return (BigInt(`0x${mask}`) & capabilityMask([capability])) !== 0n;
}

const UNSEEN = { parent: 'unknown', owner: null } as const;

type Namespaces = HostFacts['userNsParents'];

const isInitial = (id: string | null, namespaces: Namespaces) =>
  id !== null && namespaces[id]?.parent === 'none';

/**
 * Whether a process has a capability in a user namespace: if it is effective and the namespace its own or one below, or
 * if its effective uid made the namespace, or the one above it, from the process' own.
 *
 * Kernel: security/commoncap.c, cap_capable()
 */
export function capable(
  { capEffective, userNs, uids }: ProcessFacts,
  capability: Capability,
  target: string | null,
  namespaces: Namespaces,
): Fact {
  const isEffective = holds(capEffective, capability);
  if (userNs === null || target === null) {
    // Everyone is in the initial namespace or below it, and nobody above it.
    if (isInitial(userNs, namespaces) && isEffective) return true;
    return isInitial(target, namespaces) && isEffective === false ? false : null;
  }
  for (let at = target; ; ) {
    if (at === userNs) return isEffective;
    const { parent, owner }: Pick<UserNs, 'parent' | 'owner'> = namespaces[at] ?? UNSEEN;
    if (parent === 'none') return false;
    // One sees the namespaces below one's own: another that is seen is not above the one where the way ends.
    if (parent === 'unknown') return userNs in namespaces ? false : null;
    if (parent === userNs) return either(isEffective, equal(owner, uids.effective));
    at = parent;
  }
}

/** In the namespace that is above all. */
export function capableInInitial(
  { capEffective, userNs }: ProcessFacts,
  capability: Capability,
  namespaces: Namespaces,
): Fact {
  const isThere = userNs === null || !(userNs in namespaces) ? null : isInitial(userNs, namespaces);
  return both(isThere, holds(capEffective, capability));
}

/** As {@link capable}, in `lowest` or a namespace above it: in which, one doesn't know. What one lacks below, one lacks above. */
export function capableAtOrAbove(
  tracer: ProcessFacts,
  capability: Capability,
  lowest: string | null,
  namespaces: Namespaces,
): Fact {
  const inLowest = capable(tracer, capability, lowest, namespaces);
  if (inLowest !== true || isInitial(lowest, namespaces)) return inLowest;
  return capableInInitial(tracer, capability, namespaces) ? true : null;
}
