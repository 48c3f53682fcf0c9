import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What of the package runs: beside dist, the programs and what finds them. */
const PARTS = [
  'package.json',
  'dist',
  ...['tracegate.node', 'tracegate-helper', 'tracegate-launch', 'tracegate-preload.so'].map(
    name => `build/Release/${name}`,
  ),
  ...['bindings', 'file-uri-to-path', 'fastest-levenshtein'].map(name => `node_modules/${name}`),
];

/**
 * Where an ordinary user may execute the package: in this clone, or, where it lies so that only root can look, in a copy
 * that ends with this process.
 */
export function publicRoot(root: string, user: { uid?: number; gid?: number }): string {
  const [helper, loader] = ['build/Release/tracegate-helper', 'node_modules/bindings/package.json'];
  const look = 'test -x "$0" && test -r "$1"';
  const { status } = spawnSync('sh', ['-c', look, join(root, helper), join(root, loader)], user);
  if (status === 0) return root;
  const copy = mkdtempSync(join(tmpdir(), 'tracegate-public-'));
  chmodSync(copy, 0o755);
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  return copy;
}
