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
import { join } from 'node:path';
import { isSystemError } from '../kernel/proc-files.js';

/** What a path stands for when every link in it is followed as a process whose root this is would follow it. */
export type Resolved =
  | { kind: 'file' | 'directory' | 'fifo' | 'socket' | 'device'; path: string }
  /** `/dev/null`, whether or not the tree holds it: a running system does. */
  | { kind: 'null-device' }
  | { kind: 'missing' | 'loop' }
  | { kind: 'unreadable'; cause: string };

/** `nothing`: who opens it gets an error or no bytes. Never a guess: what could hold bytes that were not seen is `unreadable`. */
export type Content =
  | { kind: 'text'; text: string }
  | { kind: 'nothing'; because: 'missing' | 'loop' | 'directory' | 'null-device' | 'socket' }
  | { kind: 'unreadable'; cause: string };

export type Listing =
  | { kind: 'names'; names: string[] }
  | { kind: 'nothing' }
  | { kind: 'unreadable'; cause: string };

/** A root directory as seen from inside. Paths begin with `/`; names and texts are latin1: one character a byte. */
export interface FileTree {
  /** @param avoiding what is reached by way of this directory is missing, also by a link in it that leads out of it */
  resolve(path: string, avoiding?: string): Resolved;
  list(path: string): Listing;
  read(path: string): Content;
}

/** MAXSYMLINKS, include/linux/namei.h */
const MOST_LINKS = 40;
const LARGEST_FILE = 2 ** 23;

/**
 * The directory `root` as a tree. A link is followed inside it, wherever it points: an absolute one begins at the root, and
 * `..` ends there, as after chroot(2). Nothing that could block is opened, and an error is an answer.
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
      if (stat !== null && !stat.isDirectory()) return { kind: 'missing' };
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
        return withoutStat(error);
      }
      at = next;
    }
    return { kind: stat === null ? 'directory' : kindOf(stat), path: at || '/' };
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

  function read(path: string): Content {
    const found = resolve(path);
    switch (found.kind) {
      case 'file':
        return readFile(found.path);
      case 'fifo':
      case 'device':
        return { kind: 'unreadable', cause: `${join('/', path)} is a ${found.kind}` };
      case 'unreadable':
        return found;
      default:
        return { kind: 'nothing', because: found.kind };
    }
  }

  function readFile(path: string): Content {
    let fd: number | null = null;
    try {
      fd = openSync(onHost(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { kind: 'unreadable', cause: `${path} changed while it was read` };
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

  return { resolve, list, read };
}

/** Why lstat(2), open(2) or readdir(3) failed. Not there, or not to be known. */
function withoutStat(error: unknown): Resolved & { kind: 'missing' | 'loop' | 'unreadable' } {
  if (!isSystemError(error)) throw error;
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG')
    return { kind: 'missing' };
  return { kind: 'unreadable', cause: error.message };
}

function kindOf(stat: Stats) {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}
