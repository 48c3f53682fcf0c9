import { CAPABILITIES, type Capability } from '../../kernel/capabilities.js';
import type { HostFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { UserNs } from '../../kernel/user-namespace.js';
import { both, either, equal, type Fact } from './fact.js';

/** One hexadecimal digit of a mask. Number 0 is the last digit. */
function digitOf(mask: string, number: number): number {
  const code = mask.charCodeAt(mask.length - 1 - number);
  if (Number.isNaN(code)) return 0;
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

const BITS = new Map<Capability, number>(CAPABILITIES.map((capability, bit) => [capability, bit]));

/** Tests one hexadecimal digit, without parsing the whole mask. */
export function holds(mask: string | null, capability: Capability): Fact {
  if (mask === null) return null;
  const bit = BITS.get(capability) ?? -1;
  return (digitOf(mask, bit >> 2) & (1 << (bit & 3))) !== 0;
}

/** Whether `other` has all bits of `mask`. Comparing digits is faster than parsing both masks. */
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

/** A namespace and those above it, up to the initial one. A null at the end stands for namespaces that aren't seen. */
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

type Placed = Pick<ProcessFacts, 'userNs' | 'userNsRuledOut'>;

/** Whether a process is certainly not in a namespace. */
function isRuledOut({ userNs, userNsRuledOut }: Placed, id: string, namespaces: Namespaces): boolean {
  if (userNs !== null || userNsRuledOut === null) return false;
  const { id: from, below } = userNsRuledOut;
  return below ? upwards(id, namespaces).includes(from) : id === from;
}

/** Whether two processes are in one user namespace. */
export function sharesUserNs(one: Placed, other: Placed, namespaces: Namespaces): Fact {
  const isSame = equal(one.userNs, other.userNs);
  const isApart = (a: Placed, b: Placed) => b.userNs !== null && isRuledOut(a, b.userNs, namespaces);
  return isSame === null && (isApart(one, other) || isApart(other, one)) ? false : isSame;
}

/**
 * The answer for a process whose namespace isn't seen. The process has the capability if its namespace is in the chain,
 * or if it owns a namespace of the chain and is in the parent of that namespace.
 */
function capableFromUnseen(
  process: ProcessFacts,
  isEffective: Fact,
  chain: string[],
  namespaces: Namespaces,
): Fact {
  const mayBeIn = (id: string | undefined) => id === undefined || !isRuledOut(process, id, namespaces);
  const isOwner = (id: string, at: number) =>
    !isInitial(id, namespaces) &&
    equal(namespaces[id]?.owner ?? null, process.uids.effective) !== false &&
    mayBeIn(chain[at + 1]);
  const mayHold = isEffective !== false && chain.some(mayBeIn);
  return mayHold || chain.some(isOwner) ? null : false;
}

/**
 * Whether a process has a capability in a user namespace. One of two conditions is enough:
 * - the capability is effective, and the process is in that namespace or in one above
 * - the process is in an ancestor of that namespace, and its effective uid owns the ancestor's child on the way down
 *
 * Kernel: security/commoncap.c, cap_capable()
 */
export function capable(
  process: ProcessFacts,
  capability: Capability,
  target: string | null,
  namespaces: Namespaces,
): Fact {
  const { capEffective, userNs, uids } = process;
  const isEffective = holds(capEffective, capability);
  if (userNs !== null && userNs === target) return isEffective;
  const all = upwards(target, namespaces);
  const chain = all.filter(id => id !== null);
  const own = userNs === null ? -1 : chain.indexOf(userNs);
  const below = own > 0 ? chain[own - 1] : undefined;
  if (below !== undefined)
    return either(isEffective, equal(namespaces[below]?.owner ?? null, uids.effective));
  if (!all.includes(null)) {
    return userNs === null ? capableFromUnseen(process, isEffective, chain, namespaces) : false;
  }
  // Every process is in the initial namespace or below. A process below the last seen namespace is not above it.
  if (isInitial(userNs, namespaces)) return isEffective || null;
  const last = chain.at(-1);
  return last !== undefined && upwards(userNs, namespaces).includes(last) ? false : null;
}

/** As {@link capable}, for the user namespace of a target process. */
export function capableOver(
  process: ProcessFacts,
  capability: Capability,
  target: Placed,
  namespaces: Namespaces,
): Fact {
  const has = capable(process, capability, target.userNs, namespaces);
  if (has !== null || target.userNs !== null || target.userNsRuledOut === null) return has;
  const { id, below } = target.userNsRuledOut;
  // A capability counts in the process' own namespace and in those below.
  return below && upwards(process.userNs, namespaces).includes(id) ? false : null;
}

/** Whether a process has a capability in the initial user namespace. */
export function capableInInitial(
  process: ProcessFacts,
  capability: Capability,
  namespaces: Namespaces,
): Fact {
  const { capEffective, userNs, userNsRuledOut } = process;
  const isSeen = userNs !== null && userNs in namespaces;
  const isElsewhere = userNs === null && userNsRuledOut !== null && isInitial(userNsRuledOut.id, namespaces);
  const isThere = isElsewhere ? false : isSeen ? isInitial(userNs, namespaces) : null;
  return both(isThere, holds(capEffective, capability));
}

/**
 * As {@link capableOver}, for the target's namespace or an unknown one above it. A process that lacks the capability in
 * the lower namespace also lacks it above.
 */
export function capableAtOrAbove(
  tracer: ProcessFacts,
  capability: Capability,
  target: Placed,
  namespaces: Namespaces,
): Fact {
  const inLowest = capableOver(tracer, capability, target, namespaces);
  if (inLowest !== true || isInitial(target.userNs, namespaces)) return inLowest;
  return capableInInitial(tracer, capability, namespaces) ? true : null;
}
