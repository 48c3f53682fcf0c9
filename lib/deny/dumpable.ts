import { getDumpable, setDumpable } from '../kernel/dumpable.js';
import { type Channel, closed } from './channel.js';

const LOST = [
  'lost to this process itself, unless it is root: opening its own /proc/self/environ, auxv, io, mem, pagemap, personality, stack and syscall',
  'lost to this process itself, unless it is root: writing its own oom_score_adj, coredump_filter and uid_map',
  'lost to others of its uid: lsof, desktop portals and crash reporters that look into it',
];

/**
 * `PR_SET_DUMPABLE`: no attach, no memory, no environ, no core dump for others of this uid. exec undoes it.
 *
 * Kernel: kernel/sys.c, prctl(); kernel/ptrace.c, __ptrace_may_access(); fs/coredump.c, do_coredump()
 */
export const dumpable: Channel = {
  name: 'dumpable',
  close({ keepDumpable }) {
    const before = getDumpable();
    if (keepDumpable) {
      if (before !== 'user') return closed('nothing', LOST);
      return {
        state: 'open',
        why: 'keepDumpable leaves the process dumpable: who passes the rules for its uid and ptrace_scope may trace it',
        remedy: 'leave keepDumpable out',
        isFailure: false,
      };
    }
    setDumpable('disabled');
    // The kernel alone sets 'root', which acts alike.
    return closed(before === 'user' ? () => setDumpable('user') : 'nothing', LOST);
  },
};
