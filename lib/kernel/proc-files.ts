import { accessSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What the system says, or Node's permission model in its place. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false;
  return 'syscall' in error || error.code === 'ERR_ACCESS_DENIED';
}

// Node reads a file as utf8 in one call into C++, in any other encoding, or in pieces, in many of JavaScript: the first of
// those take a process a millisecond.

/** Null where the system says no. */
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

/** A whole number that is all of the file. */
export function numberOf(path: string): number | null {
  const text = textOf(path);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

export const linkOf = (path: string): string | null => unlessRefused(() => readlinkSync(path));

/**
 * The processes that /proc shows us, in the order of the kernel, which is also the addon's; Node sorts names.
 *
 * @throws SystemError `ENOENT`, `EACCES` if there is no /proc to be listed
 */
export function listedPids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}

let isOwnNamespace: boolean | undefined;

/** Whether /proc is that of our pid namespace: elsewhere its numbers are other processes' (unshare --pid without --mount-proc). */
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

/** What is read of a process that may be gone, or hidden from us (hidepid, no /proc, a sandbox). */
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

/** As {@link tryProcess}, a file. */
export const tryProcFile = (pid: number, name: string): ProcRead =>
  tryProcess(pid, () => ({ state: 'read', text: readFileSync(`/proc/${pid}/${name}`, 'utf8') }));

const hasPermissionModel = 'permission' in process;

/**
 * What the addon opens isn't asked of Node's permission model: so that is asked before, by a call that answers to it.
 *
 * @throws SystemError `ERR_ACCESS_DENIED` if this program may not read these files of a process
 */
export function assertMayRead(pid: number, names: readonly string[]): void {
  if (!hasPermissionModel) return;
  for (const name of names) accessSync(`/proc/${pid}/${name}`);
}
