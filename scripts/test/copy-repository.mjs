// @ts-check
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** What of the package runs for another user: the clone may lie where he can't look. */
const PARTS = [
  'package.json',
  'dist',
  'build/modules',
  'native/build/Release',
  'node_modules/bindings',
  'node_modules/file-uri-to-path',
];

/** @param {string} copy */
export function copyPackage(copy) {
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
}

/**
 * Copies the tracked and the new files, and links our node_modules. Builds in the copy don't disturb the builds in use
 * here.
 *
 * @param {string} copy
 */
export function copyRepository(copy) {
  const names = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const name of names.split('\0').filter(file => file && existsSync(join(root, file)))) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    cpSync(join(root, name), join(copy, name));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}
