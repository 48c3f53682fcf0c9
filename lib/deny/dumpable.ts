import { getDumpable, setDumpable } from '../kernel/dumpable.js';
import { textOf } from '../kernel/proc-files.js';
import { type Channel, closed } from './channel.js';

/** Files of /proc/self that belong to root while the process isn't dumpable. Kernel: fs/proc/base.c, task_dump_owner() */
const READ = [
  ...[
    'auxv',
    'environ',
    'io',
    'ksm_merging_pages',
    'ksm_stat',
    'mem',
    'mountstats',
    'pagemap',
    'personality',
  ],
  ...['stack', 'syscall'],
];
const WRITTEN = [
  ...[
    'autogroup',
    'clear_refs',
    'comm',
    'coredump_filter',
    'gid_map',
    'loginuid',
    'oom_adj',
    'oom_score_adj',
  ],
  ...['projid_map', 'sched', 'timens_offsets', 'uid_map'],
];

const TO_ITSELF = 'lost to this process itself, unless it is root';
const LOST = [
  `${TO_ITSELF}: opening its own /proc/self/${READ.join(', ')}, and listing ns`,
  `${TO_ITSELF}: writing its own /proc/self/${WRITTEN.join(', ')}`,
  'lost to others of its uid: lsof, desktop portals and crash reporters that look into it',
];

/** A change of ids sets dumpable to the value of fs.suid_dumpable. Kernel: kernel/cred.c, commit_creds() */
function openedByIds(): string[] {
  const value = textOf('/proc/sys/fs/suid_dumpable');
  if (value === '0' || value === '2') return [];
  const because = value === null ? 'may be 1, which cannot be seen here' : `is ${value}`;
  return [
    `a change of ids (process.setuid() and the like) opens it again where fs.suid_dumpable is 1, and that ${because}: call denyTracing() after it`,
  ];
}

/** process.execve() exists since Node 22.15 and 23.11. Kernel: fs/exec.c, begin_new_exec() */
function openedByExec(): string[] {
  if (!('execve' in process)) return [];
  return [
    'process.execve() opens it again, as the program that it executes is: have `tracegate run --deny` execute that program',
  ];
}

const opened = () => [...LOST, ...openedByIds(), ...openedByExec()];

/**
 * `PR_SET_DUMPABLE`: neighbours can no longer attach, or read memory and environ, and the kernel writes no core dump.
 * An exec makes the process dumpable again.
 *
 * Kernel: kernel/sys.c, prctl(); kernel/ptrace.c, __ptrace_may_access(); fs/coredump.c, do_coredump()
 */
export const dumpable: Channel = {
  name: 'dumpable',
  close({ keepDumpable }) {
    const before = getDumpable();
    if (keepDumpable) {
      if (before !== 'user') return closed('nothing', opened());
      return {
        state: 'open',
        why: 'keepDumpable leaves the process dumpable: every process that passes the rules for its uid and ptrace_scope may trace it',
        remedy: 'leave keepDumpable out',
        isFailure: false,
      };
    }
    setDumpable('disabled');
    // Only the kernel can set 'root', so it can't be restored; 'disabled' has the same effect.
    return closed(before === 'user' ? () => setDumpable('user') : 'nothing', opened());
  },
};
