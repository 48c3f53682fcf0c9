// The specification of a population of real processes, as data. generate.ts draws it, shrink.ts reduces it, and a
// difference prints it. A step that the kernel refuses does no harm, because the facts are read from /proc.
import type { FilterSpec } from './confinement.js';

/** The first process of the actor, root, or another by its name: a process or a thread. */
export type RoleName = string;
export const CONDUCTOR: RoleName = 'conductor';

/** As the process' own user namespace numbers them: real, effective, saved, fs. -1: as it is. */
export type IdSet = readonly [number, number, number, number];

export interface CredentialsSpec {
  readonly uids: IdSet;
  readonly gids: IdSet;
  /** Masks, of which the process takes the permitted bits. */
  readonly permitted: string;
  readonly effective: string;
}

/** Inside, outside, count: a line of uid_map. */
export type MapLine = readonly [number, number, number];

export interface NamespaceSpec {
  readonly owner: number;
  readonly group: number;
  /** Empty: it stays without. */
  readonly uidMap: readonly MapLine[];
  readonly gidMap: readonly MapLine[];
}

/** The irrevocable restrictions of a thread. */
export interface ConfinementSpec {
  /** Otherwise it takes the rest by CAP_SYS_ADMIN, so that less shows from outside. */
  readonly noNewPrivs?: boolean;
  readonly filters?: readonly FilterSpec[];
  /** So many Landlock domains, each within the one before. */
  readonly domains?: number;
  /** Before it begins threads and has children, which inherit it. Otherwise just before it takes its credentials. */
  readonly early?: boolean;
}

/** What leaders and other threads have in common. */
export interface ThreadSpec {
  readonly name: RoleName;
  readonly confines?: ConfinementSpec;
  readonly credentials?: CredentialsSpec;
  readonly heldBy?: Held;
}

export interface Held {
  readonly role: RoleName;
  /** After both have taken their credentials; otherwise while both are root. */
  readonly late?: boolean;
}

export interface ProcessSpec extends ThreadSpec {
  /** The thread that forks it; an earlier one. */
  readonly parent: RoleName;
  readonly subreaper?: boolean;
  /** It makes a user namespace of its own. Its children are in it. */
  readonly namespace?: NamespaceSpec;
  /** It enters that of another process, with a uid and a gid of where it comes from, which may have no name there. */
  readonly joins?: { readonly role: RoleName; readonly uid: number; readonly gid: number };
  /** In its namespace: only then its memory belongs there. */
  readonly executes?: boolean;
  readonly threads?: readonly ThreadSpec[];
  readonly dumpable?: boolean;
  readonly declares?: 'any' | 'init' | RoleName;
  /**
   * `orphaning`: before anything else, and is reaped, so that its children are adopted; `zombie`: at last, and is not
   * reaped; `leader`: its first thread alone.
   */
  readonly ends?: 'orphaning' | 'zombie' | 'leader';
}

export type Population = readonly ProcessSpec[];

/** Which process a role is, or is a thread of. */
export function processOf(population: Population, role: RoleName): ProcessSpec | undefined {
  return population.find(({ name, threads }) => name === role || threads?.some(each => each.name === role));
}

/** The process that adopts the children of an orphaning one: kernel/exit.c, find_new_reaper(). Null: outside. */
export function parentAtLast(population: Population, spec: ProcessSpec): RoleName | null {
  const parent = processOf(population, spec.parent);
  if (parent === undefined) return CONDUCTOR;
  if (parent.ends === undefined || parent.ends === 'leader') return parent.name;
  for (let at = parent; ; ) {
    const above = processOf(population, at.parent);
    if (above === undefined) return null;
    if (above.subreaper && above.ends === undefined) return above.name;
    at = above;
  }
}
