import { randomBytes } from 'node:crypto';
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

interface Writing {
  /** Beside it, where nobody looks. */
  fresh: string;
  encoding: Encoding;
  /** Whose owner and mode it gets; without, it is the writer's, and readable by everybody. */
  like?: Stats | undefined;
  /** Called when the new one is written, before it takes the place of the old. */
  keep?: () => void;
}

/**
 * Puts a file in the place of another, or of none, so that whoever looks sees the old one or the new one, whole, also after
 * a crash: written beside it, synced, renamed.
 *
 * @throws SystemError with the old file in its place
 */
function writeAtomically(path: string, text: string, { fresh, encoding, like, keep }: Writing): void {
  try {
    writeWhole(fresh, text, encoding, like);
    keep?.();
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

const besides = (path: string, ending: string) => join(dirname(path), `.${basename(path)}${ending}`);

/**
 * For who reads while it is written anew, also by several at once: each writes under a name of its own. Owner and mode of an old
 * one are not kept.
 *
 * @param text utf8
 * @throws SystemError with the old file in its place
 */
export function writePublicly(path: string, text: string): void {
  writeAtomically(path, text, {
    fresh: besides(path, `.${randomBytes(4).toString('hex')}${FRESH}`),
    encoding: 'utf8',
  });
}

/** A file that was replaced, with the way back. */
export interface Replacement {
  path: string;
  /** Where the old one is kept; null: there was none. */
  kept: string | null;
  undo(): void;
}

/**
 * Atomically too, with the owner and mode of the old one, which is kept under another name; the directory is made if it is missing.
 *
 * @param text latin1: a byte a character
 */
export function replaceFile(path: string, text: string): Replacement {
  const directory = dirname(path);
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o755 });
  const old = lstatSync(path, { throwIfNoEntry: false });
  const kept = old === undefined ? null : `${path}${KEPT}`;
  const fresh = besides(path, FRESH);
  // Of one who was killed here.
  rmSync(fresh, { force: true });
  writeAtomically(path, text, {
    fresh,
    encoding: 'latin1',
    like: old,
    keep: () => {
      if (kept === null) return;
      rmSync(kept, { force: true });
      linkSync(path, kept);
    },
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
