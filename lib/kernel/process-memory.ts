import { getDumpable } from './dumpable.js';
import type { ProcStatus } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import {
  INITIAL_USER_NS,
  type Lineage,
  type Owner,
  type UserNamespaces,
  type UserNsSeen,
} from './user-namespace.js';

/** Whether two ids are the same. Null: an id isn't seen. */
const isSame = (one: number | null, other: number | null) =>
  one === null || other === null ? null : one === other;

/** Whether two owners may be the same: no pair of seen ids differs. */
const mayBe = (owner: Owner, other: Owner) =>
  isSame(owner.uid, other.uid) !== false && isSame(owner.gid, other.gid) !== false;

const UNSEEN_ROOTS: readonly Owner[] = [{ uid: null, gid: null }];

/**
 * Derives the dumpable flag from the owner of a file in /proc/PID. A dumpable process' effective uid and gid own the
 * file. Otherwise the root of the memory's user namespace owns the file. Null where both look alike.
 *
 * Kernel: fs/proc/base.c, task_dump_owner()
 *
 * @param roots the roots of the namespaces that the memory may belong to, with null for unseen ids
 */
export function dumpableFromOwner(owner: Owner, effective: Owner, roots: readonly Owner[]): boolean | null {
  if (!mayBe(owner, effective)) return false;
  const isItsOwn = isSame(owner.uid, effective.uid) || isSame(owner.gid, effective.gid);
  return isItsOwn && !roots.some(root => mayBe(owner, root)) ? true : null;
}

/** The namespace of the memory: the process' own or one above. The root of that namespace owns the files of /proc/PID. */
function memoryNamespace(owner: Owner, { levels, isWhole }: Lineage): string | null {
  if (!isWhole) return null;
  const [first, ...others] = levels.filter(level => mayBe(owner, level));
  return first === undefined || others.length > 0 ? null : first.id;
}

const GLOBAL_ROOT: Owner = { uid: 0, gid: 0 };

/** What the facts about the memory are derived from, in addition to the status of the process. */
export interface MemorySource {
  /** The owner of a file in /proc/PID that the process owns; null where the owner isn't seen. */
  owner: { uid: number; gid: number } | null;
  userNs: UserNsSeen;
}

type Memory = Pick<ProcessFacts, 'dumpable' | 'memoryUserNs' | 'userNsRuledOut'>;

export function memoryOf(status: ProcStatus, source: MemorySource, namespaces: UserNamespaces): Memory {
  const {
    owner: seen,
    userNs: { userNs, ruledOut },
  } = source;
  const ruledOutWith = (memory: boolean) => (ruledOut === null ? null : { ...ruledOut, memory });
  if (status.kind !== 'user' || seen === null)
    return { dumpable: null, memoryUserNs: null, userNsRuledOut: ruledOutWith(false) };
  const owner = { uid: namespaces.idSeen(seen.uid), gid: namespaces.idSeen(seen.gid) };
  const lineage = namespaces.lineage(userNs);
  const roots = lineage.isWhole ? lineage.levels : UNSEEN_ROOTS;
  const effective = {
    uid: namespaces.idSeen(status.uids.effective),
    gid: namespaces.idSeen(status.gids.effective),
  };
  const dumpable =
    status.pid === process.pid ? getDumpable() === 'user' : dumpableFromOwner(owner, effective, roots);
  return {
    dumpable,
    memoryUserNs: dumpable ? null : memoryNamespace(owner, lineage),
    userNsRuledOut: ruledOutWith(ruledOut?.id === INITIAL_USER_NS && !mayBe(owner, GLOBAL_ROOT)),
  };
}
