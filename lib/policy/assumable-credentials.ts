import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { capable, capableOver, holds, upwards } from './capable.js';
import { both, equal, type Fact } from './fact.js';

/** How a process takes the credentials on: it has them, by setresuid(2) and the like, by an exec, or by setns(2). */
export type AssumedBy = 'itself' | 'set-ids' | 'exec' | 'setns';

/** The process with credentials that code in it has, or can take on. */
export interface AssumableCredentials {
  as: ProcessFacts;
  by: AssumedBy;
  /** False: it hangs on what isn't seen whether the process can look so. */
  isCertain: boolean;
}

type Namespaces = HostFacts['userNsParents'];

export const FULL = 'ffffffffffffffff';

/** Those that a tracer is asked for. */
export const HELPFUL = ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SETGID'] as const;

const allIds = (id: number | null): SeenIds => ({ real: id, effective: id, saved: id, fs: id });

const own = ({ real, effective, saved }: SeenIds) =>
  real === effective && real === saved ? [real] : [...new Set([real, effective, saved])];

interface Choice {
  id: number | null;
  isCertain: boolean;
}

const certainly = (ids: readonly (number | null)[]): Choice[] => ids.map(id => ({ id, isCertain: true }));

/** Who holds every capability in the target's namespace by having made it, or the one above, from the process' own. */
function ownersBelow(
  userNs: string | null,
  target: string | null,
  namespaces: Namespaces,
): (number | null)[] {
  const chain = upwards(target, namespaces);
  const at = chain.indexOf(userNs);
  const below = userNs === null ? chain : at > 0 ? chain.slice(at - 1, at) : [];
  return below.map(id => (id === null ? null : (namespaces[id]?.owner ?? null)));
}

/**
 * Its real, effective and saved ids are free to every process (setresuid(2)); the capability makes it any. In another
 * namespace than the initial one not every id has a name, which isn't seen.
 */
function choices(
  ids: SeenIds,
  wanted: () => readonly (number | null)[],
  mayAny: Fact,
  isInitial: boolean,
): Choice[] {
  const free = own(ids);
  if (mayAny === false) return certainly(free);
  const isCertain = mayAny === true && isInitial;
  const more = [...new Set(wanted())].filter(id => id !== null && !free.includes(id));
  return [...certainly(free), ...more.map(id => ({ id, isCertain }))];
}

/** With ids that help with this target, and effective what is permitted (capset(2), PR_SET_KEEPCAPS). */
function* withIds(
  process: ProcessFacts,
  target: ProcessFacts,
  namespaces: Namespaces,
): Generator<AssumableCredentials> {
  const { capPermitted, userNs } = process;
  const isInitial = userNs !== null && namespaces[userNs]?.parent === 'none';
  const any = (capability: 'CAP_SETUID' | 'CAP_SETGID') => holds(capPermitted, capability);
  const wanted = () => [...own(target.uids), ...ownersBelow(userNs, target.userNs, namespaces)];
  const uids = choices(process.uids, wanted, any('CAP_SETUID'), isInitial);
  const gids = choices(process.gids, () => own(target.gids), any('CAP_SETGID'), isInitial);
  for (const uid of uids) {
    for (const gid of gids) {
      const as = { ...process, uids: allIds(uid.id), gids: allIds(gid.id), capEffective: capPermitted };
      const isItself = uid === uids[0] && gid === gids[0];
      yield { as, by: isItself ? 'itself' : 'set-ids', isCertain: uid.isCertain && gid.isCertain };
    }
  }
}

export const union = (a: string | null, b: string | null): string | null =>
  a === null || b === null ? null : (BigInt(`0x${a}`) | BigInt(`0x${b}`)).toString(16);

export const maskOf = (text: string | null): bigint | null => (text === null ? null : BigInt(`0x${text}`));

/** Whether all that is in `a` is seen to be in `b`. */
export const isPart = (a: bigint | null, b: bigint | null): boolean =>
  a !== null && b !== null && (a & ~b) === 0n;

/**
 * An exec by uid 0 permits it what it inherits and what its bounding set has, unless it has set no_new_privs, or its
 * securebits, which don't show, say otherwise.
 *
 * Kernel: security/commoncap.c, handle_privileged_root() and cap_bprm_creds_from_file()
 */
function afterExec(process: ProcessFacts, namespaces: Namespaces): ProcessFacts | null {
  const { userNs, uids, capPermitted, capInheritable, capBounding, noNewPrivs } = process;
  const root = userNs === null ? null : (namespaces[userNs]?.root ?? null);
  const isRoot = own(uids).some(uid => equal(uid, root) !== false);
  const mayBecome = holds(capPermitted, 'CAP_SETUID') !== false;
  if (noNewPrivs === true || !(isRoot || mayBecome)) return null;
  const gained = union(capInheritable, capBounding);
  if (isPart(maskOf(gained), maskOf(capPermitted))) return null;
  const as = root === null && !mayBecome ? uids : allIds(root);
  return { ...process, uids: as, capPermitted: gained, capEffective: gained };
}

/**
 * Who has CAP_SYS_ADMIN in a namespace and finds a way to name it (a descriptor, nsfs' file handles) has every capability
 * in there. The target's own, and, as its memory may belong there, those above it.
 *
 * Kernel: kernel/user_namespace.c, userns_install()
 */
function afterSetns(process: ProcessFacts, target: ProcessFacts, namespaces: Namespaces): ProcessFacts[] {
  const others = upwards(target.userNs, namespaces).filter(id => equal(id, process.userNs) !== true);
  if (others.length === 0) return [];
  const raised = { ...process, capEffective: process.capPermitted };
  // What is ruled out for the target is ruled out for the namespaces above its own: they would have it below them.
  const has = (id: string | null): Fact =>
    id === null && target.userNs === null
      ? capableOver(raised, 'CAP_SYS_ADMIN', target, namespaces)
      : capable(raised, 'CAP_SYS_ADMIN', id, namespaces);
  return others
    .filter(id => has(id) !== false)
    .map(userNs => ({ ...process, userNs, userNsRuledOut: null, capPermitted: FULL, capEffective: FULL }));
}

/**
 * All that code in a process can make of it before it asks for this target: raise what it is permitted, take another of
 * its ids, with CAP_SETUID and CAP_SETGID any, and, as far as that can't be told from outside, execute a program as
 * uid 0, or enter the target's user namespace. A fork changes nothing that the rules look at.
 *
 * Kernel: kernel/sys.c, __sys_setresuid(); kernel/capability.c, capset()
 */
export function* assumableBy(
  process: ProcessFacts,
  target: ProcessFacts,
  namespaces: Namespaces,
): Generator<AssumableCredentials> {
  yield* withIds(process, target, namespaces);
  function* perhaps(facts: ProcessFacts, by: AssumedBy): Generator<AssumableCredentials> {
    for (const { as } of withIds(facts, target, namespaces)) yield { as, by, isCertain: false };
  }
  const executed = afterExec(process, namespaces);
  if (executed !== null) yield* perhaps(executed, 'exec');
  for (const one of executed === null ? [process] : [process, executed]) {
    for (const entered of afterSetns(one, target, namespaces)) yield* perhaps(entered, 'setns');
  }
}

/**
 * Whether it has CAP_SYS_PTRACE over whatever is in a namespace, with credentials that it can surely take on: then neither ids nor
 * capabilities of what is there matter.
 */
export function rulesOver(process: ProcessFacts, userNs: string, namespaces: Namespaces): boolean {
  for (const { as, isCertain } of withIds(process, { ...process, userNs }, namespaces)) {
    if (isCertain && capable(as, 'CAP_SYS_PTRACE', userNs, namespaces) === true) return true;
  }
  return false;
}

/** Whether it can surely take any ids of its own namespace, and nothing more by an exec: then ids don't matter there. */
export function takesAnyIds(process: ProcessFacts, namespaces: Namespaces): boolean {
  const { capPermitted, userNs } = process;
  const any = both(holds(capPermitted, 'CAP_SETUID'), holds(capPermitted, 'CAP_SETGID'));
  const isInitial = userNs !== null && namespaces[userNs]?.parent === 'none';
  return any === true && isInitial && afterExec(process, namespaces) === null;
}

/** Whether it may have power over a namespace that it doesn't surely have. */
export function mayRuleOver(process: ProcessFacts, userNs: string, namespaces: Namespaces): boolean {
  for (const { as } of assumableBy(process, { ...process, userNs }, namespaces)) {
    if (capable(as, 'CAP_SYS_PTRACE', userNs, namespaces) !== false) return true;
  }
  return false;
}

/**
 * The namespaces over which it may have any power: those that it made, with what is below, or where it has, or may have by
 * an exec, a capability that helps, its own and those below. Null: any.
 */
export function mayHavePowerIn(process: ProcessFacts, namespaces: Namespaces): NamespaceSelection {
  const { userNs, uids, capPermitted } = process;
  const helps = HELPFUL.some(capability => holds(capPermitted, capability) !== false);
  return {
    below: helps || userNs === null || afterExec(process, namespaces) !== null ? userNs : false,
    madeBy: own(uids),
  };
}

/** Namespaces by what they lie in, null being any and false none, and by who made them. */
export interface NamespaceSelection {
  below: string | null | false;
  madeBy: (number | null)[];
}

/** Whether ids that aren't its own may be its own. */
export function mayTakeOtherIds(process: ProcessFacts, namespaces: Namespaces): boolean {
  const executed = afterExec(process, namespaces);
  const sets = [process.capPermitted, ...(executed === null ? [] : [executed.capPermitted])];
  return sets.some(set => holds(set, 'CAP_SETUID') !== false || holds(set, 'CAP_SETGID') !== false);
}

/** Ids that it has, or may have by an exec. */
export function ownIds(
  process: ProcessFacts,
  namespaces: Namespaces,
): [uid: number | null, gid: number | null][] {
  const executed = afterExec(process, namespaces);
  const uids = [...own(process.uids), ...(executed === null ? [] : own(executed.uids))];
  return uids.flatMap(uid => own(process.gids).map((gid): [number | null, number | null] => [uid, gid]));
}
