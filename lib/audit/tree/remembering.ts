import type { FileTree } from './file-tree.js';

/** Calls a function once for each key. */
function once<T>(ask: (path: string, more?: string) => T): (path: string, more?: string) => T {
  const known = new Map<string, T>();
  return (path, more) => {
    const key = more === undefined ? path : `${path}\0${more}`;
    if (known.has(key)) return known.get(key) as T;
    const answer = ask(path, more);
    known.set(key, answer);
    return answer;
  };
}

/** A tree of which each file is looked at once. Parts of files, as an initrd, are not kept. */
export function remembering(tree: FileTree): FileTree {
  const read = once(path => tree.read(path));
  return {
    resolve: once((path, avoiding) => tree.resolve(path, avoiding)),
    readLink: once(path => tree.readLink(path)),
    list: once(path => tree.list(path)),
    read: (path, part) => (part === undefined ? read(path) : tree.read(path, part)),
    changedAt: once(path => tree.changedAt(path)),
  };
}
