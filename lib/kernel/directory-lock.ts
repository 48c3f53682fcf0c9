import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { native } from './native.js';
import { textOf } from './proc-files.js';

export interface LockHolder {
  pid: number;
  /** Null: the name isn't seen. */
  comm: string | null;
}

/** The result of {@link lockDirectory}. */
export type DirectoryLock =
  | { state: 'locked'; end(): void }
  /** `by` is null where /proc/locks doesn't show the holder, for example a process of another pid namespace. */
  | { state: 'held'; by: LockHolder | null }
  /** The lock failed, for example because the file system has no such locks. */
  | { state: 'failed'; code: string };

const EWOULDBLOCK = -11;

/** Searches /proc/locks, whose lines are `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`. */
function holderOf(inode: number): LockHolder | null {
  for (const line of (textOf('/proc/locks') ?? '').split('\n')) {
    const [, kind, , , pid = '', file = ''] = line.split(/\s+/);
    if (kind !== 'FLOCK' || file.split(':').at(-1) !== `${inode}` || !/^[1-9]\d*$/.test(pid)) continue;
    return { pid: Number(pid), comm: textOf(`/proc/${pid}/comm`) };
  }
  return null;
}

/**
 * Locks a directory with flock(2), LOCK_EX | LOCK_NB, on a descriptor of its own. Other processes that use this lock are
 * kept out. The lock writes no file, and ends at the latest with this process, also by SIGKILL.
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
