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

type Encoding = 'latin1' | 'utf8';

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(path: string, text: string, encoding: Encoding, like: Stats | undefined): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text, encoding);
    if (like !== undefined) fchownSync(fd, like.uid, like.gid);
    fchmodSync(fd, (like?.mode ?? 0o644) & 0o7777);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Puts a file in the place of another, or of none, so that whoever looks sees the old one or the new one, whole, also after
 * a crash: written beside it, synced, renamed. With the owner and mode of the old one, or readable by everybody.
 *
 * @param keep is called when the new one is written, before it takes the place of the old
 * @throws SystemError with the old file in its place
 */
export function writeAtomically(path: string, text: string, encoding: Encoding, keep = () => {}): void {
  const directory = dirname(path);
  const old = lstatSync(path, { throwIfNoEntry: false });
  const fresh = join(directory, `.${basename(path)}${FRESH}`);
  try {
    // Of one who was killed here.
    rmSync(fresh, { force: true });
    writeWhole(fresh, text, encoding, old);
    keep();
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(directory);
}

/** A file that was replaced, with the way back. */
export interface Replacement {
  path: string;
  /** Where the old one is kept; null: there was none. */
  kept: string | null;
  undo(): void;
}

/**
 * As {@link writeAtomically}, with the old one kept under another name, and its directory made if that is missing.
 *
 * @param text latin1: a byte a character
 */
export function replaceFile(path: string, text: string): Replacement {
  const directory = dirname(path);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o755 });
  const kept = lstatSync(path, { throwIfNoEntry: false }) === undefined ? null : `${path}${KEPT}`;
  writeAtomically(path, text, 'latin1', () => {
    if (kept === null) return;
    rmSync(kept, { force: true });
    linkSync(path, kept);
  });
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
