import { readdirSync } from 'node:fs';
import { isSystemError, linkOf } from '../kernel/proc-files.js';
import { type Channel, closed, openByNature } from './channel.js';

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // Another's, or one that has ended: as far as it can be seen.
    if (isSystemError(error)) return [];
    throw error;
  }
}

/** The processes that hold a descriptor of our memory, among those whose descriptors we may list. */
function holders(): string[] {
  const own = new Set([`/proc/${process.pid}/mem`, `/proc/${process.pid}/task/${process.pid}/mem`]);
  return listed('/proc').filter(
    name =>
      /^\d+$/.test(name) &&
      name !== `${process.pid}` &&
      listed(`/proc/${name}/fd`).some(fd => own.has(linkOf(`/proc/${name}/fd/${fd}`) ?? '')),
  );
}

/**
 * A descriptor of /proc/PID/mem that was opened before keeps reading, whatever this process does to itself but exec. They
 * are found where this process may list another's descriptors: among its own uid's that are dumpable.
 *
 * Kernel: fs/proc/base.c, mem_rw(): it looks at the memory that was opened, and asks nothing
 */
export const memoryDescriptors: Channel = {
  name: 'memory-descriptors',
  close() {
    const found = holders();
    if (found.length === 0) return closed('nothing');
    const who = found.length === 1 ? `process ${found[0]} has` : `processes ${found.join(', ')} have`;
    return openByNature(
      `${who} /proc/${process.pid}/mem open and may go on reading`,
      'execute the program again (a new exec, under `tracegate run --deny`): that ends what was opened before',
    );
  },
};
