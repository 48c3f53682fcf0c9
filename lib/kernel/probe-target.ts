import { constants } from 'node:os';
import { native } from './native.js';
import { type Answer, answerFrom } from './probe-outcome.js';
import { assertMayRead, tryProcess, type Unread } from './proc-files.js';
import { isEnded, type ProcStatus, type Sighting } from './proc-status.js';

/** The facts about its target that a probe uses. */
export interface ProbeTarget
  extends Pick<ProcStatus, 'startTime' | 'comm' | 'ppid' | 'tgid' | 'threads' | 'tracerPid'> {
  /** An exiting process is `user` until it is a zombie. */
  kind: Exclude<ProcStatus['kind'], 'exiting'>;
  /** The effective uid; `gid` is effective too. */
  uid: number;
  gid: number;
}

/** Decodes the addon's number: the errno in 16 bits, the number of the answering call above. */
export const unpackAnswer = (packed: number): Answer => answerFrom(packed & 0xffff, packed >> 16);

/**
 * The access check that an attach of this process would meet. The first call asks whether a filter allows ptrace at all.
 * The answer then comes from process_vm_readv or, if that call gives none, from pidfd_getfd.
 */
export const askAccess = (pid: number): Answer => unpackAnswer(native().probeAccess(pid));

/** native/probe/seccomp_gate.h, Call */
const CALLS = { process_vm_readv: 1, pidfd_getfd: 2, kcmp: 3, perf_event_open: 6 } as const;

/** The access check of a single call. For perf_event_open the event is closed at once (native/probe/perf_event.h). */
export const askCall = (pid: number, call: keyof typeof CALLS): Answer =>
  unpackAnswer(native().probeCall(pid, CALLS[call]));

/** native/addon/probed_process_call.cc */
const COLUMN = {
  ...{ answer: 0, sight: 1, inode: 2, madeSeconds: 3, madeNanoseconds: 4, startTime: 5, isKernelThread: 6 },
  ...{ state: 7, ppid: 8, tgid: 9, threads: 10, tracerPid: 11, uid: 12, gid: 13 },
} as const;

/** The last look of this thread. For a process with a known inode the addon doesn't read the start time again. */
const row = new Float64Array(14).fill(-1);
const number = (column: (typeof COLUMN)[keyof typeof COLUMN]): number => row[column] ?? -1;

/** native/proc/process_row.h, Sight */
const GONE = 0;

/** The files that the addon reads. */
const FILES = ['stat', 'status'];

type Seen = { state: 'seen'; facts: ProbeTarget };

function kindInRow(): ProbeTarget['kind'] {
  if (number(COLUMN.isKernelThread) === 1) return 'kernel-thread';
  return isEnded(String.fromCharCode(number(COLUMN.state))) ? 'zombie' : 'user';
}

function look(pid: number, asks: boolean): Seen | Unread {
  assertMayRead(pid, FILES);
  const comm = native().lookAndAsk(pid, asks, row);
  if (comm === null) {
    if (number(COLUMN.sight) === GONE) return { state: 'absent' };
    return { state: 'hidden', cause: `/proc/${pid}/stat or status can't be read`, code: 'ENOENT' };
  }
  const facts = {
    startTime: number(COLUMN.startTime),
    comm,
    kind: kindInRow(),
    ppid: number(COLUMN.ppid),
    tgid: number(COLUMN.tgid),
    threads: number(COLUMN.threads),
    tracerPid: number(COLUMN.tracerPid),
    uid: number(COLUMN.uid),
    gid: number(COLUMN.gid),
  };
  return { state: 'seen', facts };
}

/**
 * The process with this pid now. The tracer is read while no other probe of this process, such as a worker's, is active.
 */
export const lookAt = (pid: number): Sighting<ProbeTarget> => tryProcess(pid, () => look(pid, false));

/** The answer about a process that ended before the question. */
export const NO_SUCH_PROCESS: Answer = {
  error: constants.errno.ESRCH,
  answeringCall: 'none',
  syscall: 'open',
};

const NOT_ASKED = -1;

/** The answer of {@link askAccess}, and the process that the answer is about, in one call. */
export function lookAndAsk(pid: number): { target: Sighting<ProbeTarget>; check: Answer } {
  row[COLUMN.answer] = NOT_ASKED;
  const target = tryProcess(pid, () => look(pid, true));
  const packed = number(COLUMN.answer);
  if (packed !== NOT_ASKED) return { target, check: unpackAnswer(packed) };
  return { target, check: target.state === 'absent' ? NO_SUCH_PROCESS : askAccess(pid) };
}
