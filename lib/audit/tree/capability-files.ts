import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { capabilityMask } from '../../kernel/capabilities.js';
import { type FileCapabilities, findFileCapabilities } from '../../kernel/file-capabilities.js';

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

/** True if the file gives CAP_SYS_PTRACE to every caller (permitted), or to a caller with the capability inheritable. */
const givesPtrace = ({ permitted, inheritable }: FileCapabilities): boolean =>
  ((BigInt(`0x${permitted}`) | BigInt(`0x${inheritable}`)) & CAP_SYS_PTRACE) !== 0n;

/** Finds the programs below a root directory that give CAP_SYS_PTRACE when executed. Links are not followed. */
export function ptraceCapabilityFiles(root: string): CapabilityFiles {
  const directories = DIRECTORIES.map(directory => join(root, directory)).filter(path =>
    lstatSync(path, { throwIfNoEntry: false })?.isDirectory(),
  );
  const inside = root === '/' ? 0 : root.length;
  const found: CapabilityFiles = { files: [], unreadable: [] };
  for (const [path, gives] of findFileCapabilities(directories)) {
    if (gives === 'unknown') found.unreadable.push(path.slice(inside));
    else if (givesPtrace(gives)) found.files.push(path.slice(inside));
  }
  found.files.sort();
  found.unreadable.sort();
  return found;
}
