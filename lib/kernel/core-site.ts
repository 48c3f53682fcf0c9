import { accessSync, constants, lstatSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSystemError, linkOf, textOf, tryProcFile } from './proc-files.js';
import { readProcStatus } from './proc-status.js';

/** A directory on the way to a core file. */
export interface DirectoryFacts {
  path: string;
  uid: number;
  gid: number;
  mode: number;
}

/** Where a core file would be written. What isn't seen is null. */
export interface FileSite {
  /** Those that have to be searched, the last being the one that gets the file; null where one isn't seen. */
  directories: readonly DirectoryFacts[] | null;
  /** The first that does not exist, or is no directory. */
  missing: string | null;
  isReadOnly: boolean | null;
  /** Whether the file system keeps who owns a file: FAT doesn't. */
  keepsOwners: boolean | null;
  /** What has the name already: null if nothing has. */
  existing: { kind: 'file' | 'directory'; uid: number } | 'unseen' | null;
}

/** What a pipe's program, or a socket, is found to be. */
export type ReceiverSite = 'ready' | 'unusable' | 'missing' | 'unseen';

const codeOf = (error: unknown): string => {
  if (isSystemError(error)) return error.code;
  throw error;
};

/** Its mounts as it sees them: equal texts are the same mount namespace, seen from the same root. */
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

/** The prefix by which we reach what a process has at `/`; null where we don't. */
function rootOf(pid: number): string | null {
  if (pid === process.pid || hasOurRoot(pid)) return '';
  return canReach(`/proc/${pid}/root/.`) ? `/proc/${pid}/root` : null;
}

/** What a root is called here: of a chroot its directory, of another mount namespace the way by which we reach it. */
function nameOfRoot(base: string): string {
  const link = base === '' ? null : linkOf(base);
  return link === null || link === '/' ? base : link;
}

const KTHREADD = 2;

/**
 * The root of the initial mount namespace, where helpers run: that of every kernel thread. In another pid namespace none is
 * seen.
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

/** By the mount that a path is on, where it is our own mounts'. */
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

/** access(2) says EROFS before it says EACCES, unless the mode refuses us first. */
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

/** What `/` is called is `shown`, unless that is `/` itself. */
const nameIn = (shown: string, path: string) => join(shown || '/', path).replace(/(?<=.)\/$/, '');

/**
 * @param base the prefix by which we reach the place where the path starts
 * @param file the path, relative to that
 * @param shown what that place is called
 */
function siteAt(base: string, file: string, shown = ''): FileSite {
  const isOurRoot = base === '';
  if (!isOurRoot && file.split('/').includes('..')) return UNSEEN_SITE;
  const above = isOurRoot ? dirname(file) : dirname(join('/', file));
  const directories: DirectoryFacts[] = [];
  try {
    // A link that leads on from another root would lead us astray.
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
 * Where a path leads that is written by the process itself: from its working directory, or its root.
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
  // Nothing can be made in a directory that has been removed.
  return shown.endsWith(' (deleted)') ? { ...UNSEEN_SITE, missing: shown } : siteAt(base, file, shown);
}

/**
 * Where an absolute path leads that is written as root, for a process whose dumpable is 2: from init's root.
 *
 * Kernel: fs/coredump.c, file_open_root()
 */
export function siteOfInit(file: string): FileSite {
  const base = initialRoot();
  return base === null ? UNSEEN_SITE : siteAt(base, file, nameOfRoot(base));
}

/** Of a pipe. Root executes what has an x bit at all. */
export function helperSite(program: string): ReceiverSite {
  const base = initialRoot();
  if (base === null || program.includes('%')) return 'unseen';
  try {
    const found = statSync(join(`${base}/`, program));
    return found.isFile() && (found.mode & 0o111) !== 0 ? 'ready' : 'unusable';
  } catch (error) {
    const code = codeOf(error);
    // Behind a link of another root may be something after all.
    if (code === 'ENOENT' || code === 'ENOTDIR') return base === '' ? 'missing' : 'unseen';
    return 'unseen';
  }
}

/** include/linux/net.h, __SO_ACCEPTCON: the flag of a socket that listens */
const LISTENS = 0x10000;

/** Who listens in another network namespace isn't in our list. */
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
