import type { FileTree } from '../tree/file-tree.js';
import { bytewise, discover } from './directories.js';
import { expandBraces, matchesName } from './glob.js';
import { type ConfigurationFile, PlanReader, type SysctlLoad, type SysctlProgram } from './plan.js';
import { SYSCTL_CONF } from './unread-settings.js';

const takes = (name: string) => name.endsWith('.conf');

/**
 * `sysctl --system`: one call for the files of the directories and, last, sysctl.conf, if it is a regular file (S_ISREG).
 *
 * procps-ng: src/sysctl.c, PreloadSystem()
 */
export const sysctlSystem = (program: SysctlProgram, directories: readonly string[]): SysctlLoad => ({
  plan(tree, key) {
    const reader = new PlanReader(tree);
    const found = discover(tree, reader, { directories, takes, nameOf: directory => directory });
    const last = tree.resolve(SYSCTL_CONF).kind;
    const paths = last === 'file' || last === 'unreadable' ? [...found.used, SYSCTL_CONF] : found.used;
    return { ...program.load(tree, reader, paths, key), masked: found.masked, ignored: found.ignored };
  },
  parse: program.parse,
  concerns: program.concerns,
});

type Opened = Pick<ConfigurationFile, 'path' | 'via'>;

/**
 * The files that procps opens for a path. Preload() treats the file's own name as a pattern. `[ab].conf` opens `a.conf` and
 * `b.conf`; it opens the file `[ab].conf` only if no other file matches. The first file that can't be opened ends the list.
 *
 * procps-ng: src/sysctl.c, Preload()
 */
export function opened(tree: FileTree, reader: PlanReader, path: string): Opened[] {
  if (!/[*?[{\\]/.test(path)) return [{ path, via: null }];
  const at = path.lastIndexOf('/') + 1;
  const [directory, name] = [path.slice(0, at), path.slice(at)];
  const names = reader.names(directory).sort(bytewise);
  const find = (pattern: string) =>
    names.filter(other => {
      const matches = matchesName(pattern, other);
      if (matches === null) reader.unreadable.push({ path, cause: `as a pattern it is not modelled` });
      return matches === true;
    });
  const patterns = expandBraces(name);
  if (patterns === null) reader.unreadable.push({ path, cause: 'as a pattern its braces are too many' });
  const alternatives = (patterns ?? []).flatMap(find);
  const found = alternatives.length > 0 ? alternatives : find(name);
  if (found.length === 0) return [{ path, via: null }];
  const paths = found.map(other => ({ path: directory + other, via: path }));
  const failing = paths.findIndex(other =>
    ['missing', 'loop', 'socket'].includes(tree.resolve(other.path).kind),
  );
  return failing < 0 ? paths : paths.slice(0, failing + 1);
}
