import { statSync } from 'node:fs';
import { tryProcess, tryProcFile } from './proc-files.js';

/** The four uids or gids of a thread: credentials(7). */
export interface Ids {
  real: number;
  effective: number;
  saved: number;
  fs: number;
}

/** `exiting`: the process has released its memory, or is about to, and is no zombie yet. */
export type ProcessKind = 'user' | 'kernel-thread' | 'exiting' | 'zombie';

/** The rights of one thread. Each thread of a process has its own credentials, seccomp filters and no_new_privs. */
export interface Rights<IdsOfIt = Ids> {
  uids: IdsOfIt;
  gids: IdsOfIt;
  /** Hexadecimal masks. */
  capPermitted: string;
  capEffective: string;
  /** Null where the kernel doesn't say. */
  capInheritable: string | null;
  capBounding: string | null;
  /** Null where the kernel doesn't say. */
  seccomp: 'none' | 'strict' | 'filter' | null;
  noNewPrivs: boolean | null;
}

/** Picks the rights from an object with more fields. */
export function rightsIn(status: Rights): Rights {
  const { uids, gids, capPermitted, capEffective, capInheritable, capBounding, seccomp, noNewPrivs } = status;
  return { uids, gids, capPermitted, capEffective, capInheritable, capBounding, seccomp, noNewPrivs };
}

/**
 * The facts in /proc/PID/stat and /proc/PID/status, which everybody may read. The rights are those of the first thread.
 */
export interface ProcStatus extends Rights {
  pid: number;
  ppid: number;
  /** The pid of the thread-group leader. It differs from `pid` if `pid` is another thread. */
  tgid: number;
  /** Field 22 of stat, in clock ticks since boot. With the pid it identifies the process. */
  startTime: number;
  comm: string;
  kind: ProcessKind;
  /** The letter, such as `S`; `t` in a stop for a tracer. */
  state: string;
  /** The threads of the whole process. If a zombie has more than one, only its first thread has ended. */
  threads: number;
  /** The tracer's pid as seen in our pid namespace; 0 if there is none (or none that this namespace can name). */
  tracerPid: number;
}

/** include/uapi/linux/seccomp.h. The place in the list is the mode. */
const SECCOMP_MODES = ['none', 'strict', 'filter'] as const;

export const seccompOf = (mode: number): Rights['seccomp'] => SECCOMP_MODES[mode] ?? null;

export interface StatFacts {
  pid: number;
  comm: string;
  state: string;
  ppid: number;
  flags: number;
  startTime: number;
}

/** include/linux/sched.h */
const PF_EXITING = 0x00000004;
const PF_KTHREAD = 0x00200000;

/** Whether the state letter, in stat and status, is that of a process which has ended. */
export const isEnded = (state: string): boolean => state === 'Z' || state === 'X';

export function kindOf({ flags, state }: Pick<StatFacts, 'flags' | 'state'>): ProcessKind {
  if (flags & PF_KTHREAD) return 'kernel-thread';
  if (isEnded(state)) return 'zombie';
  return flags & PF_EXITING ? 'exiting' : 'user';
}

/**
 * Kernel: fs/proc/array.c, do_task_stat(). The name may contain any byte, also `)` and blanks. It ends at the last `)`.
 */
export function parseStat(text: string): StatFacts {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state: fields[0] ?? '',
    ppid: field(4),
    flags: field(9),
    startTime: field(22),
  };
}

/**
 * The value of a `Name:\tvalue` line of /proc/PID/status. A process can't forge one: line breaks in its name are escaped.
 *
 * Kernel: fs/proc/array.c, proc_pid_status() and proc_task_name()
 */
export function statusLine(text: string, name: string): string | undefined {
  const start = text.startsWith(`${name}:\t`) ? 0 : text.indexOf(`\n${name}:\t`) + 1;
  if (start === 0 && !text.startsWith(`${name}:\t`)) return undefined;
  const value = start + name.length + 2;
  const end = text.indexOf('\n', value);
  return text.slice(value, end < 0 ? undefined : end);
}

/** The tracer's pid in the text of a status file, 0 if there is none. Null: the kernel doesn't say. */
export function tracerIn(statusText: string): number | null {
  const line = statusLine(statusText, 'TracerPid');
  return line !== undefined && /^\d+$/.test(line) ? Number(line) : null;
}

function parseIds(line: string | undefined): Ids {
  const [real = Number.NaN, effective = Number.NaN, saved = Number.NaN, fs = Number.NaN] = (line ?? '')
    .split('\t')
    .map(Number);
  return { real, effective, saved, fs };
}

const NO_NEW_PRIVS = new Map<string | undefined, boolean>([
  ['0', false],
  ['1', true],
]);

/** Parses the text of /proc/PID/status or /proc/PID/task/TID/status. */
export function rightsOf(statusText: string): Rights {
  return {
    uids: parseIds(statusLine(statusText, 'Uid')),
    gids: parseIds(statusLine(statusText, 'Gid')),
    capPermitted: statusLine(statusText, 'CapPrm') ?? '',
    capEffective: statusLine(statusText, 'CapEff') ?? '',
    capInheritable: statusLine(statusText, 'CapInh') ?? null,
    capBounding: statusLine(statusText, 'CapBnd') ?? null,
    seccomp: seccompOf(Number(statusLine(statusText, 'Seccomp'))),
    noNewPrivs: NO_NEW_PRIVS.get(statusLine(statusText, 'NoNewPrivs')) ?? null,
  };
}

export function procStatusOf(statText: string, statusText: string): ProcStatus {
  const stat = parseStat(statText);
  return {
    ...rightsOf(statusText),
    pid: stat.pid,
    ppid: stat.ppid,
    tgid: Number(statusLine(statusText, 'Tgid')),
    startTime: stat.startTime,
    comm: stat.comm,
    kind: kindOf(stat),
    state: stat.state,
    threads: Number(statusLine(statusText, 'Threads')),
    tracerPid: tracerIn(statusText) ?? Number.NaN,
  };
}

export type Sighting<Facts> =
  | { state: 'seen'; facts: Facts }
  | { state: 'absent' }
  | { state: 'hidden'; cause: string };

/** The status of a process, and the inode that identifies it. Two processes with one pid may start in the same tick. */
export interface SeenStatus extends ProcStatus {
  /**
   * The inode of /proc/PID/status. A later process with the same pid has another: fs/proc/base.c, proc_pid_make_inode().
   */
  inode: number;
}

/** The number of attempts to read a process that changes meanwhile, or whose pid is reused. */
export const LOOKS = 3;

/**
 * Reads the process that has this pid now, and never a mix of two processes. It is normal that a process ends meanwhile.
 */
export function readProcStatus(pid: number): Sighting<SeenStatus> {
  const status = () =>
    tryProcess(pid, () => ({ state: 'read', inode: statSync(`/proc/${pid}/status`).ino }) as const);
  let before = status();
  for (let look = 1; look <= LOOKS; look++) {
    if (before.state !== 'read') return before;
    const seen = readStatus(pid);
    const after = status();
    if (seen.state !== 'seen') return seen;
    if (after.state !== 'read') return after;
    if (after.inode === before.inode) return { state: 'seen', facts: { ...seen.facts, inode: after.inode } };
    before = after;
  }
  return { state: 'hidden', cause: `pid ${pid} is another process' at each look` };
}

function readStatus(pid: number): Sighting<ProcStatus> {
  const stat = tryProcFile(pid, 'stat');
  if (stat.state !== 'read') return stat;
  const status = tryProcFile(pid, 'status');
  if (status.state !== 'read') return status;
  const facts = procStatusOf(stat.text, status.text);
  // Some kernels, and file systems that imitate /proc (gVisor, lxcfs), lack a line that the answers depend on.
  const isWhole = [facts.startTime, facts.tgid, facts.tracerPid, facts.uids.fs, facts.gids.fs].every(
    Number.isInteger,
  );
  if (!isWhole || !/^[0-9a-f]+$/.test(facts.capPermitted + facts.capEffective)) {
    return { state: 'hidden', cause: `/proc/${pid}/status lacks a line` };
  }
  return { state: 'seen', facts };
}
