import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

export type ProcRead =
  | { state: 'read'; text: string }
  | { state: 'absent' }
  | { state: 'hidden'; cause: string; code: string };

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === 'EPERM';
  }
}

/** A file of a process that may be gone, or hidden from us (hidepid, no /proc, a sandbox). */
export function tryProcFile(pid: number, name: string): ProcRead {
  try {
    if (!showsOurPids())
      return { state: 'hidden', cause: '/proc is that of another pid namespace', code: 'ENOENT' };
    return { state: 'read', text: readFileSync(`/proc/${pid}/${name}`, 'utf8') };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return exists(pid) ? { state: 'hidden', cause: error.message, code: error.code } : { state: 'absent' };
  }
}
