import { readdirSync } from 'node:fs';
import { remedyForProc } from '../kernel/permission-model.js';
import { isSystemError, linkOf, textOf } from '../kernel/proc-files.js';
import { readProcStatus } from '../kernel/proc-status.js';
import { type Channel, closed, openByNature } from './channel.js';

/**
 * Files of /proc/PID and /proc/PID/task/TID that show the memory of a process. The kernel checks the right to read at open,
 * so an open descriptor stays readable.
 *
 * Kernel: fs/proc/base.c, __mem_open(), which mem_rw(), environ_read() and auxv_read() don't ask again; fs/proc/task_mmu.c,
 * proc_maps_open() and pagemap_open()
 */
const TELLING = 'mem|environ|auxv|maps|smaps|smaps_rollup|numa_maps|pagemap';

/** Error codes of a process that has ended, or whose descriptors we may not list. */
const UNSEEN = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ERR_ACCESS_DENIED'];

/** Null: the directory can't be seen. Another failure, such as a lack of descriptors, throws. */
function listed(directory: string): string[] | null {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isSystemError(error) && UNSEEN.includes(error.code)) return null;
    throw error;
  }
}

/**
 * True if the process has our uid, or if that is hidden. A zombie has closed its files, unless only its first thread has
 * ended. Kernel: kernel/exit.c, do_exit()
 */
function mayHoldOurs(pid: number): boolean {
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen') return seen.state === 'hidden';
  const { uids, kind, threads } = seen.facts;
  return uids.effective === process.geteuid?.() && !(kind === 'zombie' && threads === 1);
}

interface Holders {
  /** For each pid, one file of our memory that the process has open. */
  found: Map<string, string>;
  /** The number of neighbours whose descriptors we can't list; null if /proc can't be listed. */
  unseen: number | null;
}

/**
 * Finds the neighbours that have such a file of this process open. A process of another uid can't open one without a
 * capability, so such a process is not counted in `unseen`.
 */
function holders(): Holders {
  const own = `${process.pid}`;
  // Only the end of the path is compared, since /proc may also be mounted elsewhere.
  const isOurs = new RegExp(`/${own}/(task/\\d+/)?(${TELLING})$`);
  const found = new Map<string, string>();
  let unseen = 0;
  const all = listed('/proc');
  for (const pid of all?.filter(name => /^\d+$/.test(name) && name !== own) ?? []) {
    const files = listed(`/proc/${pid}/fd`);
    if (files === null && mayHoldOurs(Number(pid))) unseen++;
    const file = files
      ?.map(fd => linkOf(`/proc/${pid}/fd/${fd}`))
      .find(link => link !== null && isOurs.test(link));
    if (file) found.set(pid, file);
  }
  return { found, unseen: all === null ? null : unseen };
}

/** With hidepid /proc doesn't list neighbours that aren't dumpable. Kernel: fs/proc/base.c, has_pid_permissions() */
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
 * Reports descriptors of /proc/PID/mem, environ or maps that other processes have open. Such a descriptor stays readable
 * until this process executes a program. This process can list the descriptors of dumpable neighbours only; the report
 * gives the number of the others.
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
    return openByNature(
      `${because}: whether a process there has memory of this process open is unknown`,
      unseen === null ? remedyForProc(AGAIN) : AGAIN,
    );
  },
};
