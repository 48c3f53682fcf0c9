import type { FileTree } from './file-tree.js';
import type { PlanReader } from './sysctl-plan.js';

/** Highest first. systemd: CONF_PATHS() with split /usr, src/basic/def.h; procps: PreloadSystem(), src/sysctl.c */
export const SYSCTL_DIRECTORIES = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];

export interface Discovery {
  /** In the order of reading: by name, bytewise. */
  used: string[];
  masked: { path: string; by: string }[];
  /** Names that the loader passes over. */
  ignored: string[];
}

/**
 * The files of the directories: of those with one name the first masks the others, whatever it is. `nameOf` says how the
 * loader calls a directory; null: it can't use it.
 */
export function discover(
  tree: FileTree,
  reader: PlanReader,
  takes: (name: string) => boolean,
  nameOf: (directory: string) => string | null,
): Discovery {
  const used = new Map<string, string>();
  const found: Discovery = { used: [], masked: [], ignored: [] };
  const seen = new Set<string>();
  for (const directory of SYSCTL_DIRECTORIES) {
    const named = nameOf(directory);
    if (named === null) continue;
    // /lib/sysctl.d is /usr/lib/sysctl.d where /usr is merged: nothing in it is masked by itself.
    const resolved = tree.resolve(directory);
    const identity = resolved.kind === 'directory' ? resolved.path : directory;
    if (seen.has(identity)) continue;
    seen.add(identity);
    for (const name of reader.names(directory).sort(bytewise)) {
      const path = `${named}/${name}`;
      const by = used.get(name);
      if (!takes(name)) found.ignored.push(path);
      else if (by !== undefined) found.masked.push({ path, by });
      else used.set(name, path);
    }
  }
  found.used = [...used].sort(([a], [b]) => bytewise(a, b)).map(([, path]) => path);
  return found;
}

/** strcmp(3) on latin1. */
export const bytewise = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
