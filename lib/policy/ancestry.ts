import type { ProcessFacts } from '../kernel/process-facts.js';
import type { Fact } from './fact.js';

const tables = new WeakMap<readonly ProcessFacts[], Map<number, ProcessFacts>>();

/** The processes of a snapshot by their pid, made once a snapshot. */
export function tableOf(processes: readonly ProcessFacts[]): Map<number, ProcessFacts> {
  let table = tables.get(processes);
  if (table === undefined) {
    table = new Map(processes.map(facts => [facts.pid, facts]));
    tables.set(processes, table);
  }
  return table;
}

/**
 * Whether `ancestor` is among a process' thread-group leaders upwards, itself included. Null where the way up leads
 * through what isn't seen. Out of its pid namespace the way never comes back: the parent of a process is in its own or
 * one above.
 *
 * Kernel: security/yama/yama_lsm.c, task_is_descendant(); kernel/exit.c, find_new_reaper()
 */
export function isDescendant(
  process: ProcessFacts,
  ancestor: number | null,
  processes: readonly ProcessFacts[],
): Fact {
  if (ancestor === null || ancestor === 0) return ancestor === 0 ? false : null;
  if (process.tgid === ancestor) return true;
  const table = tableOf(processes);
  let at: ProcessFacts | undefined = process;
  let mark: ProcessFacts | undefined = process;
  for (let steps = 1; at !== undefined; steps++) {
    if (at.ppid === ancestor) return true;
    if (at.ppid === 0) return process.tgid === null ? null : false;
    if (at.ppid === null) return null;
    at = table.get(at.ppid);
    // A circle: processes have changed while the snapshot was taken. The mark moves at powers of two (Brent's algorithm).
    if (at === mark) return null;
    if ((steps & (steps - 1)) === 0) mark = at;
  }
  return null;
}

/** A pid with its process' name, where that is seen. */
export function processName(pid: number | null, processes: readonly ProcessFacts[]): string {
  const comm = pid === null ? null : tableOf(processes).get(pid)?.comm;
  return comm === null || comm === undefined ? `${pid}` : `${pid} (${comm})`;
}
