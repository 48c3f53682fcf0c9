import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { capabilityMask } from '../../kernel/capabilities.js';
import { type FileCapabilities, readFileCapabilities } from '../../kernel/file-capabilities.js';
import { isSystemError } from '../../kernel/proc-files.js';

/** The directories of programs. A program elsewhere is only found by the processes that run it. */
const DIRECTORIES = [
  'bin',
  'sbin',
  'lib',
  'usr/bin',
  'usr/sbin',
  'usr/lib',
  'usr/libexec',
  'usr/local',
  'opt',
];
const CAP_SYS_PTRACE = capabilityMask(['CAP_SYS_PTRACE']);

export interface CapabilityFiles {
  /** Paths as seen from the root directory. */
  files: string[];
  /** Files and directories that could not be read, and may hold more. */
  unreadable: string[];
}

/** Finds the programs below a root directory that give CAP_SYS_PTRACE when executed. Links are not followed. */
export function ptraceCapabilityFiles(root: string): CapabilityFiles {
  const found: CapabilityFiles = { files: [], unreadable: [] };
  for (const directory of DIRECTORIES) {
    const path = join(root, directory);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) search(`/${directory}`, root, found);
  }
  return found;
}

/** True if the file gives CAP_SYS_PTRACE to every caller (permitted), or to a caller with the capability inheritable. */
const givesPtrace = ({ permitted, inheritable }: FileCapabilities): boolean =>
  ((BigInt(`0x${permitted}`) | BigInt(`0x${inheritable}`)) & CAP_SYS_PTRACE) !== 0n;

/** Tens of thousands of files: join() would take longer than the system calls. */
function search(directory: string, root: string, found: CapabilityFiles): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(`${root}${directory}`, { withFileTypes: true });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT') found.unreadable.push(directory);
    return;
  }
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) search(path, root, found);
    else if (entry.isFile()) {
      const gives = readFileCapabilities(`${root}${path}`);
      if (gives === 'unknown') found.unreadable.push(path);
      else if (gives !== 'none' && givesPtrace(gives)) found.files.push(path);
    }
  }
}
