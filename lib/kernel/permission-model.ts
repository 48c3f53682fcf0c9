import { isError } from '../is-error.js';

/** Where tracegate reads: the files of processes, and the kernel's settings. */
const READ = '--allow-fs-read=/proc/';

/** Node's option that grants an access, by the `permission` of the error. A refused connection has only a `syscall`. */
const GRANTS: Readonly<Record<string, string>> = {
  ChildProcess: '--allow-child-process',
  FileSystemRead: READ,
  connect: '--allow-net',
};

/** Whether Node's permission model refuses the files of /proc: `--permission`, on Node 20 `--experimental-permission`. */
const refusesProc = (): boolean => {
  const { permission } = process as { permission?: { has(scope: string, path: string): boolean } };
  return permission?.has('fs.read', '/proc/self/status') === false;
};

const withOption = (option: string) => `start Node with ${option}`;

/** What to do about an unreadable /proc. @param otherwise where the permission model isn't the reason */
export const remedyForProc = (otherwise: string): string => (refusesProc() ? withOption(READ) : otherwise);

/** The remedy where the permission model has refused an access. Null for any other error. */
export function remedyForRefusal(error: unknown): string | null {
  if (!isError(error)) return null;
  const { code, permission, syscall } = error as NodeJS.ErrnoException & { permission?: string };
  if (code !== 'ERR_ACCESS_DENIED') return remedyForRefusal(error.cause);
  const option = GRANTS[permission ?? syscall ?? ''];
  return option === undefined ? null : withOption(option);
}
