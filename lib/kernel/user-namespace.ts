import { native } from './native.js';
import { linkOf, textOf, tryProcFile } from './proc-files.js';

/** What of a user namespace the rules look at. */
export interface UserNs {
  /** The id of the one above; `'none'` above the initial one; `'unknown'` above what we see. */
  parent: string | 'none' | 'unknown';
  /** The effective uid of its creator: in the parent namespace that uid holds every capability in this one. */
  owner: number | null;
  /** The uid that is 0 in it, as we see it. */
  root: number | null;
}

export interface Owner {
  uid: number | null;
  gid: number | null;
}

/** A user namespace, with who owns what should be its root's. */
interface Level extends Owner {
  id: string;
}

/** A user namespace and those above it, as far as they are seen. */
export interface Lineage {
  levels: readonly Level[];
  /** Whether the last is the initial one. */
  isWhole: boolean;
}

const UNSEEN_LINEAGE: Lineage = { levels: [], isWhole: false };

/** include/linux/proc_ns.h, PROC_USER_INIT_INO: the same on every kernel. */
export const INITIAL_USER_NS = '4026531837';

/** A user namespace that a process, whose own isn't seen, is certainly not in. */
export interface RuledOutUserNs {
  id: string;
  /** Whether it isn't in one below that either. */
  below: boolean;
  /** Whether its memory doesn't belong to that one either, unless it is dumpable. */
  memory: boolean;
}

/** What of its user namespace shows. */
export interface UserNsSeen {
  userNs: string | null;
  ruledOut: Omit<RuledOutUserNs, 'memory'> | null;
}

const UNSEEN: UserNsSeen = { userNs: null, ruledOut: null };

const MAP_NAMES = ['uid_map', 'gid_map', 'projid_map'] as const;

/** The texts of a process' three id maps; null for one that isn't seen. */
export type IdMaps = readonly (string | null)[];

interface Extent {
  inside: number;
  outside: number;
  count: number;
}

const extentsOf = (idMap: string): Extent[] =>
  idMap
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [inside = -1, outside = -1, count = 0] = line.trim().split(/\s+/).map(Number);
      return { inside, outside, count };
    });

/**
 * Whether an id map names an id that our own namespace has not. Each extent of a namespace below ours lies within one of
 * our own extents.
 *
 * Kernel: kernel/user_namespace.c, map_write(), map_id_range_down(); uid_m_show() gives the ids as ours has them
 */
function leavesOurs(idMap: string, own: string): boolean {
  const ours = extentsOf(own);
  return extentsOf(idMap).some(
    ({ outside, count }) =>
      !ours.some(({ inside, count: length }) => inside <= outside && outside + count <= inside + length),
  );
}

/** The id outside to which 0 is mapped, by /proc/PID/uid_map or gid_map; null if to none. */
export function parseNamespaceRoot(idMap: string): number | null {
  // 2^32 - 1: an id that our own namespace doesn't have.
  const root = extentsOf(idMap).find(({ inside, outside }) => inside === 0 && outside !== 2 ** 32 - 1);
  return root?.outside ?? null;
}

const mapOf = (pid: number, name: string): string | null => {
  const read = tryProcFile(pid, name);
  return read.state === 'read' ? read.text : null;
};

const mapsOf = (pid: number): IdMaps => MAP_NAMES.map(name => mapOf(pid, name));

const idOf = (pid: number): string | null =>
  /^user:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/ns/user`) ?? '')?.[1] ?? null;

/** Each of our looks at the same namespaces: an id is that of one namespace for as long as somebody is in it. */
export class UserNamespaces {
  /** Our own. Null where /proc doesn't show it. */
  readonly own: string | null = idOf(process.pid);
  readonly seen: Record<string, UserNs> = {};
  /** As {@link UserNs.root}, of the gid: the two maps are written apart. */
  readonly #rootGroups: Record<string, number | null> = {};
  readonly #lineages = new Map<string, Lineage>();
  #overflow: number | undefined;

  /** Our own id maps. An empty one may still be written, once: kernel/user_namespace.c, map_write(). */
  #maps: IdMaps | undefined;

  /** To be asked before the maps of others are read: what is there by then doesn't change. */
  get ownMaps(): IdMaps {
    this.#maps ??= this.own === null ? [] : mapsOf(process.pid);
    return this.#maps;
  }

  /**
   * A process' user namespace. The link takes READ access; anybody may read the id maps. The kernel shows the maps of our
   * own namespace to each of us alike, so a process with other maps is in another one. In the initial namespace, a process
   * with our maps is in it too. The kernel writes them so for itself; another namespace may map all uids and gids in one
   * line too (unshare --map-users=all), but hardly a tool ever writes a map of project ids, which is empty then.
   *
   * Kernel: fs/proc/namespaces.c, proc_ns_readlink(); kernel/user_namespace.c, uid_m_show() and projid_m_show();
   * kernel/user.c, init_user_ns
   */
  of(pid: number): UserNsSeen {
    const id = idOf(pid);
    return this.byLink(pid, id, id === null && this.ownMaps.length > 0 ? mapsOf(pid) : []);
  }

  /** As {@link of}, by what the link said and, where it is null, by the id maps. */
  byLink(pid: number, id: string | null, maps: IdMaps): UserNsSeen {
    if (id !== null) return this.#look(pid, id) ? { userNs: id, ruledOut: null } : UNSEEN;
    const { own, ownMaps } = this;
    if (own === null) return UNSEEN;
    const written = ownMaps.flatMap((ours, at) => {
      const theirs = maps[at] ?? null;
      return ours === null || ours === '' || theirs === null ? [] : [{ ours, theirs }];
    });
    if (written.some(({ ours, theirs }) => ours !== theirs)) {
      const below = written.some(({ ours, theirs }) => leavesOurs(theirs, ours));
      return { userNs: null, ruledOut: { id: own, below } };
    }
    const isAlike = written.length === MAP_NAMES.length;
    return isAlike && this.isInitial && this.#look(process.pid, own)
      ? { userNs: own, ruledOut: null }
      : UNSEEN;
  }

  /** Whether this process is in the initial namespace, where every id has a name. */
  get isInitial(): boolean {
    return this.own === INITIAL_USER_NS;
  }

  /**
   * An id as /proc shows it, or null where that may stand for any id that our own namespace doesn't have.
   *
   * Kernel: kernel/user_namespace.c, from_kuid_munged()
   */
  idSeen(id: number | null): number | null {
    if (this.isInitial) return id;
    this.#overflow ??= Number(textOf('/proc/sys/kernel/overflowuid') ?? 65534);
    return id === this.#overflow ? null : id;
  }

  /** The namespaces from this one up, of those that processes were seen in. */
  lineage(id: string | null): Lineage {
    if (id === null) return UNSEEN_LINEAGE;
    let lineage = this.#lineages.get(id);
    if (lineage === undefined) {
      lineage = this.#climbed(id);
      this.#lineages.set(id, lineage);
    }
    return lineage;
  }

  #climbed(id: string): Lineage {
    const levels: Level[] = [];
    let at: string | undefined = id;
    for (; at !== undefined && at !== 'none' && at !== 'unknown'; at = this.seen[at]?.parent)
      levels.push({ id: at, uid: this.seen[at]?.root ?? null, gid: this.#rootGroups[at] ?? null });
    return { levels, isWhole: at === 'none' };
  }

  /** Whether no look at another process could change its {@link lineage}. */
  isSettled(id: string | null): boolean {
    return this.lineage(id).levels.every(level => this.#isKnown(level.id));
  }

  #isKnown(id: string): boolean {
    return typeof this.seen[id]?.root === 'number' && typeof this.#rootGroups[id] === 'number';
  }

  #look(pid: number, id: string): boolean {
    return this.#isKnown(id) || this.#learn(pid, id);
  }

  #learn(pid: number, id: string): boolean {
    this.#lineages.clear();
    if (!(id in this.seen) && !this.#climb(pid, id)) return false;
    const entry = this.seen[id];
    if (entry?.root === null) entry.root = this.#rootSeenFromOutside(pid, id, 'uid_map');
    this.#rootGroups[id] ??= id === this.own ? 0 : this.#rootSeenFromOutside(pid, id, 'gid_map');
    return true;
  }

  /** Notes a namespace and those above it. False: the process ended, or has joined another one since. */
  #climb(pid: number, id: string): boolean {
    const numbers = id === INITIAL_USER_NS ? [Number(id), 0] : native().userNamespaces(pid);
    if (typeof numbers === 'number' || `${numbers[0]}` !== id) return false;
    for (let at = 0; at < numbers.length; at += 2) {
      const current = `${numbers[at]}`;
      const above = numbers[at + 2];
      this.seen[current] ??= {
        parent: current === INITIAL_USER_NS ? 'none' : above === undefined ? 'unknown' : `${above}`,
        owner: this.idSeen(numbers[at + 1] ?? null),
        root: current === this.own ? 0 : null,
      };
    }
    return true;
  }

  /** A namespace that has no 0 gives what its root should own to the global root. */
  #rootSeenFromOutside(pid: number, id: string, name: 'uid_map' | 'gid_map'): number | null {
    const map = mapOf(pid, name);
    // It may have ended, and its pid be another's, or have joined another namespace.
    if (map === null || idOf(pid) !== id) return null;
    return parseNamespaceRoot(map) ?? (this.own === INITIAL_USER_NS ? 0 : null);
  }
}
