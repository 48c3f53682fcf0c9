import type { Tree } from './tree.js';

/** Removes the parts that the difference doesn't need: entries first, then lines. */
export function shrink(tree: Tree, differs: (tree: Tree) => boolean): Tree {
  let small = tree;
  for (let at = small.entries.length - 1; at >= 0; at--) {
    const without = { ...small, entries: small.entries.filter((_, index) => index !== at) };
    if (differs(without)) small = without;
  }
  for (const [at, entry] of small.entries.entries()) {
    if (entry.kind !== 'file') continue;
    let pieces = entry.content.split(/(?<=\n)/);
    for (let line = pieces.length - 1; line >= 0; line--) {
      const fewer = pieces.filter((_, index) => index !== line);
      const changed = { ...entry, content: fewer.join('') };
      const without = {
        ...small,
        entries: small.entries.map((old, index) => (index === at ? changed : old)),
      };
      if (!differs(without)) continue;
      small = without;
      pieces = fewer;
    }
  }
  return small;
}
