import { labelFrom } from './lsm-label.js';
import type { NativePortion, NativeTable } from './native.js';
import { exposureOf, type NodeExposure } from './node-exposure.js';
import { NO_OTHER_THREADS } from './other-threads.js';
import { type Ids, kindOf, type ProcStatus, seccompOf } from './proc-status.js';
import { type Columns, type ProfileColumn, tableColumns } from './process-columns.js';
import type { ProcessFacts } from './process-facts.js';
import { factsFrom } from './read-process-facts.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/proc/process_row.h, Sight. The place is the number. A process that is gone has no row. */
export const SIGHTS = ['gone', 'seen', 'hidden', 'unsettled'] as const;
type Sight = (typeof SIGHTS)[number];

const NO_NEW_PRIVS = [false, true];

/** The kernel writes these masks with all their digits: fs/proc/array.c, render_cap_t(). */
const MASK_DIGITS = 16;

/** The facts that belong to a single process, and not to its profile. */
type Own = Pick<ProcStatus, 'pid' | 'ppid' | 'tgid' | 'startTime' | 'comm' | 'threads'>;

/** The item that a row points to. The addon returns the item before the row. */
function pointedTo<Item>(items: readonly Item[], place: number): Item {
  const item = items[place];
  if (item === undefined) throw new Error(`The addon's table points to ${place} of ${items.length}.`);
  return item;
}

/** The facts that many processes share. The facts for the rules are computed once for each profile. */
class Profile {
  readonly #numbers: Float64Array;
  readonly #strings: readonly string[];
  readonly #places: Columns['profile'];
  /** The facts of one of the processes, once the facts hold for the others too. */
  #alike: ProcessFacts | null = null;

  constructor(numbers: Float64Array, strings: readonly string[], places: Columns['profile']) {
    this.#numbers = numbers;
    this.#strings = strings;
    this.#places = places;
  }

  #number(column: ProfileColumn): number {
    return this.#numbers[this.#places[column]] ?? -1;
  }

  #mask(column: ProfileColumn): string | null {
    const mask = this.#number(column);
    return mask < 0 ? null : mask.toString(16).padStart(MASK_DIGITS, '0');
  }

  #ids(of: 'Uid' | 'Gid'): Ids {
    return {
      real: this.#number(`real${of}`),
      effective: this.#number(`effective${of}`),
      saved: this.#number(`saved${of}`),
      fs: this.#number(`fs${of}`),
    };
  }

  #status(own: Own): ProcStatus {
    const state = String.fromCharCode(this.#number('state'));
    return {
      ...own,
      kind: kindOf({ flags: this.#number('kindFlags'), state }),
      state,
      uids: this.#ids('Uid'),
      gids: this.#ids('Gid'),
      capPermitted: this.#mask('permitted') ?? '',
      capEffective: this.#mask('effective') ?? '',
      capInheritable: this.#mask('inheritable'),
      capBounding: this.#mask('bounding'),
      tracerPid: this.#number('tracer'),
      seccomp: seccompOf(this.#number('seccomp')),
      noNewPrivs: NO_NEW_PRIVS[this.#number('noNewPrivs')] ?? null,
    };
  }

  /** The facts of one process. Null: the row names a user namespace that can't be read any more. */
  facts(own: Own, namespaces: UserNamespaces): ProcessFacts | null {
    return this.#alike === null ? this.#findFacts(own, namespaces) : { ...this.#alike, ...own };
  }

  // A method of its own: V8 compiles facts(), which runs for each process, sooner without this part.
  #findFacts(own: Own, namespaces: UserNamespaces): ProcessFacts | null {
    const id = this.#number('userNs');
    const link = id < 0 ? null : `${id}`;
    const maps = this.#number('idMaps');
    const idMaps = maps < 0 ? [] : pointedTo(this.#strings, maps).split('\0');
    const userNs = namespaces.byLink(own.pid, link, idMaps);
    if (link !== null && userNs.userNs === null) return null;
    const uid = this.#number('ownerUid');
    const owner = uid < 0 ? null : { uid, gid: this.#number('ownerGid') };
    const error = this.#number('labelError');
    const lsmLabel = labelFrom(error < 0 ? error : pointedTo(this.#strings, this.#number('label')));
    const otherFacts = { owner, userNs, lsmLabel, otherThreads: NO_OTHER_THREADS };
    const facts = factsFrom(this.#status(own), otherFacts, namespaces);
    // A fact about the namespaces may still be unknown. Then another process may reveal it, so nothing is kept.
    if (namespaces.isSettled(userNs.userNs)) this.#alike = facts;
    return facts;
  }

  exposure(commandLine: string): NodeExposure | null {
    return exposureOf(commandLine, {
      blocked: this.#number('blocked'),
      ignored: this.#number('ignored'),
      handled: this.#number('caught'),
    });
  }
}

const NO_ROWS: NativePortion = { rows: new Float64Array(), profiles: new Float64Array(), strings: [] };

/** A cursor over the rows of a table, which allocates no object for a row. */
export class Rows {
  readonly #table: NativeTable;
  readonly #columns = tableColumns();
  // The strings and profiles of all portions so far.
  readonly #strings: string[] = [];
  readonly #profiles: Profile[] = [];
  #numbers: Float64Array = NO_ROWS.rows;
  #start = 0;

  constructor(table: NativeTable) {
    this.#table = table;
  }

  /** Moves before the first row of the next portion. */
  nextPortion(): void {
    const portion = this.#table.next() ?? NO_ROWS;
    this.#add(portion);
    this.#numbers = portion.rows;
    this.#start = -this.#columns.rowLength;
  }

  #add({ profiles, strings }: NativePortion): void {
    this.#strings.push(...strings);
    const { profile, profileLength } = this.#columns;
    for (let at = 0; at < profiles.length; at += profileLength) {
      this.#profiles.push(new Profile(profiles.subarray(at, at + profileLength), this.#strings, profile));
    }
  }

  /** Moves to the next row of this portion. Returns false after the last. */
  next(): boolean {
    this.#start += this.#columns.rowLength;
    return this.#start < this.#numbers.length;
  }

  /** The number at the place of a column. */
  #number(place: number): number {
    return this.#numbers[this.#start + place] ?? -1;
  }

  get pid(): number {
    return this.#number(this.#columns.row.pid);
  }

  get sight(): Sight | undefined {
    return SIGHTS[this.#number(this.#columns.row.sight)];
  }

  get #profile(): Profile {
    return pointedTo(this.#profiles, this.#number(this.#columns.row.profile));
  }

  facts(namespaces: UserNamespaces): ProcessFacts | null {
    const { row } = this.#columns;
    const own = {
      pid: this.#number(row.pid),
      ppid: this.#number(row.ppid),
      tgid: this.#number(row.tgid),
      startTime: this.#number(row.startTime),
      comm: pointedTo(this.#strings, this.#number(row.comm)),
      threads: this.#number(row.threads),
    };
    return this.#profile.facts(own, namespaces);
  }

  exposure(): NodeExposure | null {
    const commandLine = this.#number(this.#columns.row.commandLine);
    return commandLine < 0 ? null : this.#profile.exposure(pointedTo(this.#strings, commandLine));
  }
}
