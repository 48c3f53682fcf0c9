import { TracegateError } from '../errors.js';
import { mayHaveLabels } from './lsm-label.js';
import { type NativeTable, native } from './native.js';
import { type NodeExposure, nodeExposure } from './node-exposure.js';
import { isSystemError, listedPids, showsOurPids } from './proc-files.js';
import type { ProcessFacts } from './process-facts.js';
import { Rows } from './process-rows.js';
import { factsOf, unseenProcess } from './read-process-facts.js';
import type { UserNamespaces } from './user-namespace.js';

/** native/proc/process_row.h, Wanted */
const WANTED = { idMaps: 1, labels: 2, nodes: 4 };

/** With this number of rows the cost of a call is negligible, and a portion takes a hundredth of a second. */
const PORTION = 512;

/** The addon lists /proc faster, but only Node's own calls ask Node's permission model. */
const mayAddonList = !('permission' in process);

/**
 * The table of these processes, or of those that /proc lists. Null: the addon is missing, /proc is missing, or /proc
 * belongs to another pid namespace.
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
  /** The exposure of each Node process, if it is asked for. */
  nodes: Map<number, NodeExposure>;
}

/**
 * The facts ({@link factsOf}) of these processes, or of those that /proc lists, in one pass. With `asksNodes` also the
 * {@link nodeExposure} of each. A process that ends meanwhile is left out.
 *
 * @throws SystemError `ENOENT`, `EACCES` if /proc can't be listed
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
  // This process is read before the reading threads start, which would count as its own: native/proc/process_table.h.
  const self = process.pid;
  const own = lookAt(self);
  const addRow = (rows: Rows) => {
    const { pid, sight } = rows;
    // This process knows facts about itself that hold for no other process, so its profile is not used.
    if (pid === self) return add(...own);
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
