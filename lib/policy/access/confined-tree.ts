import type { ProcessFacts } from '../../kernel/process-facts.js';
import { tableOf } from './ancestry.js';
import type { Fact } from './fact.js';

/** The pids of a process's ancestors, and of init. Null where a parent isn't seen. */
function pidsAbove({ ppid }: ProcessFacts, processes: readonly ProcessFacts[]): Set<number> | null {
  const above = new Set<number>();
  for (let at = ppid; at !== 0; at = tableOf(processes).get(at)?.ppid ?? null) {
    if (at === null || above.has(at)) return null;
    above.add(at);
  }
  return above.add(1);
}

/**
 * Tells which processes are in the Landlock domain in which `root` was started: root and all that it has started, also
 * indirectly. A domain is inherited and can't be left. Null: perhaps. Such a process began after root, and its ancestor is
 * one of root's, or init. It may be an orphan of the tree, which that ancestor has adopted, or have begun there by
 * CLONE_PARENT. No fact shows pid namespaces: if root has entered one (docker exec), its orphans under the init process of
 * that namespace count as outside.
 *
 * Kernel: security/landlock/cred.c, hook_cred_prepare(); kernel/exit.c, find_new_reaper(); kernel/fork.c, copy_process()
 */
export function confinedTree(
  root: ProcessFacts,
  processes: readonly ProcessFacts[],
): (process: ProcessFacts) => Fact {
  const table = tableOf(processes);
  const above = pidsAbove(root, processes);
  const isOlder = ({ startTime }: ProcessFacts) =>
    startTime !== null && root.startTime !== null && startTime < root.startTime;
  return process => {
    if (isOlder(process)) return false;
    const met = new Set<ProcessFacts>();
    for (let at: ProcessFacts | undefined = process; at !== undefined && !met.has(at); ) {
      if (at.pid === root.pid || (at.tgid !== null && at.tgid === root.tgid)) return true;
      if (above?.has(at.pid) === true) return at === process ? false : null;
      // An older process that isn't above root has adopted nothing from the tree.
      if (above !== null && isOlder(at)) return false;
      met.add(at);
      if (at.ppid === 0) return above === null || root.ppid === 0 ? null : false;
      at = at.ppid === null ? undefined : table.get(at.ppid);
    }
    return null;
  };
}
