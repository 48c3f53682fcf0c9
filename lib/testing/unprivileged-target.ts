import type { Explanation } from '../explain/explain.js';
import { dumpableToldOf } from '../kernel/dumpable.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { checkAccess } from '../policy/access/access-check.js';
import type { Verdict } from '../policy/access/verdict.js';

/** The rules that compare the ids and capabilities of the two processes. */
const OF_PRIVILEGE: readonly string[] = ['credentials', 'capability-subset'];

const NONE = '0000000000000000';

const onlyEffective = ({ effective }: SeenIds): SeenIds => ({
  real: effective,
  effective,
  saved: effective,
  fs: effective,
});

/** The target as it would be without capabilities, and with its effective ids alone. */
function unprivileged(target: ProcessFacts): ProcessFacts {
  const rights = {
    uids: onlyEffective(target.uids),
    gids: onlyEffective(target.gids),
    capPermitted: NONE,
    capEffective: NONE,
  };
  const told = dumpableToldOf(target.tgid ?? target.pid);
  return {
    ...target,
    ...rights,
    dumpable: told === null ? target.dumpable : told === 'user',
    threadRights: target.threadRights?.map(thread => ({ ...thread, ...rights })) ?? null,
  };
}

/**
 * The model's verdict for the same target without its privileges, where nothing but the target's capabilities or ids keeps
 * a stranger out. The target may be open then: as an ordinary user the same program would be. Null: another rule refuses,
 * or none.
 */
export function withoutPrivileges({ answer, refusedBy, facts }: Explanation): Verdict | null {
  const { host, tracer, target } = facts;
  if (target === null || answer !== 'denied' || !refusedBy.every(rule => OF_PRIVILEGE.includes(rule)))
    return null;
  // A stranger is no relative of the target, so no other process is asked about.
  return checkAccess(tracer, unprivileged(target), { ...host, processes: [] }, 'attach');
}
