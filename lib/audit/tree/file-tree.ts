import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join, posix } from 'node:path';
import { isSystemError } from '../../kernel/proc-files.js';

/** The target of a path. Links are followed as by a process whose root directory is the tree. */
export type Resolved =
  | { kind: 'file'; path: string; isExecutable: boolean }
  | { kind: 'directory' | 'fifo' | 'socket' | 'device'; path: string }
  /** `/dev/null`, also if the tree has no such file, since a running system always has it. */
  | { kind: 'null-device' }
  | { kind: 'loop' }
  /** `isUnreachable`: no file can be made there, since the path leads through a file, or `..` follows a missing directory. */
  | { kind: 'missing'; isUnreachable?: true }
  | { kind: 'unreadable'; cause: string };

/**
 * The content of a path. `nothing`: an open fails, or a read gives no bytes. A file that may hold bytes, but could not be read,
 * is `unreadable`.
 */
export type Content =
  | { kind: 'text'; text: string }
  | { kind: 'nothing'; because: 'missing' | 'loop' | 'directory' | 'null-device' | 'socket' }
  | { kind: 'unreadable'; cause: string };

export type Listing =
  | { kind: 'names'; names: string[] }
  | { kind: 'nothing' }
  | { kind: 'unreadable'; cause: string };

/** A file or directory that may hold something that matters. */
export interface Unreadable {
  path: string;
  cause: string;
}

export interface FilePart {
  from: number;
  length: number;
}

/** A root directory as seen from inside. Paths begin with `/`. Names and texts are latin1: one character for each byte. */
export interface FileTree {
  /** @param avoiding a directory that counts as missing; a path that leads through this directory is missing too */
  resolve(path: string, avoiding?: string): Resolved;
  /** The target of a link, as it is written. Null: there is no link at that path. */
  readLink(path: string): string | null;
  list(path: string): Listing;
  /** @param part the bytes to read; without it the whole file, unless the file is too large */
  read(path: string, part?: FilePart): Content;
  /** The time of the last change of a file or directory, in milliseconds; null if there is none, or it can't be read. */
  changedAt(path: string): number | null;
}

/** MAXSYMLINKS, include/linux/namei.h */
const MOST_LINKS = 40;
const LARGEST_FILE = 2 ** 23;
/** root may execute a file if any of these bits is set. Kernel: fs/namei.c, generic_permission() */
const EXECUTABLE = 0o111;

/**
 * Opens the directory `root` as a tree. Links never lead out of the tree: an absolute link begins at `root`, and `..` stops at
 * `root`, as after chroot(2). FIFOs and devices, which could block, are never opened. Errors are results, not exceptions.
 */
export function openFileTree(root: string, { largestFile = LARGEST_FILE } = {}): FileTree {
  const onHost = (path: string) => Buffer.concat([Buffer.from(root), Buffer.from(path, 'latin1')]);

  function resolve(path: string, avoiding?: string): Resolved {
    const left = path.split('/').reverse();
    let at = '';
    let links = 0;
    let stat: Stats | null = null;
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === '' || name === '.') continue;
      if (stat !== null && !stat.isDirectory()) return { kind: 'missing', isUnreachable: true };
      if (name === '..') {
        at = at.slice(0, Math.max(at.lastIndexOf('/'), 0));
        stat = null;
        continue;
      }
      const next = `${at}/${name}`;
      if (next === avoiding) return { kind: 'missing' };
      if (next === '/dev' && left.length === 1 && left[0] === 'null') return { kind: 'null-device' };
      try {
        stat = lstatSync(onHost(next));
        if (stat.isSymbolicLink()) {
          if (++links > MOST_LINKS) return { kind: 'loop' };
          const target = readlinkSync(onHost(next), 'latin1');
          if (target.startsWith('/')) at = '';
          left.push(...target.split('/').reverse());
          stat = null;
          continue;
        }
      } catch (error) {
        const failed = withoutStat(error);
        return failed.kind === 'missing' && left.includes('..') ? { ...failed, isUnreachable: true } : failed;
      }
      at = next;
    }
    if (stat?.isFile()) return { kind: 'file', path: at, isExecutable: (stat.mode & EXECUTABLE) !== 0 };
    return { kind: stat === null ? 'directory' : kindOf(stat), path: at || '/' };
  }

  function readLink(path: string): string | null {
    const above = resolve(posix.dirname(path));
    if (above.kind !== 'directory') return null;
    try {
      return readlinkSync(onHost(posix.join(above.path, posix.basename(path))), 'latin1');
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return null;
    }
  }

  function list(path: string): Listing {
    const found = resolve(path);
    if (found.kind === 'unreadable') return found;
    if (found.kind !== 'directory') return { kind: 'nothing' };
    try {
      return { kind: 'names', names: readdirSync(onHost(found.path), 'latin1') };
    } catch (error) {
      const failed = withoutStat(error);
      return failed.kind === 'unreadable' ? failed : { kind: 'nothing' };
    }
  }

  function read(path: string, part?: FilePart): Content {
    const found = resolve(path);
    switch (found.kind) {
      case 'file':
        return readFile(found.path, part);
      case 'fifo':
      case 'device':
        return { kind: 'unreadable', cause: `${join('/', path)} is a ${found.kind}` };
      case 'unreadable':
        return found;
      default:
        return { kind: 'nothing', because: found.kind };
    }
  }

  function readFile(path: string, part?: FilePart): Content {
    let fd: number | null = null;
    try {
      fd = openSync(onHost(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { kind: 'unreadable', cause: `${path} changed while it was read` };
      if (part !== undefined) {
        const bytes = Buffer.alloc(Math.max(0, Math.min(part.length, stat.size - part.from)));
        const got = readSync(fd, bytes, 0, bytes.length, part.from);
        return { kind: 'text', text: bytes.toString('latin1', 0, got) };
      }
      const bytes = Buffer.alloc(Math.min(stat.size, largestFile) + 1);
      let length = 0;
      for (let got = 1; got > 0 && length < bytes.length; length += got)
        got = readSync(fd, bytes, length, bytes.length - length, null);
      if (length === bytes.length)
        return { kind: 'unreadable', cause: `${path} is larger than ${length - 1} bytes` };
      return { kind: 'text', text: bytes.toString('latin1', 0, length) };
    } catch (error) {
      const failed = withoutStat(error);
      return failed.kind === 'unreadable' ? failed : { kind: 'nothing', because: 'missing' };
    } finally {
      if (fd !== null) closeSync(fd);
    }
  }

  function changedAt(path: string): number | null {
    const found = resolve(path);
    if (found.kind !== 'file' && found.kind !== 'directory') return null;
    try {
      return lstatSync(onHost(found.path)).mtimeMs;
    } catch (error) {
      withoutStat(error);
      return null;
    }
  }

  return { resolve, readLink, list, read, changedAt };
}

/** Maps an error of lstat(2), open(2) or readdir(3): the file is missing, or its state can't be found out. */
function withoutStat(error: unknown): Resolved & { kind: 'missing' | 'loop' | 'unreadable' } {
  if (!isSystemError(error)) throw error;
  if (error.code === 'ENOENT') return { kind: 'missing' };
  if (error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG')
    return { kind: 'missing', isUnreachable: true };
  return { kind: 'unreadable', cause: error.message };
}

function kindOf(stat: Stats) {
  if (stat.isDirectory()) return 'directory';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}
