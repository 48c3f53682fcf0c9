// @ts-check
// Makes a distilled tree in a new directory.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LINK = '-> ';

/** @param {import('./distil.mjs').Distilled} distilled @param {string} root */
export function plantDistilled(distilled, root) {
  mkdirSync(root);
  const links = Object.entries(distilled).filter(([, entry]) => entry.startsWith(LINK));
  const others = Object.entries(distilled).filter(([, entry]) => !entry.startsWith(LINK));
  for (const [path, entry] of others) {
    const place = join(root, path);
    mkdirSync(entry === '/' ? place : dirname(place), { recursive: true });
    if (entry === '/') continue;
    writeFileSync(place, entry.slice(1), { encoding: 'latin1', mode: entry.startsWith('x') ? 0o755 : 0o644 });
  }
  // Last, since they may lead out of the tree.
  for (const [path, target] of links) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target.slice(LINK.length), join(root, path));
  }
}
