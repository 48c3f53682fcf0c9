import type { FileTree } from '../tree/file-tree.js';
import type { PlanReader } from './plan.js';

/**
 * The directories of sysctl.d, the one with the highest priority first. Some releases leave out the last, or take the first two
 * in the other order.
 *
 * systemd: CONF_PATHS() with split /usr, src/basic/def.h; procps: PreloadSystem(), src/sysctl.c
 */
export const SYSCTL_DIRECTORIES: readonly string[] = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];

export interface Discovery {
  /** The files to read, in the bytewise order of their names. */
  used: string[];
  masked: { path: string; by: string }[];
  /** Files that the loader ignores because of their names. */
  ignored: string[];
}

interface Finder {
  directories: readonly string[];
  /** False for a name that the loader ignores. */
  takes(name: string): boolean;
  /** The loader's path of a directory, or null if the loader can't use the directory. */
  nameOf(directory: string): string | null;
  /** False for an entry that the loader skips, so that the entry doesn't mask a file of the same name. */
  counts?(path: string): boolean;
}

/**
 * Finds the files of the directories. If several files have the same name, the first masks the others, even if the first is
 * no regular file.
 */
export function discover(
  tree: FileTree,
  reader: PlanReader,
  { directories, takes, nameOf, counts = () => true }: Finder,
): Discovery {
  const used = new Map<string, string>();
  const found: Discovery = { used: [], masked: [], ignored: [] };
  const seen = new Set<string>();
  for (const directory of directories) {
    const named = nameOf(directory);
    if (named === null) continue;
    // If /usr is merged, /lib/sysctl.d is /usr/lib/sysctl.d. The second is skipped, so that no file masks itself.
    const resolved = tree.resolve(directory);
    const identity = resolved.kind === 'directory' ? resolved.path : directory;
    if (seen.has(identity)) continue;
    seen.add(identity);
    for (const name of reader.names(directory).sort(bytewise)) {
      const path = `${named}/${name}`;
      const by = used.get(name);
      if (!takes(name) || !counts(path)) found.ignored.push(path);
      else if (by !== undefined) found.masked.push({ path, by });
      else used.set(name, path);
    }
  }
  found.used = [...used].sort(([a], [b]) => bytewise(a, b)).map(([, path]) => path);
  return found;
}

/** Compares latin1 texts as strcmp(3) does. */
export const bytewise = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
