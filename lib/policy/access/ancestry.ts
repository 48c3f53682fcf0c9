import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { Fact } from './fact.js';

const tables = new WeakMap<readonly ProcessFacts[], Map<number, ProcessFacts>>();

/** The processes of a snapshot by pid. The table is made once for each snapshot. */
export function tableOf(processes: readonly ProcessFacts[]): Map<number, ProcessFacts> {
  let table = tables.get(processes);
  if (table === undefined) {
    table = new Map(processes.map(facts => [facts.pid, facts]));
    tables.set(processes, table);
  }
  return table;
}

/**
 * Whether `ancestor` is the process itself or one of its ancestors, by thread-group leaders. Null where a parent on the
 * way up isn't seen. The parent of a process is in the same pid namespace or in one above, so the way up never enters a
 * pid namespace again.
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
    // A circle: processes changed while the snapshot was taken. The mark moves at powers of two (Brent's algorithm).
    if (at === mark) return null;
    if ((steps & (steps - 1)) === 0) mark = at;
  }
  return null;
}

/** A pid with the name of its process, where the name is seen. */
export function processName(pid: number | null, processes: readonly ProcessFacts[]): string {
  const comm = pid === null ? null : tableOf(processes).get(pid)?.comm;
  return comm === null || comm === undefined ? `${pid}` : `${pid} (${comm})`;
}
