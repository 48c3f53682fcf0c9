import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagePath } from '../package-files.js';
import { textOf } from './proc-files.js';

const ADDON = 'tracegate.node';

/**
 * The C library of this process, by its mapped files. The package detect-libc leaves a descriptor open for a moment, which an
 * exec would pass on.
 */
const libc = () => (/\/(ld-musl-|libc\.musl-)/.test(textOf('/proc/self/maps') ?? '') ? 'musl' : 'glibc');

/** In Electron's asar archive no file can be executed, and such files lie beside the archive. */
const outsideOfArchive = (path: string) => path.replace(/\.asar(?=[/\\])/, '.asar.unpacked');

/**
 * Where the addon may be, in the order of the search: the file that TRACEGATE_ADDON names and no other; or what
 * scripts/build/native.mjs compiled here, the prebuilt file of the package, and that beside the bundle that this code
 * is a part of. The programs are in the same directory.
 */
export function addonPaths(): string[] {
  const named = process.env.TRACEGATE_ADDON;
  if (named) return [resolve(named)];
  const prebuilt = join('prebuilds', `linux-${process.arch}`, `tracegate.${libc()}.node`);
  const besideBundle = join(dirname(fileURLToPath(import.meta.url)), prebuilt);
  return [packagePath(`native/build/Release/${ADDON}`), packagePath(prebuilt), besideBundle].map(
    outsideOfArchive,
  );
}

/** The path of the addon, or undefined if there is none. */
export const addonPath = (): string | undefined => addonPaths().find(path => existsSync(path));
