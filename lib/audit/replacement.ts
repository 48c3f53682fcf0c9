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
import { isSystemError } from '../kernel/proc-files.js';
import type { HeldDirectory } from './held-directory.js';

/** Neither loader reads what doesn't end in `.conf`. */
const KEPT = '.tracegate-old';
/** With the pid of who writes it. */
const FRESH = /^\.tracegate-(\d+)-[0-9a-f]{16}\.tracegate-new$/;
const freshName = () => `.tracegate-${process.pid}-${randomBytes(8).toString('hex')}.tracegate-new`;

/** Neither set-id nor sticky. */
const PERMISSIONS = 0o777;

/** Somebody else has changed what was to be replaced, or what is to be put back. */
export class ChangedMeanwhile extends Error {}

/** A file that was replaced, with the way back. */
export interface Replacement {
  /** Where the old one is kept in that directory; null: there was none. */
  kept: string | null;
  /** @throws ChangedMeanwhile where another file is in the place of ours, or of the one that was kept */
  undo(): void;
}

type Identity = Pick<Stats, 'dev' | 'ino'>;

const isSame = (one: Identity, other: Identity | undefined): boolean =>
  one.dev === other?.dev && one.ino === other.ino;

const lookAt = (path: Buffer): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

/** The old file, which has to be as it was when the new text was made of it; null: there has to be none. */
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

/** Of those who were killed here. */
function removeLeftovers(directory: HeldDirectory): void {
  for (const name of readdirSync(directory.at(''), 'latin1')) {
    const [, pid] = FRESH.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) removeIfThere(directory.at(name));
  }
}

/** The old one gets a second name. */
function keep(path: Buffer, kept: Buffer, old: Stats): void {
  removeIfThere(kept);
  linkSync(path, kept);
  if (isSame(old, lookAt(kept))) return;
  unlinkSync(kept);
  throw new ChangedMeanwhile();
}

/**
 * Puts a text in the place of a file, or of none, so that whoever looks sees the old one or the new one, whole, also after a crash.
 * It has the owner of the old one and its permissions. The old one is kept under another name.
 *
 * @param before what has been in it; null: it has not been there
 * @throws ChangedMeanwhile, SystemError with the old file in its place
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
      // Unlike a rename it takes nobody's place.
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
