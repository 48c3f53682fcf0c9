import { listedPids } from './proc-files.js';
import { readProcStatus } from './proc-status.js';

export interface TreeEntry {
  pid: number;
  ppid: number;
  /** The distance from the root of the tree, which has 0. */
  depth: number;
}

/**
 * A process and its descendants, each after its parent. The process itself is listed even if it doesn't exist. A process whose parent has ended belongs to another tree, because
 * init or a subreaper has adopted it.
 *
 * Kernel: fs/proc/array.c, do_task_stat(); kernel/exit.c, find_new_reaper()
 */
export function processTree(root: number): TreeEntry[] {
  const children = new Map<number, number[]>();
  const parents = new Map<number, number>();
  // The root may be a thread, which /proc doesn't list.
  for (const pid of new Set([root, ...listedPids()])) {
    const seen = readProcStatus(pid);
    if (seen.state !== 'seen') continue;
    const { ppid } = seen.facts;
    parents.set(pid, ppid);
    children.set(ppid, [...(children.get(ppid) ?? []), pid]);
  }
  const entries: TreeEntry[] = [];
  const passed = new Set<number>();
  const add = (pid: number, depth: number) => {
    if (passed.has(pid)) return; // pids were reused while we looked
    passed.add(pid);
    entries.push({ pid, ppid: parents.get(pid) ?? 0, depth });
    for (const child of children.get(pid) ?? []) add(child, depth + 1);
  };
  add(root, 0);
  return entries;
}
