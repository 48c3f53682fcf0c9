import { getDumpable } from './dumpable.js';
import type { ProcStatus } from './proc-status.js';
import type { Beside, ProcessFacts } from './process-facts.js';
import type { Owner, UserNamespaces } from './user-namespace.js';

const IDS = ['uid', 'gid'] as const;

/** Unless an id of the two is seen to differ. */
const mayBe = (owner: Owner, other: Owner) =>
  IDS.every(id => owner[id] === null || other[id] === null || owner[id] === other[id]);

/**
 * Who owns a file of /proc/PID tells whether it is dumpable: its effective uid and gid own it while it is, otherwise
 * the root of its memory's user namespace. Where both look alike, null. `roots` are those of the namespaces that the
 * memory may belong to, with null for what isn't seen.
 *
 * Kernel: fs/proc/base.c, task_dump_owner()
 */
export function dumpableFromOwner(owner: Owner, effective: Owner, roots: readonly Owner[]): boolean | null {
  if (!mayBe(owner, effective)) return false;
  const isItsOwn = IDS.some(id => owner[id] !== null && owner[id] === effective[id]);
  return isItsOwn && !roots.some(root => mayBe(owner, root)) ? true : null;
}

/** The namespace of the memory: the process' own or one above it, whose root owns the files of /proc/PID. */
function memoryNamespace(owner: Owner, chain: readonly string[], namespaces: UserNamespaces): string | null {
  const top = namespaces.seen[chain.at(-1) ?? ''];
  if (top?.parent !== 'none') return null;
  const possible = chain.filter(id => mayBe(owner, namespaces.rootOf(id)));
  return possible.length === 1 ? (possible[0] ?? null) : null;
}

type Memory = Pick<ProcessFacts, 'dumpable' | 'memoryUserNs'>;

export function memoryOf(status: ProcStatus, beside: Beside, namespaces: UserNamespaces): Memory {
  const { owner: seen, userNs } = beside;
  if (status.kind !== 'user' || seen === null) return { dumpable: null, memoryUserNs: null };
  const owner = { uid: namespaces.idSeen(seen.uid), gid: namespaces.idSeen(seen.gid) };
  const chain = userNs === null ? [] : namespaces.chain(userNs);
  const isWhole = namespaces.seen[chain.at(-1) ?? '']?.parent === 'none';
  const roots = isWhole ? chain.map(id => namespaces.rootOf(id)) : [{ uid: null, gid: null }];
  const effective = {
    uid: namespaces.idSeen(status.uids.effective),
    gid: namespaces.idSeen(status.gids.effective),
  };
  const dumpable =
    status.pid === process.pid ? getDumpable() === 'user' : dumpableFromOwner(owner, effective, roots);
  return {
    dumpable,
    memoryUserNs: dumpable ? null : memoryNamespace(owner, chain, namespaces),
  };
}
