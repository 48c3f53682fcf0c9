import { TracegateError } from '../errors.js';
import { labelFrom, mayHaveLabels } from './lsm-label.js';
import { type NativeBinding, native } from './native.js';
import { doorsOf, type NodeDoors, nodeDoors } from './node-doors.js';
import { showsOurPids } from './proc-files.js';
import { kindOf, type ProcStatus, seccompOf } from './proc-status.js';
import { factsFrom, factsOf, type ProcessFacts, unseenProcess } from './process-facts.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/process_row.h, Wanted */
const WANTED = { idMaps: 1, labels: 2, nodes: 4 };

/** native/process_row.h, Sight: its place is the number. One that is gone has no row. */
const SIGHTS = ['gone', 'seen', 'hidden', 'unsettled'] as const;

/** native/process_table_call.cc, NumbersOf(): as many of a process, in the order in which {@link Rows} takes them. */
const COLUMNS = 34;

/** What one row holds beside the status. A number that isn't seen is -1. */
interface Row {
  status: ProcStatus;
  signals: { blocked: number; ignored: number; handled: number };
  owner: { uid: number; gid: number };
  userNs: number;
  hasIdentityMaps: boolean;
  /** The text or -errno. */
  label: string | number;
  /** Null: not seen to be a Node. */
  commandLine: string | null;
}

const NO_NEW_PRIVS = [false, true];

/** The kernel writes these masks with all their digits: fs/proc/array.c, render_cap_t(). */
const MASK_DIGITS = 16;

type NativeTable = Exclude<ReturnType<NativeBinding['processTable']>, number>;

/** The rows, taken one number after the other. */
class Rows {
  readonly #numbers: Float64Array;
  readonly #strings: readonly string[];
  readonly #masks = new Map<number, string>();
  #at = 0;

  constructor({ numbers, strings }: NativeTable) {
    this.#numbers = numbers;
    this.#strings = strings;
  }

  *[Symbol.iterator](): Generator<{ sight: (typeof SIGHTS)[number]; pid: number; row: () => Row }> {
    for (let start = 0; start < this.#numbers.length; start += COLUMNS) {
      this.#at = start;
      const sight = SIGHTS[this.#next()] ?? 'unsettled';
      const pid = this.#next();
      yield { sight, pid, row: () => this.#row(pid) };
    }
  }

  #next(): number {
    return this.#numbers[this.#at++] ?? -1;
  }

  #string(): string {
    return this.#strings[this.#next()] ?? '';
  }

  #mask(): string | null {
    const mask = this.#next();
    if (mask < 0) return null;
    let text = this.#masks.get(mask);
    if (text === undefined) {
      text = mask.toString(16).padStart(MASK_DIGITS, '0');
      this.#masks.set(mask, text);
    }
    return text;
  }

  #ids() {
    return { real: this.#next(), effective: this.#next(), saved: this.#next(), fs: this.#next() };
  }

  // The order of the lines is that of the columns.
  #row(pid: number): Row {
    const ppid = this.#next();
    const tgid = this.#next();
    const startTime = this.#next();
    const comm = this.#string();
    const state = String.fromCharCode(this.#next());
    const kind = kindOf({ flags: this.#next(), state });
    const uids = this.#ids();
    const gids = this.#ids();
    const capPermitted = this.#mask() ?? '';
    const capEffective = this.#mask() ?? '';
    const capInheritable = this.#mask();
    const capBounding = this.#mask();
    const threads = this.#next();
    const tracerPid = this.#next();
    const seccomp = seccompOf(this.#next());
    const noNewPrivs = NO_NEW_PRIVS[this.#next()] ?? null;
    const signals = { blocked: this.#next(), ignored: this.#next(), handled: this.#next() };
    const owner = { uid: this.#next(), gid: this.#next() };
    const userNs = this.#next();
    const hasIdentityMaps = this.#next() === 1;
    const labelError = this.#next();
    const labelText = this.#string();
    const command = this.#next();
    return {
      status: {
        ...{ pid, ppid, tgid, startTime, comm, kind, state, uids, gids },
        ...{ capPermitted, capEffective, capInheritable, capBounding },
        ...{ threads, tracerPid, seccomp, noNewPrivs },
      },
      signals,
      owner,
      userNs,
      hasIdentityMaps,
      label: labelError < 0 ? labelError : labelText,
      commandLine: this.#strings[command] ?? null,
    };
  }
}

/** Null: its user namespace is seen, and what that is isn't any more. */
function settledFacts(row: Row, namespaces: UserNamespaces): ProcessFacts | null {
  const { status, owner, hasIdentityMaps } = row;
  const link = row.userNs < 0 ? null : `${row.userNs}`;
  const userNs = namespaces.byLink(status.pid, link, () => hasIdentityMaps);
  if (link !== null && userNs === null) return null;
  const beside = { owner: owner.uid < 0 ? null : owner, userNs, lsmLabel: labelFrom(row.label) };
  return factsFrom(status, beside, namespaces);
}

/** Null: there is no addon, or its numbers would be those of other processes than we mean. */
function nativeTable(pids: readonly number[], wanted: number): NativeTable | null {
  if (!showsOurPids()) return null;
  try {
    const table = native().processTable(Int32Array.from(pids), wanted);
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
): ProcessTable {
  const processes: ProcessFacts[] = [];
  const nodes = new Map<number, NodeDoors>();
  const add = (facts: ProcessFacts, doors: NodeDoors | null) => {
    processes.push(facts);
    if (doors !== null) nodes.set(facts.pid, doors);
  };
  const lookAt = (pid: number) => {
    const facts = factsOf(pid, namespaces);
    if (facts !== null) add(facts, asksNodes ? nodeDoors(pid) : null);
  };

  let wanted = asksNodes ? WANTED.nodes : 0;
  if (namespaces.asksMaps) wanted |= WANTED.idMaps;
  if (mayHaveLabels()) wanted |= WANTED.labels;
  const table = nativeTable(pids, wanted);
  if (table === null) {
    for (const pid of pids) lookAt(pid);
    return { processes, nodes };
  }
  for (const { sight, pid, row } of new Rows(table)) {
    if (sight === 'hidden') {
      add(unseenProcess(pid), null);
      continue;
    }
    // Ours was read in a moment that isn't like the others: native/process_table.h.
    const seen = sight === 'seen' && pid !== process.pid ? row() : null;
    const facts = seen === null ? null : settledFacts(seen, namespaces);
    if (seen === null || facts === null) lookAt(pid);
    else add(facts, seen.commandLine === null ? null : doorsOf(seen.commandLine, seen.signals));
  }
  return { processes, nodes };
}
