import { closeSync, openSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { type FileCapabilities, readFileCapabilities } from './file-capabilities.js';
import { native } from './native.js';
import { isSystemError, linkOf, textOf } from './proc-files.js';
import { findProgram } from './program-lookup.js';
import { UserNamespaces } from './user-namespace.js';

/** `'unmapped'`: the id isn't mapped in our own user namespace. Null: the id may be unmapped. */
export type OwnerId = number | 'unmapped' | null;

/** The facts about a program's file that decide what its exec gives. An unseen value is null or `'unknown'`. */
export interface ProgramFile {
  /** The requested program. */
  path: string;
  /** The file whose set-id bits and capabilities count. For a script it is the interpreter. */
  executes: string;
  isSetUid: boolean | null;
  isSetGid: boolean | null;
  uid: OwnerId;
  gid: OwnerId;
  capabilities: FileCapabilities | 'none' | 'unknown';
  /** Whether the file is on a nosuid mount, where an exec ignores set-id bits and capabilities. */
  isNosuid: boolean | null;
  /** The user namespace that owns our mount namespace. */
  mountUserNs: string | null;
  /** Whether the starter may execute the program. */
  isExecutable: boolean | null;
}

/** The program of a starter that may see other files than we do. */
function unseenProgram(path: string): ProgramFile {
  return {
    path,
    executes: path,
    isSetUid: null,
    isSetGid: null,
    uid: null,
    gid: null,
    capabilities: 'unknown',
    isNosuid: null,
    mountUserNs: null,
    isExecutable: null,
  };
}

/** The value is the same on each architecture that Node runs on: include/uapi/asm-generic/fcntl.h. */
const O_PATH = 0o10000000;

/**
 * Reads the options of the file's mount from mountinfo. Null: the mount isn't listed. It then lies outside of our root
 * directory, or belongs to another mount namespace, where an exec gains nothing.
 *
 * Kernel: fs/namespace.c, mnt_may_suid(); fs/proc_namespace.c, show_mountinfo()
 */
function isOnNosuid(path: string): boolean | null {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
  try {
    const id = /^mnt_id:\s*(\d+)$/m.exec(textOf(`/proc/self/fdinfo/${fd}`) ?? '')?.[1];
    const mounts = textOf('/proc/self/mountinfo')?.split('\n') ?? [];
    const options = mounts.map(line => line.split(' ')).find(([mount]) => mount === id)?.[5];
    return options === undefined ? null : options.split(',').includes('nosuid');
  } finally {
    closeSync(fd);
  }
}

/** Whether an id, as our own user namespace names it, is in the namespace's map: /proc/self/uid_map or gid_map. */
function isInOwnMap(id: number, name: 'uid_map' | 'gid_map'): boolean | null {
  const lines = textOf(`/proc/self/${name}`)?.split('\n');
  if (lines === undefined) return null;
  return lines.some(line => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}

function ownerId(id: number, name: 'uid_map' | 'gid_map', namespaces: UserNamespaces): OwnerId {
  const seen = namespaces.idSeen(id);
  if (seen !== null) return seen;
  return isInOwnMap(id, name) === false ? 'unmapped' : null;
}

/** For a starter other than this process: true if everybody may execute the file, otherwise unknown. */
function mayEverybodyExecute(path: string, status: Stats): boolean | null {
  if ((status.mode & 0o111) !== 0o111) return null;
  try {
    for (let at = realpathSync(path); at !== '/'; ) {
      at = at.slice(0, at.lastIndexOf('/')) || '/';
      if ((statSync(at).mode & 0o111) !== 0o111) return null;
    }
    return true;
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** Whether a process has our root directory and mount namespace. Null: unknown. */
function seesOurFiles(pid: number): boolean | null {
  try {
    const [own, other] = ['self', `${pid}`].map(name => statSync(`/proc/${name}/root/`));
    const namespaces = ['self', `${pid}`].map(name => linkOf(`/proc/${name}/ns/mnt`));
    if (namespaces.includes(null) || own === undefined || other === undefined) return null;
    return namespaces[0] === namespaces[1] && own.dev === other.dev && own.ino === other.ino;
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/**
 * Reads the facts that an exec of this program depends on.
 *
 * @param name the program as a shell takes it
 * @param starter the process that would execute the program: a pid, or a stranger that sees our files
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`: there is no such program
 */
export function readProgramFile(
  name: string,
  starter: number | 'stranger',
  namespaces = new UserNamespaces(),
): ProgramFile {
  const isOurs = starter === process.pid;
  const { path, executes, status, isNative } = findProgram(name, isOurs);
  if (!isNative || (!isOurs && starter !== 'stranger' && seesOurFiles(starter) !== true))
    return unseenProgram(path);
  const owner = native().mountNamespaceOwner();
  return {
    path,
    executes,
    isSetUid: (status.mode & 0o4000) !== 0,
    // Without the execute bit of the group, the set-gid bit has another meaning: fs/exec.c, bprm_fill_uid().
    isSetGid: (status.mode & 0o2010) === 0o2010,
    uid: ownerId(status.uid, 'uid_map', namespaces),
    gid: ownerId(status.gid, 'gid_map', namespaces),
    capabilities: readFileCapabilities(executes),
    isNosuid: isOnNosuid(executes),
    mountUserNs: owner < 0 ? null : `${owner}`,
    isExecutable: isOurs ? true : mayEverybodyExecute(executes, status),
  };
}

/** Credentials that an exec uses, and the tracing rules don't use. */
export interface ExecCredentials {
  /** A hexadecimal mask. */
  ambient: string | null;
  /** SECBIT_NOROOT: an exec gives nothing to uid 0. Only the process itself can read the flag. */
  isNoRoot: boolean | null;
  groups: readonly number[] | null;
}

/** include/uapi/linux/securebits.h */
const SECBIT_NOROOT = 1;

export function readExecCredentials(pid: number): ExecCredentials {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { ambient: null, isNoRoot: null, groups: null };
  }
  const line = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim();
  const securebits = pid === process.pid ? native().getSecurebits() : -1;
  return {
    ambient: line('CapAmb') ?? null,
    isNoRoot: securebits < 0 ? null : (securebits & SECBIT_NOROOT) !== 0,
    groups: line('Groups')?.split(' ').filter(Boolean).map(Number) ?? null,
  };
}
