import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The files that the package needs to run: dist, the profiles, the programs, and package.json; and the files of the tests. */
const PARTS = [
  'package.json',
  'dist',
  'profiles',
  'build/modules',
  'test/fixtures',
  ...[
    'tracegate.node',
    'tracegate-attacker',
    'tracegate-helper',
    'tracegate-launch',
    'tracegate-preload.so',
    'tracegate-tree.so',
  ].map(name => `native/build/Release/${name}`),
  ...['bindings', 'd3-hierarchy', 'fastest-levenshtein', 'file-uri-to-path'].map(
    name => `node_modules/${name}`,
  ),
];

interface User {
  uid?: number;
  gid?: number;
}

export function copyPackage(root: string, copy: string): void {
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
}

/** A directory that everybody can look into, until this process ends. */
export function publicDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-public-'));
  chmodSync(directory, 0o755);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Whether an ordinary user may execute the file, or search the directory, at this path. */
export const mayExecute = (path: string, user: User): boolean =>
  spawnSync('sh', ['-c', 'test -x "$0"', path], user).status === 0;

/**
 * The directory in which an ordinary user may execute the package: this clone or, if only root can enter it, a copy
 * that ends with this process.
 */
export function publicRoot(root: string, user: User): string {
  const [helper, loader] = ['native/build/Release/tracegate-helper', 'node_modules/bindings'];
  if (mayExecute(join(root, helper), user) && mayExecute(join(root, loader), user)) return root;
  const copy = publicDirectory();
  copyPackage(root, copy);
  return copy;
}
