import { hostname } from 'node:os';
import { type Dumpable, getDumpable } from './dumpable.js';
import { native } from './native.js';
import { linkOf, tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import { INITIAL_USER_NS } from './user-namespace.js';

/** In bytes. */
export type Limit = number | 'unlimited';

/** What can stand in core_pattern's place for a `%`; null where it isn't seen, or not known before the crash. */
export interface CoreNameFacts {
  /** In its own pid namespace. */
  pid: number | null;
  /** In the initial pid namespace. */
  globalPid: number | null;
  uid: number | null;
  gid: number | null;
  comm: string | null;
  exe: string | null;
  hostname: string | null;
}

/** What of a process decides over its core dump, beside its {@link ProcessFacts}. */
export interface CoreProcessFacts {
  /** What it may be: one where it is seen. */
  dumpable: readonly Dumpable[];
  /** RLIMIT_CORE */
  limit: { soft: Limit; hard: Limit } | null;
  /** RLIMIT_FSIZE, soft. */
  fileSizeLimit: Limit | null;
  /** Whether it leaves a core right now. */
  isDumping: boolean | null;
  /** /proc/PID/coredump_filter */
  filter: number | null;
  /** In bytes: what of its memory no file holds, as far as it is in memory or swapped out. */
  anonymousMemory: number | null;
  groups: readonly number[] | null;
  /** Hexadecimal masks of signals. */
  caught: string | null;
  ignored: string | null;
  blocked: string | null;
  names: CoreNameFacts;
}

/** include/linux/proc_ns.h, PROC_PID_INIT_INO */
const INITIAL_PID_NS = 'pid:[4026531836]';

const DUMPABLE = ['disabled', 'user', 'root'] as const;

/**
 * From Linux 6.16 on the kernel says it of any process. Before, the owner of its files tells `'user'` from the others.
 *
 * Kernel: fs/pidfs.c, pidfd_info(); fs/proc/base.c, task_dump_owner()
 */
function dumpableOf({ pid, tgid, dumpable }: ProcessFacts): readonly Dumpable[] {
  if (pid === process.pid) return [getDumpable()];
  const told = DUMPABLE[native().dumpableOf(tgid ?? pid)];
  if (told !== undefined) return [told];
  if (dumpable === null) return DUMPABLE;
  return dumpable ? ['user'] : ['disabled', 'root'];
}

const limitOf = (word: string | undefined): Limit | null =>
  word === 'unlimited' ? word : word !== undefined && /^\d+$/.test(word) ? Number(word) : null;

/** Soft and hard. Kernel: fs/proc/base.c, proc_pid_limits() */
export function limitsFrom(text: string, name: string): { soft: Limit; hard: Limit } | null {
  const line = text.split('\n').find(each => each.startsWith(`${name} `));
  const [soft, hard] = (line ?? '').slice(name.length).trim().split(/\s+/).map(limitOf);
  return soft == null || hard == null ? null : { soft, hard };
}

const numbersOf = (line: string | undefined): number[] | null =>
  line === undefined ? null : line.split(/\s+/).filter(Boolean).map(Number);

const kilobytes = (line: string | undefined) => Number(/^\s*(\d+) kB$/.exec(line ?? '')?.[1] ?? Number.NaN);

function anonymousMemory(status: string): number | null {
  const bytes = 1024 * (kilobytes(statusLine(status, 'RssAnon')) + kilobytes(statusLine(status, 'VmSwap')));
  return Number.isNaN(bytes) ? null : bytes;
}

function namesOf({ pid, tgid, uids, gids, comm, threads }: ProcessFacts, status: string): CoreNameFacts {
  const isInitialPidNs = linkOf('/proc/self/ns/pid') === INITIAL_PID_NS;
  const isInitialUserNs = linkOf('/proc/self/ns/user') === `user:[${INITIAL_USER_NS}]`;
  const utsNs = linkOf(`/proc/${pid}/ns/uts`);
  return {
    pid: numbersOf(statusLine(status, 'NStgid'))?.at(-1) ?? null,
    globalPid: isInitialPidNs ? tgid : null,
    uid: isInitialUserNs ? uids.real : null,
    gid: isInitialUserNs ? gids.real : null,
    // Each thread has its own.
    comm: threads === 1 ? comm : null,
    exe: linkOf(`/proc/${pid}/exe`),
    hostname: utsNs !== null && utsNs === linkOf('/proc/self/ns/uts') ? hostname() : null,
  };
}

const textOf = (pid: number, name: string): string => {
  const read = tryProcFile(pid, name);
  return read.state === 'read' ? read.text : '';
};

/** As far as it is seen by us as we are, without touching it. */
export function coreProcessFacts(target: ProcessFacts): CoreProcessFacts {
  const { pid } = target;
  const status = textOf(pid, 'status');
  const limits = textOf(pid, 'limits');
  const filter = textOf(pid, 'coredump_filter').trim();
  const dumping = statusLine(status, 'CoreDumping');
  return {
    dumpable: dumpableOf(target),
    limit: limitsFrom(limits, 'Max core file size'),
    fileSizeLimit: limitsFrom(limits, 'Max file size')?.soft ?? null,
    isDumping: dumping === undefined ? null : dumping === '1',
    filter: /^[0-9a-f]+$/.test(filter) ? Number.parseInt(filter, 16) : null,
    anonymousMemory: anonymousMemory(status),
    groups: numbersOf(statusLine(status, 'Groups')),
    caught: statusLine(status, 'SigCgt') ?? null,
    ignored: statusLine(status, 'SigIgn') ?? null,
    blocked: statusLine(status, 'SigBlk') ?? null,
    names: namesOf(target, status),
  };
}
