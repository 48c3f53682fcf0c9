// @ts-check
// Finds the programs that the lab needs on this machine.
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';

/** Something isn't installed: one line that names the remedy; exit code 3. */
export class NotInstalledError extends Error {
  /** @param {string} what @param {string} [remedy] a command */
  constructor(what, remedy = 'sh scripts/setup.sh') {
    super(`${what}: run '${remedy}'`);
  }
}

/** The first of these programs on PATH, or in the places that an ordinary user's PATH leaves out. @param {string[]} names */
export function findProgram(...names) {
  const directories = [
    ...(process.env.PATH ?? '').split(':').filter(directory => directory.startsWith('/')),
    '/usr/bin',
    '/usr/sbin',
    '/bin',
    '/sbin',
  ];
  for (const name of names) {
    for (const directory of directories) {
      const path = `${directory}/${name}`;
      try {
        accessSync(path, constants.X_OK);
        if (statSync(path).isFile()) return path;
      } catch {
        // Not there: the next one.
      }
    }
  }
  return null;
}

/** @param {string[]} names */
export function requireProgram(...names) {
  const path = findProgram(...names);
  if (path === null) throw new NotInstalledError(`${names[0]} is not installed`);
  return path;
}

/** As in scripts/setup.sh. */
export function cacheDirectory() {
  return `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/tracegate`;
}
