import type { TreeReader } from '../../tree/tree-reader.js';

/** The directories that systemd's programs read, the one with the highest priority first: CONF_PATHS(), src/basic/constants.h. */
export const directoriesOf = (name: string) =>
  ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'].map(directory => `${directory}/${name}`);

/** The files of the directories with this ending. A file masks those of its name in later directories. */
export function dropIns(reader: TreeReader, directories: readonly string[], ending: string): string[] {
  const files = new Map<string, string>();
  for (const directory of directories)
    for (const name of reader.names(directory))
      if (name.endsWith(ending) && !files.has(name)) files.set(name, `${directory}/${name}`);
  return [...files.values()].filter(path => reader.tree.resolve(path).kind !== 'null-device');
}
