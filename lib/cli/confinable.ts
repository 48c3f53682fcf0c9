import type { HostFacts } from '../kernel/host.js';
import { mayBeActive } from '../policy/access/other-lsm.js';
import { UsageError } from './command.js';

/** Without Landlock no program can be confined, so an answer for a confined one would be a false hope. */
export function assertConfinable(host: HostFacts): void {
  if (mayBeActive(host, 'landlock')) return;
  throw new UsageError(
    '--confined: the kernel of this host runs without Landlock, so nothing can be confined there: add landlock to lsm= on its command line (Linux 5.19)',
  );
}
