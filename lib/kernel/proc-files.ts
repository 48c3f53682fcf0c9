import { closeSync, openSync, readSync } from 'node:fs';

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && 'syscall' in error && typeof error.code === 'string';
}

const buffer = Buffer.allocUnsafe(8192);

/** A whole file of /proc/PID: fewer system calls than readFileSync, which asks for a size that /proc doesn't have. */
export function readProcFile(pid: number, name: string): string {
  const fd = openSync(`/proc/${pid}/${name}`, 'r');
  try {
    let text = '';
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      text += buffer.toString('utf8', 0, length);
      if (length < buffer.length) return text;
    }
  } finally {
    closeSync(fd);
  }
}

export type ProcRead =
  | { state: 'read'; text: string }
  | { state: 'absent' }
  | { state: 'hidden'; cause: string };

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
    return { state: 'read', text: readProcFile(pid, name) };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return exists(pid) ? { state: 'hidden', cause: error.message } : { state: 'absent' };
  }
}
