import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { isSystemError } from '../../kernel/proc-files.js';
import type { HeldDirectory } from './held-directory.js';

/** The ending of a kept file. Both loaders ignore files that don't end in `.conf`. */
const KEPT = '.tracegate-old';
/** The name of a new file, with the pid of its writer. */
const FRESH = /^\.tracegate-(\d+)-[0-9a-f]{16}\.tracegate-new$/;
const freshName = () => `.tracegate-${process.pid}-${randomBytes(8).toString('hex')}.tracegate-new`;

/** The permission bits, without set-id and sticky. */
const PERMISSIONS = 0o777;

/** Another process has changed the file before the replacement, or before the undo. */
export class ChangedMeanwhile extends Error {}

/** A replaced file, and its undo. */
export interface Replacement {
  /** The name of the kept old file in that directory; null if there was no old file. */
  kept: string | null;
  /** @throws ChangedMeanwhile if our file, or the kept file, was replaced by another file */
  undo(): void;
}

type Identity = Pick<Stats, 'dev' | 'ino'>;

const isSame = (one: Identity, other: Identity | undefined): boolean =>
  one.dev === other?.dev && one.ino === other.ino;

const lookAt = (path: Buffer): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** Checks that the old file still has the text from which the new text was made. A null `text` requires that no file exists. */
function oldFile(path: Buffer, text: string | null): Stats | null {
  if (text === null) {
    if (lookAt(path) === undefined) return null;
    throw new ChangedMeanwhile();
  }
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ELOOP' || error.code === 'ENOENT'))
      throw new ChangedMeanwhile();
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || readFileSync(fd, 'latin1') !== text) throw new ChangedMeanwhile();
    return stat;
  } finally {
    closeSync(fd);
  }
}

function writeFresh(path: Buffer, text: string, like: Stats | null): Stats {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(fd, text, 'latin1');
    if (like !== null) fchownSync(fd, like.uid, like.gid);
    fchmodSync(fd, (like?.mode ?? 0o644) & PERMISSIONS);
    fsyncSync(fd);
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeIfThere(path: Buffer): void {
  if (lookAt(path) !== undefined) unlinkSync(path);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(isSystemError(error) && error.code === 'ESRCH');
  }
}

/** Removes the new files of writers that were killed. */
function removeLeftovers(directory: HeldDirectory): void {
  for (const name of readdirSync(directory.at(''), 'latin1')) {
    const [, pid] = FRESH.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) removeIfThere(directory.at(name));
  }
}

/** Gives the old file a second name by a hard link. */
function keep(path: Buffer, kept: Buffer, old: Stats): void {
  removeIfThere(kept);
  linkSync(path, kept);
  if (isSame(old, lookAt(kept))) return;
  unlinkSync(kept);
  throw new ChangedMeanwhile();
}

/**
 * Replaces or creates a file atomically: a reader sees either the whole old file or the whole new file, also after a crash. The
 * new file gets the owner and permissions of the old file. The old file is kept under another name.
 *
 * @param before the text that the file has now; null if the file must not exist yet
 * @throws ChangedMeanwhile, SystemError if the replacement fails; the old file is then unchanged
 */
export function replaceFile(
  directory: HeldDirectory,
  name: string,
  before: string | null,
  after: string,
): Replacement {
  const path = directory.at(name);
  const old = oldFile(path, before);
  const kept = old === null ? null : `${name}${KEPT}`;
  removeLeftovers(directory);
  const fresh = directory.at(freshName());
  let made: Stats;
  try {
    made = writeFresh(fresh, after, old);
    if (old === null || kept === null) {
      // link(2) fails if a file of that name exists; rename(2) would replace the file.
      linkSync(fresh, path);
      unlinkSync(fresh);
    } else {
      keep(path, directory.at(kept), old);
      renameSync(fresh, path);
    }
  } catch (error) {
    removeIfThere(fresh);
    if (isSystemError(error) && error.code === 'EEXIST') throw new ChangedMeanwhile();
    throw error;
  }
  directory.sync();
  return {
    kept,
    undo() {
      if (!isSame(made, lookAt(path))) throw new ChangedMeanwhile();
      if (old === null || kept === null) unlinkSync(path);
      else if (isSame(old, lookAt(directory.at(kept)))) renameSync(directory.at(kept), path);
      else throw new ChangedMeanwhile();
      directory.sync();
    },
  };
}
