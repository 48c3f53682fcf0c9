import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { plant } from './tree.js';

export const link = (target: string) => ({ link: target });

/** A root directory for one test: a text is a file, and one that ends in a slash a directory. */
export function plantFiles(files: Record<string, string | { link: string }>): string {
  const parent = mkdtempSync(join(tmpdir(), 'tracegate-root-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const root = join(parent, 'root');
  const entries = Object.entries(files).map(([path, what]) => {
    if (path.endsWith('/')) return { path: path.slice(0, -1), kind: 'directory' as const };
    if (typeof what === 'string') return { path, kind: 'file' as const, content: what };
    return { path, kind: 'link' as const, target: what.link };
  });
  plant({ initial: '1', entries }, root);
  return root;
}
