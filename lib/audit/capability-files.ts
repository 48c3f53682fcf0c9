import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CAPABILITIES } from '../kernel/capabilities.js';
import { native } from '../kernel/native.js';
import { isSystemError } from '../kernel/proc-files.js';

/** Where programs lie. What else has one shows in the processes that run it. */
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
const CAP_SYS_PTRACE = CAPABILITIES.indexOf('CAP_SYS_PTRACE');

export interface CapabilityFiles {
  /** As seen from the root directory. */
  files: string[];
  /** What could hold more, and couldn't be looked into. */
  unreadable: string[];
}

/** The programs below a root directory that give who executes them CAP_SYS_PTRACE. No link is followed. */
export function ptraceCapabilityFiles(root: string): CapabilityFiles {
  const found: CapabilityFiles = { files: [], unreadable: [] };
  for (const directory of DIRECTORIES) {
    const path = join(root, directory);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) search(`/${directory}`, root, found);
  }
  return found;
}

function search(directory: string, root: string, found: CapabilityFiles): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(join(root, directory), { withFileTypes: true });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT') found.unreadable.push(directory);
    return;
  }
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) search(path, root, found);
    else if (entry.isFile()) {
      const answer = native().fileHasCapability(join(root, path), CAP_SYS_PTRACE);
      if (answer === 1) found.files.push(path);
      else if (answer < 0) found.unreadable.push(path);
    }
  }
}
