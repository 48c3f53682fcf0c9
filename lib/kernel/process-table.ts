import { TracegateError } from '../errors.js';
import { mayHaveLabels } from './lsm-label.js';
import { type NativeTable, native } from './native.js';
import { type NodeExposure, nodeExposure } from './node-exposure.js';
import { isSystemError, listedPids, showsOurPids } from './proc-files.js';
import { factsOf, type ProcessFacts, unseenProcess } from './process-facts.js';
import { ROW, Rows, SIGHTS } from './process-rows.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/proc/process_row.h, Wanted */
const WANTED = { idMaps: 1, labels: 2, nodes: 4 };

/** Of so many rows the cost of a call does not show, and they take a hundredth of a second. */
const PORTION = 512;

/** The addon lists /proc quicker, but it is Node's permission model that says whether we may. */
const mayAddonList = !('permission' in process);

/**
 * Of these processes, or of those that /proc lists. Null: there is no addon, or no /proc for it, or one in which our numbers
 * are those of other processes.
 */
function nativeTable(pids: readonly number[] | null, wanted: number): NativeTable | null {
  try {
    if (!showsOurPids()) return null;
    const table = native().processTable(pids === null ? null : Int32Array.from(pids), wanted, PORTION);
    return typeof table === 'number' ? null : table;
  } catch (error) {
    if (isSystemError(error)) return null;
    if (error instanceof TracegateError && error.code === 'ERR_TRACEGATE_NATIVE_UNAVAILABLE') return null;
    throw error;
  }
}

export interface ProcessTable {
  processes: ProcessFacts[];
  /** Of those that are seen to be a Node, if they are asked for. */
  nodes: Map<number, NodeExposure>;
}

/**
 * {@link factsOf} these processes, or those that /proc lists, and with `asksNodes` {@link nodeExposure}, in one pass. One that ends
 * meanwhile is left out.
 *
 * @throws SystemError `ENOENT`, `EACCES` if there is no /proc to be listed
 */
export function readProcessTable(
  pids: readonly number[] | null,
  namespaces: UserNamespaces,
  asksNodes: boolean,
  onProgress: (done: number, total: number) => void = () => {},
): ProcessTable {
  const table: ProcessTable = { processes: [], nodes: new Map() };
  const add = (facts: ProcessFacts | null, exposure: NodeExposure | null) => {
    if (facts === null) return;
    table.processes.push(facts);
    if (exposure !== null) table.nodes.set(facts.pid, exposure);
  };
  const lookAt = (pid: number) => {
    const facts = factsOf(pid, namespaces);
    return [facts, facts !== null && asksNodes ? nodeExposure(pid) : null] as const;
  };
  // Before there are the threads that read: native/proc/process_table.h.
  const self = process.pid;
  const own = lookAt(self);
  const addRow = (rows: Rows) => {
    const pid = rows.number(ROW.pid);
    // Not by its profile: of itself a process knows more, and what it knows is of no other.
    if (pid === self) return add(...own);
    const sight = SIGHTS[rows.number(ROW.sight)];
    const facts = sight === 'seen' ? rows.facts(namespaces) : null;
    if (facts !== null) add(facts, asksNodes ? rows.exposure() : null);
    else if (sight === 'hidden') add(unseenProcess(pid), null);
    else add(...lookAt(pid));
  };

  let wanted = asksNodes ? WANTED.nodes : 0;
  if (namespaces.ownMaps.length > 0) wanted |= WANTED.idMaps;
  if (mayHaveLabels()) wanted |= WANTED.labels;
  const reading = nativeTable(pids ?? (mayAddonList ? null : listedPids()), wanted);
  if (reading === null) {
    const listed = pids ?? listedPids();
    for (const [at, pid] of listed.entries()) {
      if (at % PORTION === 0) onProgress(at, listed.length);
      add(...lookAt(pid));
    }
    return table;
  }
  try {
    const rows = new Rows(reading);
    for (let at = 0; at < reading.count; at += PORTION) {
      onProgress(at, reading.count);
      rows.nextPortion();
      while (rows.next()) addRow(rows);
    }
  } finally {
    reading.close();
  }
  return table;
}
