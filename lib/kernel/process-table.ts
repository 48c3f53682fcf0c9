import { TracegateError } from '../errors.js';
import { labelFrom, mayHaveLabels } from './lsm-label.js';
import { type NativeRows, type NativeTable, native } from './native.js';
import { doorsOf, type NodeDoors, nodeDoors } from './node-doors.js';
import { showsOurPids } from './proc-files.js';
import { type Ids, kindOf, type ProcStatus, seccompOf } from './proc-status.js';
import { factsFrom, factsOf, type ProcessFacts, unseenProcess } from './process-facts.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/process_row.h, Wanted */
const WANTED = { idMaps: 1, labels: 2, nodes: 4 };

/** native/process_row.h, Sight: its place is the number. One that is gone has no row. */
export const SIGHTS = ['gone', 'seen', 'hidden', 'unsettled'] as const;

/** native/process_table_call.cc, NumbersOf(): where a number stands in its row. One that isn't seen is -1. */
export const COLUMN = {
  ...{ sight: 0, pid: 1, ppid: 2, tgid: 3, startTime: 4, comm: 5, state: 6, flags: 7 },
  ...{ uids: 8, gids: 12, permitted: 16, effective: 17, inheritable: 18, bounding: 19 },
  ...{ threads: 20, tracer: 21, seccomp: 22, noNewPrivs: 23, blocked: 24, ignored: 25, caught: 26 },
  ...{ ownerUid: 27, ownerGid: 28, userNs: 29, hasIdMaps: 30, labelError: 31, label: 32, commandLine: 33 },
} as const;
export const COLUMNS = 34;

type Column = (typeof COLUMN)[keyof typeof COLUMN];

const NO_NEW_PRIVS = [false, true];

/** The kernel writes these masks with all their digits: fs/proc/array.c, render_cap_t(). */
const MASK_DIGITS = 16;

/** The rows, one after the other: that there is no object for each is half of what they cost. */
class Rows {
  readonly #numbers: Float64Array;
  readonly #strings: readonly string[];
  readonly #masks = new Map<number, string>();
  #start = -COLUMNS;

  constructor({ numbers, strings }: NativeRows) {
    this.#numbers = numbers;
    this.#strings = strings;
  }

  /** Goes to the first, then to the next; false after the last. */
  next(): boolean {
    this.#start += COLUMNS;
    return this.#start < this.#numbers.length;
  }

  number(column: Column): number {
    return this.#numbers[this.#start + column] ?? -1;
  }

  string(column: Column): string | null {
    return this.#strings[this.number(column)] ?? null;
  }

  #mask(column: Column): string | null {
    const mask = this.number(column);
    if (mask < 0) return null;
    let text = this.#masks.get(mask);
    if (text === undefined) {
      text = mask.toString(16).padStart(MASK_DIGITS, '0');
      this.#masks.set(mask, text);
    }
    return text;
  }

  #ids(column: Column): Ids {
    const at = this.#start + column;
    const [numbers, none] = [this.#numbers, -1];
    return {
      real: numbers[at] ?? none,
      effective: numbers[at + 1] ?? none,
      saved: numbers[at + 2] ?? none,
      fs: numbers[at + 3] ?? none,
    };
  }

  status(): ProcStatus {
    const state = String.fromCharCode(this.number(COLUMN.state));
    return {
      pid: this.number(COLUMN.pid),
      ppid: this.number(COLUMN.ppid),
      tgid: this.number(COLUMN.tgid),
      startTime: this.number(COLUMN.startTime),
      comm: this.string(COLUMN.comm) ?? '',
      kind: kindOf({ flags: this.number(COLUMN.flags), state }),
      state,
      uids: this.#ids(COLUMN.uids),
      gids: this.#ids(COLUMN.gids),
      capPermitted: this.#mask(COLUMN.permitted) ?? '',
      capEffective: this.#mask(COLUMN.effective) ?? '',
      capInheritable: this.#mask(COLUMN.inheritable),
      capBounding: this.#mask(COLUMN.bounding),
      threads: this.number(COLUMN.threads),
      tracerPid: this.number(COLUMN.tracer),
      seccomp: seccompOf(this.number(COLUMN.seccomp)),
      noNewPrivs: NO_NEW_PRIVS[this.number(COLUMN.noNewPrivs)] ?? null,
    };
  }

  /** Null: its user namespace is seen, and what that is isn't any more. */
  facts(namespaces: UserNamespaces): ProcessFacts | null {
    const id = this.number(COLUMN.userNs);
    const link = id < 0 ? null : `${id}`;
    const hasIdentityMaps = this.number(COLUMN.hasIdMaps) === 1;
    const userNs = namespaces.byLink(this.number(COLUMN.pid), link, () => hasIdentityMaps);
    if (link !== null && userNs === null) return null;
    const uid = this.number(COLUMN.ownerUid);
    const owner = uid < 0 ? null : { uid, gid: this.number(COLUMN.ownerGid) };
    const error = this.number(COLUMN.labelError);
    const lsmLabel = labelFrom(error < 0 ? error : (this.string(COLUMN.label) ?? ''));
    return factsFrom(this.status(), { owner, userNs, lsmLabel }, namespaces);
  }

  doors(): NodeDoors | null {
    const commandLine = this.string(COLUMN.commandLine);
    if (commandLine === null) return null;
    return doorsOf(commandLine, {
      blocked: this.number(COLUMN.blocked),
      ignored: this.number(COLUMN.ignored),
      handled: this.number(COLUMN.caught),
    });
  }
}

/** Of so many rows the cost of a call does not show, and they take a hundredth of a second. */
const PORTION = 512;

const NO_ROWS: NativeRows = { numbers: new Float64Array(), strings: [] };

/** Null: there is no addon, or its numbers would be those of other processes than we mean. */
function nativeTable(pids: readonly number[], wanted: number): NativeTable | null {
  if (!showsOurPids()) return null;
  try {
    const table = native().processTable(Int32Array.from(pids), wanted, PORTION);
    return typeof table === 'number' ? null : table;
  } catch (error) {
    if (error instanceof TracegateError && error.code === 'ERR_TRACEGATE_NATIVE_UNAVAILABLE') return null;
    throw error;
  }
}

export interface ProcessTable {
  processes: ProcessFacts[];
  /** Of those that are seen to be a Node, if they are asked for. */
  nodes: Map<number, NodeDoors>;
}

/**
 * {@link factsOf} many processes, and with `asksNodes` {@link nodeDoors}, in one pass over /proc. One that ends
 * meanwhile is left out.
 */
export function readProcessTable(
  pids: readonly number[],
  namespaces: UserNamespaces,
  asksNodes: boolean,
  onProgress: (done: number, total: number) => void = () => {},
): ProcessTable {
  const table: ProcessTable = { processes: [], nodes: new Map() };
  const add = (facts: ProcessFacts | null, doors: NodeDoors | null) => {
    if (facts === null) return;
    table.processes.push(facts);
    if (doors !== null) table.nodes.set(facts.pid, doors);
  };
  const lookAt = (pid: number) => {
    const facts = factsOf(pid, namespaces);
    return [facts, facts !== null && asksNodes ? nodeDoors(pid) : null] as const;
  };
  // Before there are the threads that read: native/process_table.h.
  const own = lookAt(process.pid);
  const addRows = (rows: Rows) => {
    while (rows.next()) {
      const sight = SIGHTS[rows.number(COLUMN.sight)];
      const pid = rows.number(COLUMN.pid);
      const facts = sight === 'seen' ? rows.facts(namespaces) : null;
      if (pid === process.pid) add(...own);
      else if (facts !== null) add(facts, asksNodes ? rows.doors() : null);
      else if (sight === 'hidden') add(unseenProcess(pid), null);
      else add(...lookAt(pid));
    }
  };

  let wanted = asksNodes ? WANTED.nodes : 0;
  if (namespaces.isInitial) wanted |= WANTED.idMaps;
  if (mayHaveLabels()) wanted |= WANTED.labels;
  const reading = nativeTable(pids, wanted);
  try {
    for (let at = 0; at < pids.length; at += PORTION) {
      onProgress(at, pids.length);
      if (reading === null) for (const pid of pids.slice(at, at + PORTION)) add(...lookAt(pid));
      else addRows(new Rows(reading.next() ?? NO_ROWS));
    }
  } finally {
    reading?.close();
  }
  return table;
}
