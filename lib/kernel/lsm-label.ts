import { constants } from 'node:os';
import { tryProcFile } from './proc-files.js';

/** Which modules a kernel runs is settled at its boot: that none labels need be found out only once. */
let isWithoutLabels = false;

export const mayHaveLabels = (): boolean => !isWithoutLabels;

/**
 * What attr/current says, by the text or the -errno that its reading gave. Null: not seen.
 *
 * Kernel: fs/proc/base.c, proc_pid_attr_read(): EINVAL where no module gives labels
 */
export function labelFrom(read: string | number): string | null {
  if (typeof read === 'string') return read.replace(/[\0\n]+$/, '');
  isWithoutLabels ||= read === -constants.errno.EINVAL;
  return isWithoutLabels ? '' : null;
}

export function labelOf(pid: number): string | null {
  if (isWithoutLabels) return '';
  const read = tryProcFile(pid, 'attr/current');
  if (read.state === 'read') return labelFrom(read.text);
  return read.state === 'hidden' && read.code === 'EINVAL' ? labelFrom(-constants.errno.EINVAL) : null;
}
