import type { FileTree, Unreadable } from './file-tree.js';

/** Reads files and directories of a tree, and collects those that can't be read. What is missing is empty. */
export class TreeReader {
  readonly tree: FileTree;
  readonly unreadable: Unreadable[] = [];

  constructor(tree: FileTree) {
    this.tree = tree;
  }

  /** The names in a directory, in bytewise order. */
  names(directory: string): string[] {
    const listing = this.tree.list(directory);
    if (listing.kind === 'unreadable') this.add(directory, listing.cause);
    return listing.kind === 'names' ? listing.names.sort() : [];
  }

  text(path: string): string | null {
    const content = this.tree.read(path);
    if (content.kind === 'unreadable') this.add(path, content.cause);
    return content.kind === 'text' ? content.text : null;
  }

  add(path: string, cause: string): void {
    if (!this.unreadable.some(one => one.path === path && one.cause === cause))
      this.unreadable.push({ path, cause });
  }
}
