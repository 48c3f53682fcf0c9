import { labelFrom } from './lsm-label.js';
import type { NativePortion, NativeTable } from './native.js';
import { exposureOf, type NodeExposure } from './node-exposure.js';
import { NO_OTHER_THREADS } from './other-threads.js';
import { type Ids, kindOf, type ProcStatus, seccompOf } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import { factsFrom } from './read-process-facts.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/proc/process_row.h, Sight. The place is the number. A process that is gone has no row. */
export const SIGHTS = ['gone', 'seen', 'hidden', 'unsettled'] as const;

/** native/addon/process_table_call.cc, NumbersOf(): the place of a number in its row. -1: not seen. */
export const ROW = {
  ...{ sight: 0, pid: 1, ppid: 2, tgid: 3, startTime: 4 },
  ...{ comm: 5, threads: 6, commandLine: 7, profile: 8 },
} as const;
export const ROW_COLUMNS = 9;

/** native/addon/process_table_call.cc, ProfileOf(): the place of a number in its profile. */
export const PROFILE = {
  ...{ state: 0, kindFlags: 1, uids: 2, gids: 6 },
  ...{ permitted: 10, effective: 11, inheritable: 12, bounding: 13 },
  ...{ tracer: 14, seccomp: 15, noNewPrivs: 16, ownerUid: 17, ownerGid: 18, userNs: 19, idMaps: 20 },
  ...{ labelError: 21, label: 22, blocked: 23, ignored: 24, caught: 25 },
} as const;
export const PROFILE_COLUMNS = 26;

type RowColumn = (typeof ROW)[keyof typeof ROW];
type ProfileColumn = (typeof PROFILE)[keyof typeof PROFILE];

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
  /** The facts of one of the processes, once the facts hold for the others too. */
  #alike: ProcessFacts | null = null;

  constructor(numbers: Float64Array, strings: readonly string[]) {
    this.#numbers = numbers;
    this.#strings = strings;
  }

  #number(column: ProfileColumn, next = 0): number {
    return this.#numbers[column + next] ?? -1;
  }

  #mask(column: ProfileColumn): string | null {
    const mask = this.#number(column);
    return mask < 0 ? null : mask.toString(16).padStart(MASK_DIGITS, '0');
  }

  #ids(column: ProfileColumn): Ids {
    return {
      real: this.#number(column),
      effective: this.#number(column, 1),
      saved: this.#number(column, 2),
      fs: this.#number(column, 3),
    };
  }

  #status(own: Own): ProcStatus {
    const state = String.fromCharCode(this.#number(PROFILE.state));
    return {
      ...own,
      kind: kindOf({ flags: this.#number(PROFILE.kindFlags), state }),
      state,
      uids: this.#ids(PROFILE.uids),
      gids: this.#ids(PROFILE.gids),
      capPermitted: this.#mask(PROFILE.permitted) ?? '',
      capEffective: this.#mask(PROFILE.effective) ?? '',
      capInheritable: this.#mask(PROFILE.inheritable),
      capBounding: this.#mask(PROFILE.bounding),
      tracerPid: this.#number(PROFILE.tracer),
      seccomp: seccompOf(this.#number(PROFILE.seccomp)),
      noNewPrivs: NO_NEW_PRIVS[this.#number(PROFILE.noNewPrivs)] ?? null,
    };
  }

  /** The facts of one process. Null: the row names a user namespace that can't be read any more. */
  facts(own: Own, namespaces: UserNamespaces): ProcessFacts | null {
    return this.#alike === null ? this.#findFacts(own, namespaces) : { ...this.#alike, ...own };
  }

  // A method of its own: V8 compiles facts(), which runs for each process, sooner without this part.
  #findFacts(own: Own, namespaces: UserNamespaces): ProcessFacts | null {
    const id = this.#number(PROFILE.userNs);
    const link = id < 0 ? null : `${id}`;
    const maps = this.#number(PROFILE.idMaps);
    const idMaps = maps < 0 ? [] : pointedTo(this.#strings, maps).split('\0');
    const userNs = namespaces.byLink(own.pid, link, idMaps);
    if (link !== null && userNs.userNs === null) return null;
    const uid = this.#number(PROFILE.ownerUid);
    const owner = uid < 0 ? null : { uid, gid: this.#number(PROFILE.ownerGid) };
    const error = this.#number(PROFILE.labelError);
    const lsmLabel = labelFrom(error < 0 ? error : pointedTo(this.#strings, this.#number(PROFILE.label)));
    const otherFacts = { owner, userNs, lsmLabel, otherThreads: NO_OTHER_THREADS };
    const facts = factsFrom(this.#status(own), otherFacts, namespaces);
    // A fact about the namespaces may still be unknown. Then another process may reveal it, so nothing is kept.
    if (namespaces.isSettled(userNs.userNs)) this.#alike = facts;
    return facts;
  }

  exposure(commandLine: string): NodeExposure | null {
    return exposureOf(commandLine, {
      blocked: this.#number(PROFILE.blocked),
      ignored: this.#number(PROFILE.ignored),
      handled: this.#number(PROFILE.caught),
    });
  }
}

const NO_ROWS: NativePortion = { rows: new Float64Array(), profiles: new Float64Array(), strings: [] };

/** A cursor over the rows of a table, which allocates no object for a row. */
export class Rows {
  readonly #table: NativeTable;
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
    this.#start = -ROW_COLUMNS;
  }

  #add({ profiles, strings }: NativePortion): void {
    this.#strings.push(...strings);
    for (let at = 0; at < profiles.length; at += PROFILE_COLUMNS) {
      this.#profiles.push(new Profile(profiles.subarray(at, at + PROFILE_COLUMNS), this.#strings));
    }
  }

  /** Moves to the next row of this portion. Returns false after the last. */
  next(): boolean {
    this.#start += ROW_COLUMNS;
    return this.#start < this.#numbers.length;
  }

  number(column: RowColumn): number {
    return this.#numbers[this.#start + column] ?? -1;
  }

  get #profile(): Profile {
    return pointedTo(this.#profiles, this.number(ROW.profile));
  }

  facts(namespaces: UserNamespaces): ProcessFacts | null {
    const own = {
      pid: this.number(ROW.pid),
      ppid: this.number(ROW.ppid),
      tgid: this.number(ROW.tgid),
      startTime: this.number(ROW.startTime),
      comm: pointedTo(this.#strings, this.number(ROW.comm)),
      threads: this.number(ROW.threads),
    };
    return this.#profile.facts(own, namespaces);
  }

  exposure(): NodeExposure | null {
    const commandLine = this.number(ROW.commandLine);
    return commandLine < 0 ? null : this.#profile.exposure(pointedTo(this.#strings, commandLine));
  }
}
