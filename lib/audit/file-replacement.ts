import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Neither loader reads what doesn't end in `.conf`. */
const KEPT = '.tracegate-old';
const FRESH = '.tracegate-new';

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(path: string, text: string, like: Stats | undefined): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text, 'latin1');
    if (like !== undefined) fchownSync(fd, like.uid, like.gid);
    fchmodSync(fd, (like?.mode ?? 0o644) & 0o7777);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A file that was replaced, with the way back. */
export interface Replacement {
  path: string;
  /** Where the old one is kept; null: there was none. */
  kept: string | null;
  undo(): void;
}

/**
 * Puts a file in the place of another, or of none, so that whoever looks sees the old one or the new one, whole, also after
 * a crash: written beside it, synced, renamed. The old one is kept under another name, with its owner and mode.
 *
 * @throws SystemError with the old file in its place
 */
export function replaceFile(path: string, text: string): Replacement {
  const directory = dirname(path);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o755 });
  const old = lstatSync(path, { throwIfNoEntry: false });
  const fresh = join(directory, `.${basename(path)}${FRESH}`);
  const kept = old === undefined ? null : `${path}${KEPT}`;
  try {
    // Of one who was killed here.
    rmSync(fresh, { force: true });
    writeWhole(fresh, text, old);
    if (kept !== null) {
      rmSync(kept, { force: true });
      linkSync(path, kept);
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(directory);
  return {
    path,
    kept,
    undo() {
      if (kept === null) rmSync(path, { force: true });
      else renameSync(kept, path);
      syncDirectory(directory);
    },
  };
}
