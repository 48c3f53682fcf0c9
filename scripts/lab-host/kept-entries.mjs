// @ts-check
// The guest gets its own empty /tmp, /run and /dev/shm. Entries of the host that the command may need are put back, since a
// clone of the repository below /tmp must work like any other.
import { readdirSync, readlinkSync } from 'node:fs';

/** @typedef {{ path: string, kind: 'directory' } | { path: string, kind: 'file' } | { path: string, kind: 'link', to: string }} KeptEntry */

/** All entries of /tmp; in /run and /dev/shm only the entry that holds the caller's directory. */
const SHADOWED = [
  { directory: '/tmp', all: true },
  { directory: '/run', all: false },
  { directory: '/dev/shm', all: false },
];

/**
 * Sockets, pipes and devices are left out: they end in the host's kernel.
 * @param {string} callerDirectory latin1, as are the names that come back
 * @returns {KeptEntry[]}
 */
export function keptEntries(callerDirectory) {
  return SHADOWED.flatMap(({ directory, all }) => {
    if (!all && !`${callerDirectory}/`.startsWith(`${directory}/`)) return [];
    const [needed = ''] = callerDirectory.slice(directory.length + 1).split('/');
    return readdirSync(directory, { withFileTypes: true, encoding: 'latin1' })
      .filter(entry => all || needed === '' || entry.name === needed)
      .flatMap(entry => keptEntry(`${directory}/${entry.name}`, entry));
  });
}

/**
 * @param {string} path
 * @param {import('node:fs').Dirent} entry
 * @returns {KeptEntry[]}
 */
function keptEntry(path, entry) {
  if (entry.isDirectory()) return [{ path, kind: 'directory' }];
  if (entry.isFile()) return [{ path, kind: 'file' }];
  if (!entry.isSymbolicLink()) return [];
  try {
    return [{ path, kind: 'link', to: readlinkSync(Buffer.from(path, 'latin1'), 'latin1') }];
  } catch {
    return []; // Gone since it was listed.
  }
}
