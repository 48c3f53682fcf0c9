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

/** A new file of the writer's, readable by everybody. */
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
 * Puts a file in the place of another, or of none, so that whoever looks sees the old one or the new one, whole, also after
 * a crash: written beside it, synced, renamed. Several may do so at once: each writes under a name of its own. Owner and mode of
 * an old one are not kept.
 *
 * @throws SystemError with the old file in its place
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
