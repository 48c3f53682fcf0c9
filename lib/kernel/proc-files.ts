import { accessSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isError } from '../is-error.js';

/** Whether the error comes from the system, or from Node's permission model. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  if (!(isError(error) && 'code' in error && typeof error.code === 'string')) return false;
  return 'syscall' in error || error.code === 'ERR_ACCESS_DENIED';
}

// Node reads a file as utf8 in one call into C++. Other encodings, and reading in pieces, take many calls in JavaScript:
// the first such calls take a process a millisecond.

/** Null where the system refuses. */
function unlessRefused(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

export const textOf = (path: string): string | null =>
  unlessRefused(() => readFileSync(path, 'utf8').trimEnd());

/** The whole number in a file. Null where the file has any other text. */
export function numberOf(path: string): number | null {
  const text = textOf(path);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

export const linkOf = (path: string): string | null => unlessRefused(() => readlinkSync(path));

/**
 * The processes that /proc lists, in the kernel's order, as the addon also returns them. Node sorts by name.
 *
 * @throws SystemError `ENOENT`, `EACCES` if /proc can't be listed
 */
export function listedPids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}

let isOwnNamespace: boolean | undefined;

/**
 * Whether /proc belongs to our pid namespace. Otherwise its pids mean other processes (unshare --pid without
 * --mount-proc).
 */
export function showsOurPids(): boolean {
  isOwnNamespace ??= readlinkSync('/proc/self') === `${process.pid}`;
  return isOwnNamespace;
}

export type Unread = { state: 'absent' } | { state: 'hidden'; cause: string; code: string };
export type ProcRead = { state: 'read'; text: string } | Unread;

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === 'EPERM';
  }
}

/** Reads a process that may have ended, or may be hidden from us (hidepid, no /proc, a sandbox). */
export function tryProcess<Read>(pid: number, read: () => Read): Read | Unread {
  try {
    if (!showsOurPids())
      return { state: 'hidden', cause: '/proc is that of another pid namespace', code: 'ENOENT' };
    return read();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return exists(pid) ? { state: 'hidden', cause: error.message, code: error.code } : { state: 'absent' };
  }
}

/** As {@link tryProcess}, for a file. */
export const tryProcFile = (pid: number, name: string): ProcRead =>
  tryProcess(pid, () => ({ state: 'read', text: readFileSync(`/proc/${pid}/${name}`, 'utf8') }));

const hasPermissionModel = 'permission' in process;

/**
 * Asks Node's permission model, by a call of Node's, for the files that the addon is going to open. The addon's own calls
 * bypass that model.
 *
 * @throws SystemError `ERR_ACCESS_DENIED` if this program may not read these files of a process
 */
export function assertMayRead(pid: number, names: readonly string[]): void {
  if (!hasPermissionModel) return;
  for (const name of names) accessSync(`/proc/${pid}/${name}`);
}
