import { accessSync, constants, lstatSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSystemError, linkOf, textOf, tryProcFile } from './proc-files.js';
import { readProcStatus } from './proc-status.js';

/** A directory on the way to a core file. */
export interface DirectoryFacts {
  path: string;
  uid: number;
  gid: number;
  /** The permission bits, with set-id bits and the sticky bit. */
  mode: number;
}

/** The place where a core file would be written. A null value isn't seen. */
export interface FileSite {
  /** The directories on the path. The last gets the core file. Null where a directory isn't seen. */
  directories: readonly DirectoryFacts[] | null;
  /** The first part of the path that does not exist, or is no directory. */
  missing: string | null;
  /** Whether the last directory is on a read-only mount. */
  isReadOnly: boolean | null;
  /** Whether the file system stores the owner of a file. FAT doesn't. */
  keepsOwners: boolean | null;
  /** The file that already has the name. Null: there is none. */
  existing: { kind: 'file' | 'directory'; uid: number } | 'unseen' | null;
}

/** The state of a pipe's program, or of a socket. */
export type ReceiverSite = 'ready' | 'unusable' | 'missing' | 'unseen';

const codeOf = (error: unknown): string => {
  if (isSystemError(error)) return error.code;
  throw error;
};

/** Compares mountinfo. Equal texts mean the same mount namespace and the same root. */
function hasOurRoot(pid: number): boolean {
  const theirs = tryProcFile(pid, 'mountinfo');
  return (
    theirs.state === 'read' && theirs.text !== '' && theirs.text.trimEnd() === textOf('/proc/self/mountinfo')
  );
}

const canReach = (path: string): boolean => {
  try {
    statSync(path);
    return true;
  } catch (error) {
    codeOf(error);
    return false;
  }
};

/** The prefix for paths in the root directory of a process. Null: this process can't reach that root. */
function rootOf(pid: number): string | null {
  if (pid === process.pid || hasOurRoot(pid)) return '';
  return canReach(`/proc/${pid}/root/.`) ? `/proc/${pid}/root` : null;
}

/** The name of a root: the directory of a chroot, or the path to the root of another mount namespace. */
function nameOfRoot(base: string): string {
  const link = base === '' ? null : linkOf(base);
  return link === null || link === '/' ? base : link;
}

const KTHREADD = 2;

/**
 * The root of the initial mount namespace, where helpers run. Every kernel thread has that root. In another pid
 * namespace no kernel thread is seen.
 *
 * Kernel: init/init_task.c, init_fs; kernel/umh.c, call_usermodehelper_exec_async()
 */
function initialRoot(): string | null {
  const seen = readProcStatus(KTHREADD);
  return seen.state === 'seen' && seen.facts.kind === 'kernel-thread' ? rootOf(KTHREADD) : null;
}

/** A path and the directories above it. */
function upTo(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...upTo(above), path];
}

const UNSEEN_SITE: FileSite = {
  directories: null,
  missing: null,
  isReadOnly: null,
  keepsOwners: null,
  existing: 'unseen',
};

/** Magic numbers of statfs(2): FAT, exFAT, NTFS (two drivers), SMB and SMB2. */
const WITHOUT_OWNERS = new Set([0x4d44, 0x2011bab0, 0x5346544e, 0x7366746e, 0xff534d42, 0xfe534d42]);

/** The mount options of the mount with this path, in this process' own mount namespace. */
function isMountedReadOnly(path: string): boolean | null {
  let found: { point: string; isReadOnly: boolean } | null = null;
  for (const line of (textOf('/proc/self/mountinfo') ?? '').split('\n')) {
    const fields = line.split(' ');
    const point = (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
    if (!isAbove || (found !== null && point.length < found.point.length)) continue;
    const isReadOnly = [fields[5], fields.at(-1)].some(options => options?.split(',').includes('ro'));
    found = { point, isReadOnly };
  }
  return found?.isReadOnly ?? null;
}

/** access(2) fails with EROFS before EACCES, unless the mode bits of a directory on the path refuse first. */
function isReadOnly(path: string, real: string | null): boolean | null {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    if (codeOf(error) === 'EROFS') return true;
    return real === null ? null : isMountedReadOnly(real);
  }
}

function existingAt(path: string): FileSite['existing'] {
  try {
    const found = lstatSync(path);
    return { kind: found.isDirectory() ? 'directory' : 'file', uid: found.uid };
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? null : 'unseen';
  }
}

function keepsOwners(path: string): boolean | null {
  try {
    return !WITHOUT_OWNERS.has(statfsSync(path).type);
  } catch (error) {
    codeOf(error);
    return null;
  }
}

/** A path for display: `shown` is the name of the root; an empty `shown` stands for `/`. */
const nameIn = (shown: string, path: string) => join(shown || '/', path).replace(/(?<=.)\/$/, '');

/**
 * @param base the prefix by which this process reaches the start of the path
 * @param file the path, relative to that start
 * @param shown the name of the start
 */
function siteAt(base: string, file: string, shown = ''): FileSite {
  const isOurRoot = base === '';
  if (!isOurRoot && file.split('/').includes('..')) return UNSEEN_SITE;
  const above = isOurRoot ? dirname(file) : dirname(join('/', file));
  const directories: DirectoryFacts[] = [];
  try {
    // Under another root a symbolic link would be resolved against our own root, which gives a wrong file.
    const isLink = (path: string) => path !== '/' && lstatSync(`${base}${path}`).isSymbolicLink();
    if (!isOurRoot && upTo(above).some(isLink)) return UNSEEN_SITE;
    const real = isOurRoot ? realpathSync(above) : above;
    for (const path of new Set([...upTo(above), ...upTo(real)])) {
      const found = statSync(`${base}${path}`);
      const name = nameIn(shown, path);
      if (!found.isDirectory()) return { ...UNSEEN_SITE, missing: name };
      directories.push({ path: name, uid: found.uid, gid: found.gid, mode: found.mode & 0o7777 });
    }
    const last = `${base}${real}`;
    return {
      directories,
      missing: null,
      isReadOnly: isReadOnly(last, isOurRoot ? real : null),
      keepsOwners: keepsOwners(last),
      existing: existingAt(join(`${base}/`, file)),
    };
  } catch (error) {
    const code = codeOf(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    return isMissing ? { ...UNSEEN_SITE, missing: nameIn(shown, above) } : UNSEEN_SITE;
  }
}

/**
 * The site of a core file that the process itself writes: from its working directory, or its root.
 *
 * Kernel: fs/coredump.c, filp_open()
 */
export function siteOfProcess(pid: number, file: string): FileSite {
  if (file.startsWith('/')) {
    const base = rootOf(pid);
    return base === null ? UNSEEN_SITE : siteAt(base, file, nameOfRoot(base));
  }
  const base = `/proc/${pid}/cwd`;
  const shown = linkOf(base);
  if (shown === null || !canReach(`${base}/.`)) return UNSEEN_SITE;
  // A file can't be created in a directory that was removed.
  return shown.endsWith(' (deleted)') ? { ...UNSEEN_SITE, missing: shown } : siteAt(base, file, shown);
}

/**
 * The site of a core file that root writes, for a process whose dumpable is 2: an absolute path from init's root.
 *
 * Kernel: fs/coredump.c, file_open_root()
 */
export function siteOfInit(file: string): FileSite {
  const base = initialRoot();
  return base === null ? UNSEEN_SITE : siteAt(base, file, nameOfRoot(base));
}

/** The site of a pipe's program. Root may execute any file that has an x bit. */
export function helperSite(program: string): ReceiverSite {
  const base = initialRoot();
  if (base === null || program.includes('%')) return 'unseen';
  try {
    const found = statSync(join(`${base}/`, program));
    return found.isFile() && (found.mode & 0o111) !== 0 ? 'ready' : 'unusable';
  } catch (error) {
    const code = codeOf(error);
    // Under another root a symbolic link may lead to an existing file after all.
    if (code === 'ENOENT' || code === 'ENOTDIR') return base === '' ? 'missing' : 'unseen';
    return 'unseen';
  }
}

/** include/linux/net.h, __SO_ACCEPTCON: the flag of a socket that listens */
const LISTENS = 0x10000;

/** /proc/net/unix lists only sockets of our own network namespace. A listener elsewhere stays unseen. */
function isListening(path: string): boolean {
  return (textOf('/proc/net/unix') ?? '').split('\n').some(line => {
    const fields = line.trim().split(/\s+/);
    return fields.slice(7).join(' ') === path && (Number.parseInt(fields[3] ?? '0', 16) & LISTENS) !== 0;
  });
}

export function socketSite(path: string): ReceiverSite {
  const base = initialRoot();
  if (base === null) return 'unseen';
  try {
    if (!statSync(`${base}${path}`).isSocket()) return 'unusable';
    return isListening(path) ? 'ready' : 'unseen';
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'missing' : 'unseen';
  }
}
