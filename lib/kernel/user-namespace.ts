import { native } from './native.js';
import { linkOf, textOf, tryProcFile } from './proc-files.js';

/** The facts about a user namespace that the rules use. */
export interface UserNs {
  /** The id of the parent namespace; `'none'` for the initial one; `'unknown'` where the parent isn't seen. */
  parent: string | 'none' | 'unknown';
  /** The effective uid of its creator: in the parent namespace that uid holds every capability in this one. */
  owner: number | null;
  /** The uid that is mapped to 0 inside, as we see it. */
  root: number | null;
}

export interface Owner {
  uid: number | null;
  gid: number | null;
}

/** A user namespace, with its root's ids as the owner. */
interface Level extends Owner {
  id: string;
}

/** A user namespace and those above, as far as they are seen. */
export interface Lineage {
  levels: readonly Level[];
  /** Whether the last level is the initial namespace. */
  isWhole: boolean;
}

const UNSEEN_LINEAGE: Lineage = { levels: [], isWhole: false };

/** include/linux/proc_ns.h, PROC_USER_INIT_INO: the same on every kernel. */
export const INITIAL_USER_NS = '4026531837';

/** A user namespace that a process is certainly not in, where the process' own namespace isn't seen. */
export interface RuledOutUserNs {
  id: string;
  /** Whether the process isn't in a namespace below either. */
  below: boolean;
  /** Whether the memory doesn't belong to this namespace either, unless the process is dumpable. */
  memory: boolean;
}

/** The visible facts about the user namespace of a process. */
export interface UserNsSeen {
  userNs: string | null;
  ruledOut: Omit<RuledOutUserNs, 'memory'> | null;
}

const UNSEEN: UserNsSeen = { userNs: null, ruledOut: null };

const MAP_NAMES = ['uid_map', 'gid_map', 'projid_map'] as const;

/** The texts of a process' three id maps. Null: the map isn't seen. */
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
 * Whether an id map names an id that our own namespace lacks. Each extent of a namespace below ours lies within one of
 * our own extents.
 *
 * Kernel: kernel/user_namespace.c, map_write(), map_id_range_down(); uid_m_show() shows the ids as our namespace names
 * them
 */
function leavesOurs(idMap: string, own: string): boolean {
  const ours = extentsOf(own);
  return extentsOf(idMap).some(
    ({ outside, count }) =>
      !ours.some(({ inside, count: length }) => inside <= outside && outside + count <= inside + length),
  );
}

/** The id outside that 0 is mapped to, from /proc/PID/uid_map or gid_map. Null: 0 isn't mapped. */
export function parseNamespaceRoot(idMap: string): number | null {
  // 2^32 - 1 stands for an id that isn't mapped in our own namespace.
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

/** The user namespaces that one observation has seen. An id identifies a namespace as long as a process is in it. */
export class UserNamespaces {
  /** The namespace of this process. Null where /proc doesn't show it. */
  readonly own: string | null = idOf(process.pid);
  readonly seen: Record<string, UserNs> = {};
  /** As {@link UserNs.root}, for the gid. The two maps are written separately. */
  readonly #rootGroups: Record<string, number | null> = {};
  readonly #lineages = new Map<string, Lineage>();
  #overflow: number | undefined;

  /** Our own id maps. An empty map may still be written, once: kernel/user_namespace.c, map_write(). */
  #maps: IdMaps | undefined;

  /** Must be read before the maps of other processes, because a written map doesn't change any more. */
  get ownMaps(): IdMaps {
    this.#maps ??= this.own === null ? [] : mapsOf(process.pid);
    return this.#maps;
  }

  /**
   * The user namespace of a process. Reading the link requires READ access; everybody may read the id maps. For our own
   * namespace the kernel shows the same maps to all of its processes, so a process with other maps is in another
   * namespace.
   *
   * If this process is in the initial namespace, a process with the same maps is in the initial namespace too. Another
   * namespace may also map all uids and gids in one line (unshare --map-users=all). But tools hardly ever write the map
   * of project ids, and that map then stays empty.
   *
   * Kernel: fs/proc/namespaces.c, proc_ns_readlink(); kernel/user_namespace.c, uid_m_show() and projid_m_show();
   * kernel/user.c, init_user_ns
   */
  of(pid: number): UserNsSeen {
    const id = idOf(pid);
    return this.byLink(pid, id, id === null && this.ownMaps.length > 0 ? mapsOf(pid) : []);
  }

  /** As {@link of}, from the text of the link and, where that is null, from the id maps. */
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

  /** Whether this process is in the initial namespace, where every id is mapped. */
  get isInitial(): boolean {
    return this.own === INITIAL_USER_NS;
  }

  /**
   * An id as /proc shows it. Null: the overflow uid, which stands for any id that isn't mapped in our own namespace.
   *
   * Kernel: kernel/user_namespace.c, from_kuid_munged()
   */
  idSeen(id: number | null): number | null {
    if (this.isInitial) return id;
    this.#overflow ??= Number(textOf('/proc/sys/kernel/overflowuid') ?? 65534);
    return id === this.#overflow ? null : id;
  }

  /** This namespace and those above, as far as they were seen. */
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

  /** Whether reading further processes can't change the {@link lineage} of a namespace. */
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

  /** Records a namespace and those above. False: the process has ended, or has joined another namespace since. */
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

  /** In a namespace that doesn't map 0, the global root owns the files that otherwise belong to the namespace's root. */
  #rootSeenFromOutside(pid: number, id: string, name: 'uid_map' | 'gid_map'): number | null {
    const map = mapOf(pid, name);
    // The process may have ended and its pid been reused, or it may have joined another namespace.
    if (map === null || idOf(pid) !== id) return null;
    return parseNamespaceRoot(map) ?? (this.own === INITIAL_USER_NS ? 0 : null);
  }
}
