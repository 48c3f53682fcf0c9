import { hostname } from 'node:os';
import { DUMPABLE, type Dumpable, dumpableToldOf } from './dumpable.js';
import { linkOf, tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';
import type { ProcessFacts } from './process-facts.js';
import { INITIAL_USER_NS } from './user-namespace.js';

/** In bytes. */
export type Limit = number | 'unlimited';

/** The values of the `%` parts of core_pattern. Null: the value isn't seen, or is unknown before the crash. */
export interface CoreNameFacts {
  /** The pid in the process' own pid namespace. */
  pid: number | null;
  /** The pid in the initial pid namespace. */
  globalPid: number | null;
  uid: number | null;
  gid: number | null;
  comm: string | null;
  exe: string | null;
  hostname: string | null;
}

/** The facts about a process that decide about its core dump, in addition to its {@link ProcessFacts}. */
export interface CoreProcessFacts {
  /** The possible values of the flag; a single one where the flag is seen. */
  dumpable: readonly Dumpable[];
  /** RLIMIT_CORE */
  limit: { soft: Limit; hard: Limit } | null;
  /** RLIMIT_FSIZE, soft. */
  fileSizeLimit: Limit | null;
  /** Whether the kernel is writing the core of the process now. */
  isDumping: boolean | null;
  /** /proc/PID/coredump_filter */
  filter: number | null;
  /** In bytes: the memory that no file holds, whether in RAM or swapped out. */
  anonymousMemory: number | null;
  /** The supplementary groups. */
  groups: readonly number[] | null;
  /** Hexadecimal masks of signals. */
  caught: string | null;
  ignored: string | null;
  blocked: string | null;
  names: CoreNameFacts;
}

/** include/linux/proc_ns.h, PROC_PID_INIT_INO */
const INITIAL_PID_NS = 'pid:[4026531836]';

/**
 * Where the kernel doesn't tell the flag, the owner of the files in /proc/PID distinguishes only `'user'` from the other
 * two values.
 *
 * Kernel: fs/proc/base.c, task_dump_owner()
 */
function dumpableOf({ pid, tgid, dumpable }: ProcessFacts): readonly Dumpable[] {
  const told = dumpableToldOf(tgid ?? pid);
  if (told !== null) return [told];
  if (dumpable === null) return DUMPABLE;
  return dumpable ? ['user'] : ['disabled', 'root'];
}

const limitOf = (word: string | undefined): Limit | null =>
  word === 'unlimited' ? word : word !== undefined && /^\d+$/.test(word) ? Number(word) : null;

/** The soft and the hard limit of one line. Kernel: fs/proc/base.c, proc_pid_limits() */
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
    // Each thread has its own comm, so only a process with one thread has a certain one.
    comm: threads === 1 ? comm : null,
    exe: linkOf(`/proc/${pid}/exe`),
    hostname: utsNs !== null && utsNs === linkOf('/proc/self/ns/uts') ? hostname() : null,
  };
}

const textOf = (pid: number, name: string): string => {
  const read = tryProcFile(pid, name);
  return read.state === 'read' ? read.text : '';
};

/** Reads the facts with this process' own rights. The target is not touched. */
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
