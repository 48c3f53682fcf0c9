import { posix } from 'node:path';
import type { FileTree } from './file-tree.js';

/** The path of a file after the links of its directory are followed. The file and its directories may be missing. */
export function placeOf(tree: FileTree, path: string): string {
  const above = posix.dirname(path);
  const directory = tree.resolve(above);
  if (directory.kind === 'directory') return posix.join(directory.path, posix.basename(path));
  return above === path ? path : posix.join(placeOf(tree, above), posix.basename(path));
}

/** A tree with further files, or with other texts in its files. `texts` is by the path that placeOf() gives. */
export function overlay(tree: FileTree, texts: ReadonlyMap<string, string>): FileTree {
  const resolve: FileTree['resolve'] = (path, avoiding) => {
    const found = tree.resolve(path, avoiding);
    if (found.kind !== 'missing') return found;
    const place = placeOf(avoiding === undefined ? tree : without(tree, avoiding), path);
    if (texts.has(place)) return { kind: 'file', path: place, isExecutable: false };
    const isMade = [...texts.keys()].some(file => file.startsWith(`${place}/`));
    return isMade ? { kind: 'directory', path: place } : found;
  };
  return {
    resolve,
    readLink: path => tree.readLink(path),
    list(path) {
      const listing = tree.list(path);
      if (listing.kind === 'unreadable') return listing;
      const directory = tree.resolve(path);
      const place = directory.kind === 'directory' ? directory.path : placeOf(tree, path);
      const added = [...texts.keys()]
        .filter(file => posix.dirname(file) === place)
        .map(file => posix.basename(file));
      if (listing.kind === 'nothing') return added.length === 0 ? listing : { kind: 'names', names: added };
      return { kind: 'names', names: [...new Set([...listing.names, ...added])] };
    },
    read(path, part) {
      const found = resolve(path);
      const text = found.kind === 'file' ? texts.get(found.path) : undefined;
      return text === undefined ? tree.read(path, part) : { kind: 'text', text };
    },
    changedAt: path => tree.changedAt(path),
  };
}

/** A tree without that directory. A path that leads through the directory is missing too, even if a link leads out of it. */
export function without(tree: FileTree, directory: string): FileTree {
  const resolve: FileTree['resolve'] = path => tree.resolve(path, directory);
  return {
    resolve,
    readLink: path => (resolve(posix.dirname(path)).kind === 'missing' ? null : tree.readLink(path)),
    list: path => (resolve(path).kind === 'missing' ? { kind: 'nothing' } : tree.list(path)),
    read: (path, part) =>
      resolve(path).kind === 'missing' ? { kind: 'nothing', because: 'missing' } : tree.read(path, part),
    changedAt: path => (resolve(path).kind === 'missing' ? null : tree.changedAt(path)),
  };
}
