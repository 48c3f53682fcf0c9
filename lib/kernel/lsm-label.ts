import { constants } from 'node:os';
import { tryProcFile } from './proc-files.js';

/** The kernel's modules don't change after the boot, so it is enough to find out once that there are no labels. */
let isWithoutLabels = false;

export const mayHaveLabels = (): boolean => !isWithoutLabels;

/**
 * The label, from the text of attr/current or the -errno of reading it. Null: not seen.
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
