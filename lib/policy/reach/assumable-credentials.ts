import type { HostFacts } from '../../kernel/host.js';
import type { ProcessFacts, SeenIds } from '../../kernel/process-facts.js';
import { capable, capableOver, holds, upwards } from '../access/capable.js';
import { both, equal, type Fact } from '../access/fact.js';

/** How a process gets the credentials: it already has them, or by setresuid(2) and the like, an exec, or setns(2). */
export type AssumedBy = 'itself' | 'set-ids' | 'exec' | 'setns';

/** Credentials that code in a process has, or can take on. */
export interface AssumableCredentials {
  as: ProcessFacts;
  by: AssumedBy;
  /** False: whether the process can take on the credentials depends on an unseen fact. */
  isCertain: boolean;
}

type Namespaces = HostFacts['userNsParents'];

export const FULL = 'ffffffffffffffff';

/** The capabilities that the rules ask of a tracer. */
export const HELPFUL = ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SETGID'] as const;

const allIds = (id: number | null): SeenIds => ({ real: id, effective: id, saved: id, fs: id });

const own = ({ real, effective, saved }: SeenIds) =>
  real === effective && real === saved ? [real] : [...new Set([real, effective, saved])];

interface Choice {
  id: number | null;
  isCertain: boolean;
}

const certainly = (ids: readonly (number | null)[]): Choice[] => ids.map(id => ({ id, isCertain: true }));

/**
 * The owners of the namespace on the target's chain that is a child of the process' own. That owner holds every
 * capability in the namespace and below. Where the process' namespace isn't seen, the owners of the whole chain.
 */
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
 * The ids that a process can take. setresuid(2) allows every process its real, effective and saved ids; CAP_SETUID and
 * CAP_SETGID allow any mapped id. Outside of the initial namespace some ids aren't mapped, and the mapping isn't seen.
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

/** The process with ids that help against this target, and with all permitted capabilities effective (capset(2)). */
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

/** Whether both masks are seen, and `b` has all bits of `a`. */
export const isPart = (a: bigint | null, b: bigint | null): boolean =>
  a !== null && b !== null && (a & ~b) === 0n;

/**
 * An exec as uid 0 permits all inheritable capabilities and the bounding set. With no_new_privs the exec permits nothing
 * more. The securebits can also prevent it, and they aren't seen.
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
 * A process with CAP_SYS_ADMIN in a namespace can enter it by setns(2), and then has every capability inside. The process
 * needs a handle of the namespace: a descriptor, or a file handle of nsfs. The candidates are the target's own namespace
 * and those above, because the target's memory may belong to one of them.
 *
 * Kernel: kernel/user_namespace.c, userns_install()
 */
function afterSetns(process: ProcessFacts, target: ProcessFacts, namespaces: Namespaces): ProcessFacts[] {
  const others = upwards(target.userNs, namespaces).filter(id => equal(id, process.userNs) !== true);
  if (others.length === 0) return [];
  const raised = { ...process, capEffective: process.capPermitted };
  // A namespace that is ruled out for the target rules out those above the target's own: the target would be below it.
  const has = (id: string | null): Fact =>
    id === null && target.userNs === null
      ? capableOver(raised, 'CAP_SYS_ADMIN', target, namespaces)
      : capable(raised, 'CAP_SYS_ADMIN', id, namespaces);
  return others
    .filter(id => has(id) !== false)
    .map(userNs => ({ ...process, userNs, userNsRuledOut: null, capPermitted: FULL, capEffective: FULL }));
}

/**
 * All credentials that code in a process can take on before it accesses this target:
 * - raise its permitted capabilities, and take another of its ids
 * - take any id, with CAP_SETUID or CAP_SETGID
 * - execute a program as uid 0, or enter the target's user namespace; both are uncertain
 *
 * A fork changes no fact that the rules use.
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
 * Whether the process can surely take on credentials with CAP_SYS_PTRACE in a namespace. Then the ids and capabilities of
 * the processes in that namespace don't matter.
 */
export function rulesOver(process: ProcessFacts, userNs: string, namespaces: Namespaces): boolean {
  for (const { as, isCertain } of withIds(process, { ...process, userNs }, namespaces)) {
    if (isCertain && capable(as, 'CAP_SYS_PTRACE', userNs, namespaces) === true) return true;
  }
  return false;
}

/**
 * Whether the process can surely take any ids, and gains nothing more by an exec. Then the ids of targets don't matter.
 */
export function takesAnyIds(process: ProcessFacts, namespaces: Namespaces): boolean {
  const { capPermitted, userNs } = process;
  const any = both(holds(capPermitted, 'CAP_SETUID'), holds(capPermitted, 'CAP_SETGID'));
  const isInitial = userNs !== null && namespaces[userNs]?.parent === 'none';
  return any === true && isInitial && afterExec(process, namespaces) === null;
}

/** Whether the process may have CAP_SYS_PTRACE in a namespace, with certain or uncertain credentials. */
export function mayRuleOver(process: ProcessFacts, userNs: string, namespaces: Namespaces): boolean {
  for (const { as } of assumableBy(process, { ...process, userNs }, namespaces)) {
    if (capable(as, 'CAP_SYS_PTRACE', userNs, namespaces) !== false) return true;
  }
  return false;
}

/**
 * The namespaces in which the process may have a helpful capability: its own namespace and those below, and the
 * namespaces that it owns, with those below. A null in `below` selects every namespace.
 */
export function mayHavePowerIn(process: ProcessFacts, namespaces: Namespaces): NamespaceSelection {
  const { userNs, uids, capPermitted } = process;
  const helps = HELPFUL.some(capability => holds(capPermitted, capability) !== false);
  return {
    below: helps || userNs === null || afterExec(process, namespaces) !== null ? userNs : false,
    madeBy: own(uids),
  };
}

/** Selects namespaces by the namespace above them (null: any; false: none), and by the uid of their owner. */
export interface NamespaceSelection {
  below: string | null | false;
  madeBy: (number | null)[];
}

/** Whether the process may take ids that it doesn't have. */
export function mayTakeOtherIds(process: ProcessFacts, namespaces: Namespaces): boolean {
  const executed = afterExec(process, namespaces);
  const sets = [process.capPermitted, ...(executed === null ? [] : [executed.capPermitted])];
  return sets.some(set => holds(set, 'CAP_SETUID') !== false || holds(set, 'CAP_SETGID') !== false);
}

/** The pairs of ids that the process has, or may have after an exec. */
export function ownIds(
  process: ProcessFacts,
  namespaces: Namespaces,
): [uid: number | null, gid: number | null][] {
  const executed = afterExec(process, namespaces);
  const uids = [...own(process.uids), ...(executed === null ? [] : own(executed.uids))];
  return uids.flatMap(uid => own(process.gids).map((gid): [number | null, number | null] => [uid, gid]));
}
