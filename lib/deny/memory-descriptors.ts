import { readdirSync } from 'node:fs';
import { isSystemError, linkOf, textOf } from '../kernel/proc-files.js';
import { readProcStatus } from '../kernel/proc-status.js';
import { type Channel, closed, openByNature } from './channel.js';

/**
 * What goes on telling of a process' memory to whoever has opened it, of the process or of any of its threads.
 *
 * Kernel: fs/proc/base.c, __mem_open(), which mem_rw(), environ_read() and auxv_read() don't ask again; fs/proc/task_mmu.c,
 * proc_maps_open() and pagemap_open()
 */
const TELLING = 'mem|environ|auxv|maps|smaps|smaps_rollup|numa_maps|pagemap';

/** A process that is gone, or that we may not look into. */
const UNSEEN = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ERR_ACCESS_DENIED'];

/** Null: not to be seen. That we have no descriptor left, say, is an error. */
function listed(directory: string): string[] | null {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isSystemError(error) && UNSEEN.includes(error.code)) return null;
    throw error;
  }
}

/** Of our uid, as far as it shows. */
function mayBeOurs(pid: number): boolean {
  const seen = readProcStatus(pid);
  return (
    seen.state === 'hidden' || (seen.state === 'seen' && seen.facts.uids.effective === process.geteuid?.())
  );
}

interface Holders {
  /** By pid, one of those files that it has open. */
  found: Map<string, string>;
  /** How many processes of our uid have descriptors that don't show; null where no process is listed. */
  unseen: number | null;
}

/** Processes of another uid could open none of them, unless they may open everything. */
function holders(): Holders {
  const own = `${process.pid}`;
  // By the end of the path: /proc may be mounted elsewhere too.
  const isOurs = new RegExp(`/${own}/(task/\\d+/)?(${TELLING})$`);
  const found = new Map<string, string>();
  let unseen = 0;
  const all = listed('/proc');
  for (const pid of all?.filter(name => /^\d+$/.test(name) && name !== own) ?? []) {
    const files = listed(`/proc/${pid}/fd`);
    if (files === null && mayBeOurs(Number(pid))) unseen++;
    const file = files
      ?.map(fd => linkOf(`/proc/${pid}/fd/${fd}`))
      .find(link => link !== null && isOurs.test(link));
    if (file) found.set(pid, file);
  }
  return { found, unseen: all === null ? null : unseen };
}

/** Those of our uid that aren't dumpable aren't even listed then. Kernel: fs/proc/base.c, has_pid_permissions() */
const areHidden = () =>
  /^\S+ \S+ \S+ \S+ \/proc .* - proc .*\bhidepid=(?!0|off)/m.test(textOf('/proc/self/mountinfo') ?? '');

const AGAIN =
  'execute the program again (a new exec, under `tracegate run --deny`): that ends what was opened before';

function unseenBecause(unseen: number | null): string | null {
  if (unseen === null) return '/proc could not be listed';
  if (areHidden()) return '/proc is mounted with hidepid, which may hide processes of this uid';
  if (unseen === 0) return null;
  return unseen === 1
    ? 'one process of this uid could not be looked into'
    : `${unseen} processes of this uid could not be looked into`;
}

/**
 * A descriptor of /proc/PID/mem, environ or maps that was opened before keeps reading, whatever this process does to itself
 * but exec. They are found where this process may list another's descriptors: among its own uid's that are dumpable. Of
 * the others it is said that they weren't.
 */
export const memoryDescriptors: Channel = {
  name: 'memory-descriptors',
  close() {
    const { found, unseen } = holders();
    const [first] = found.values();
    if (first !== undefined) {
      const who =
        found.size === 1
          ? `process ${[...found.keys()]} has ${first}`
          : `processes ${[...found.keys()].join(', ')} have ${first} and the like`;
      return openByNature(`${who} open and may go on reading`, AGAIN);
    }
    const because = unseenBecause(unseen);
    if (because === null) return closed('nothing');
    return openByNature(`${because}: whether anyone there has memory of this process open is unknown`, AGAIN);
  },
};
