import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const FRESH = '.tracegate-new';

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Creates a file that every user can read. The file gets its mode only after its text is complete. */
function writeWhole(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fchmodSync(fd, 0o644);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file atomically: a reader sees either the whole old file or the whole new file, also after a crash. The text is
 * written to a new file beside the old one, synced and renamed. Several processes may do so at once, since each uses a random
 * name. The owner and mode of the old file are not kept.
 *
 * @throws SystemError if the write fails; the old file is then unchanged
 */
export function writePublicly(path: string, text: string): void {
  const fresh = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}${FRESH}`);
  try {
    writeWhole(fresh, text);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}
