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
import { copyExtendedAttributes } from '../../kernel/extended-attributes.js';
import { isSystemError } from '../../kernel/proc-files.js';
import type { HeldDirectory } from './held-directory.js';

/** The ending of a kept file. Both loaders ignore files that don't end in `.conf`. */
export const KEPT = '.tracegate-old';
/** The name of a file that ends with its run, with the pid of its writer. */
const PASSING = /^\.tracegate-(\d+)-[0-9a-f]{16}\.tracegate-new$/;
const passingName = () => `.tracegate-${process.pid}-${randomBytes(8).toString('hex')}.tracegate-new`;

/** The permission bits, without set-id and sticky. */
const PERMISSIONS = 0o777;

/** Another process has changed the file before the replacement, or before the undo. */
export class ChangedMeanwhile extends Error {}

/** A replaced file. Either `finish` or `undo` is called in the end. */
export interface Replacement {
  /** Removes the old file if it isn't to be kept. */
  finish(): void;
  /** @throws ChangedMeanwhile if our file, or the old file, was replaced by another file */
  undo(): void;
}

type Identity = Pick<Stats, 'dev' | 'ino'>;

const isSame = (one: Identity, other: Identity | undefined): boolean =>
  one.dev === other?.dev && one.ino === other.ino;

const lookAt = (path: Buffer): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** Opens a file, but no link. @returns null if there is none */
function openFile(path: Buffer): number | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return null;
    if (!isSystemError(error) || error.code !== 'ELOOP') throw error;
  }
  throw new ChangedMeanwhile();
}

/**
 * Reads a file of a directory, in latin1. @returns null if there is none
 *
 * @throws ChangedMeanwhile if it is no file
 */
export function textIn(directory: HeldDirectory, name: string): string | null {
  const fd = openFile(directory.at(name));
  if (fd === null) return null;
  try {
    return readFileSync(fd, 'latin1');
  } finally {
    closeSync(fd);
  }
}

/** Writes a file of another name. It gets the owner, permissions and attributes of `like`, a descriptor. */
function writePassing(directory: HeldDirectory, path: Buffer, text: string, like: number | null): Stats {
  const fd = openSync(path, 'wx', like === null ? 0o644 : 0o600);
  try {
    writeFileSync(fd, text, 'latin1');
    if (like !== null) {
      const { uid, gid, mode } = fstatSync(like);
      fchownSync(fd, uid, gid);
      copyExtendedAttributes(like, fd);
      fchmodSync(fd, mode & PERMISSIONS);
    } else if (!directory.givesAcl()) {
      // The umask may have taken bits away.
      fchmodSync(fd, 0o644);
    }
    fsyncSync(fd);
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function removeIfThere(path: Buffer): void {
  if (lookAt(path) !== undefined) unlinkSync(path);
}

/** Removes `other` if it is a link to the same file. */
export function removeSecondName(path: Buffer, other: Buffer): void {
  const file = lookAt(path);
  if (file !== undefined && isSame(file, lookAt(other))) unlinkSync(other);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(isSystemError(error) && error.code === 'ESRCH');
  }
}

/** Removes the files of writers that were killed. */
export function removeLeftovers(directory: HeldDirectory): void {
  for (const name of readdirSync(directory.at(''), 'latin1')) {
    const [, pid] = PASSING.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) removeIfThere(directory.at(name));
  }
}

/** Gives the old file a second name by a hard link. */
function keep(path: Buffer, kept: Buffer, old: Identity): void {
  removeIfThere(kept);
  linkSync(path, kept);
  if (isSame(old, lookAt(kept))) return;
  unlinkSync(kept);
  throw new ChangedMeanwhile();
}

/** Writes a file, in place of any file of that name. A reader sees the whole old text or the whole new text. */
export function writeWhole(directory: HeldDirectory, name: string, text: string): void {
  removeLeftovers(directory);
  const passing = directory.at(passingName());
  try {
    writePassing(directory, passing, text, null);
    renameSync(passing, directory.at(name));
  } catch (error) {
    removeIfThere(passing);
    throw error;
  }
  directory.sync();
}

/**
 * Replaces or creates a file atomically: a reader sees either the whole old file or the whole new file, also after a crash. The
 * new file gets the owner, permissions and extended attributes of the old file.
 *
 * @param before the text that the file has now; null if the file must not exist yet
 * @param keeps whether the old file stays under the name with {@link KEPT}
 * @throws ChangedMeanwhile, SystemError or SyscallError if the replacement fails; the old file is then unchanged
 */
export function replaceFile(
  directory: HeldDirectory,
  name: string,
  before: string | null,
  after: string,
  keeps: boolean,
): Replacement {
  const path = directory.at(name);
  removeLeftovers(directory);
  const fresh = directory.at(passingName());
  const kept = directory.at(keeps ? `${name}${KEPT}` : passingName());
  const oldFd = openFile(path);
  let old: Stats | null = null;
  let made: Stats;
  try {
    if ((oldFd === null ? null : readFileSync(oldFd, 'latin1')) !== before) throw new ChangedMeanwhile();
    old = oldFd === null ? null : fstatSync(oldFd);
    made = writePassing(directory, fresh, after, oldFd);
    if (old === null) {
      // link(2) fails if a file of that name exists; rename(2) would replace the file.
      linkSync(fresh, path);
      unlinkSync(fresh);
    } else {
      keep(path, kept, old);
      renameSync(fresh, path);
    }
  } catch (error) {
    removeIfThere(fresh);
    if (old !== null) removeSecondName(path, kept);
    if (isSystemError(error) && error.code === 'EEXIST') throw new ChangedMeanwhile();
    throw error;
  } finally {
    if (oldFd !== null) closeSync(oldFd);
  }
  directory.sync();
  return {
    finish() {
      if (!keeps) removeIfThere(kept);
    },
    undo() {
      if (!isSame(made, lookAt(path))) throw new ChangedMeanwhile();
      if (old === null) unlinkSync(path);
      else if (isSame(old, lookAt(kept))) renameSync(kept, path);
      else throw new ChangedMeanwhile();
      directory.sync();
    },
  };
}
