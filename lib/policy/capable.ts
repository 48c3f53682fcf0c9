import { CAPABILITIES, type Capability } from '../kernel/capabilities.js';
import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { UserNs } from '../kernel/user-namespace.js';
import { both, either, equal, type Fact } from './fact.js';

/** A hexadecimal digit of a mask, the last being number 0. */
function digitOf(mask: string, number: number): number {
  const code = mask.charCodeAt(mask.length - 1 - number);
  if (Number.isNaN(code)) return 0;
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

const BITS = new Map<Capability, number>(CAPABILITIES.map((capability, bit) => [capability, bit]));

/** By the digit that has the bit. */
export function holds(mask: string | null, capability: Capability): Fact {
  if (mask === null) return null;
  const bit = BITS.get(capability) ?? -1;
  return (digitOf(mask, bit >> 2) & (1 << (bit & 3))) !== 0;
}

/** Whether all that is in `mask` is in `other`: digit by digit, which is faster than to parse them. */
export function isWithin(mask: string, other: string): boolean {
  if (mask === other) return true;
  for (let number = 0; number < mask.length; number++) {
    if ((digitOf(mask, number) & ~digitOf(other, number)) !== 0) return false;
  }
  return true;
}

type Namespaces = HostFacts['userNsParents'];

const isInitial = (id: string | null, namespaces: Namespaces) =>
  id !== null && namespaces[id]?.parent === 'none';

/** A namespace and those above it, up to the initial one. Null at the end stands for what isn't seen. */
export function upwards(id: string | null, namespaces: Namespaces): (string | null)[] {
  const chain: (string | null)[] = [id];
  for (let at = id; at !== null; ) {
    const parent: UserNs['parent'] = namespaces[at]?.parent ?? 'unknown';
    if (parent === 'none') break;
    at = parent === 'unknown' || chain.includes(parent) ? null : parent;
    chain.push(at);
  }
  return chain;
}

/** Of a process in a namespace that isn't seen: only who owns one of these can do without the capability itself. */
function capableFromUnseen(
  isEffective: Fact,
  euid: number | null,
  chain: string[],
  namespaces: Namespaces,
): Fact {
  const isOwner = (id: string) =>
    !isInitial(id, namespaces) && equal(namespaces[id]?.owner ?? null, euid) !== false;
  return isEffective === false && !chain.some(isOwner) ? false : null;
}

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
  if (userNs !== null && userNs === target) return isEffective;
  const all = upwards(target, namespaces);
  const chain = all.filter(id => id !== null);
  const own = userNs === null ? -1 : chain.indexOf(userNs);
  const below = own > 0 ? chain[own - 1] : undefined;
  if (below !== undefined)
    return either(isEffective, equal(namespaces[below]?.owner ?? null, uids.effective));
  if (!all.includes(null)) {
    return userNs === null ? capableFromUnseen(isEffective, uids.effective, chain, namespaces) : false;
  }
  // Everyone is in the initial namespace or below it. Who is below the last that is seen isn't above it.
  if (isInitial(userNs, namespaces)) return isEffective || null;
  const last = chain.at(-1);
  return last !== undefined && upwards(userNs, namespaces).includes(last) ? false : null;
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
