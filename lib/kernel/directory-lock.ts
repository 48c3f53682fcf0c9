import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { native } from './native.js';
import { textOf } from './proc-files.js';

export interface LockHolder {
  pid: number;
  /** Null: not seen. */
  comm: string | null;
}

/** Whether this process has the lock now. */
export type DirectoryLock =
  | { state: 'locked'; end(): void }
  /** `by` is null where /proc/locks doesn't show who holds it, as a process of another pid namespace. */
  | { state: 'held'; by: LockHolder | null }
  /** The file system has no such locks, say. */
  | { state: 'failed'; code: string };

const EWOULDBLOCK = -11;

/** Of /proc/locks, whose lines are `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`. */
function holderOf(inode: number): LockHolder | null {
  for (const line of (textOf('/proc/locks') ?? '').split('\n')) {
    const [, kind, , , pid = '', file = ''] = line.split(/\s+/);
    if (kind !== 'FLOCK' || file.split(':').at(-1) !== `${inode}` || !/^[1-9]\d*$/.test(pid)) continue;
    return { pid: Number(pid), comm: textOf(`/proc/${pid}/comm`) };
  }
  return null;
}

/**
 * Locks a directory against whoever else locks it: flock(2) with LOCK_EX | LOCK_NB on a descriptor of its own. Nothing is
 * written. The lock ends with the process at the latest, also by SIGKILL.
 *
 * Kernel: fs/locks.c, flock_lock_inode() and locks_remove_flock()
 *
 * @throws SystemError if the directory can't be opened
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function lockDirectory(path: string): DirectoryLock {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  let isLocked = false;
  try {
    const result = native().lockExclusively(fd);
    isLocked = result === 0;
    if (isLocked) return { state: 'locked', end: () => closeSync(fd) };
    if (result === EWOULDBLOCK) return { state: 'held', by: holderOf(fstatSync(fd).ino) };
    return { state: 'failed', code: getSystemErrorName(result) };
  } finally {
    if (!isLocked) closeSync(fd);
  }
}
