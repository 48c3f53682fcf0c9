import { closeSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';

/** What the system says, or Node's permission model in its place. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return false;
  return 'syscall' in error || error.code === 'ERR_ACCESS_DENIED';
}

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

const buffer = Buffer.allocUnsafe(8192);

/** A whole file of /proc/PID: fewer system calls than readFileSync, which asks for a size that /proc doesn't have. */
export function readProcFile(pid: number, name: string): string {
  const fd = openSync(`/proc/${pid}/${name}`, 'r');
  try {
    let text = '';
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) return text;
      text += buffer.toString('utf8', 0, length);
    }
  } finally {
    closeSync(fd);
  }
}

let isOwnNamespace: boolean | undefined;

/** Whether /proc is that of our pid namespace: elsewhere its numbers are other processes' (unshare --pid without --mount-proc). */
function showsOurPids(): boolean {
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

/** As readProcFile, for a process that may be gone, or hidden from us (hidepid, no /proc, a sandbox). */
export function tryProcFile(pid: number, name: string): ProcRead {
  try {
    if (!showsOurPids())
      return { state: 'hidden', cause: '/proc is that of another pid namespace', code: 'ENOENT' };
    return { state: 'read', text: readProcFile(pid, name) };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return exists(pid) ? { state: 'hidden', cause: error.message, code: error.code } : { state: 'absent' };
  }
}
