import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** This module is in lib/, compiled in build/modules/, or in the bundle in dist/. */
const here = new URL('.', import.meta.url);
const root = new URL(here.pathname.endsWith('/build/modules/') ? '../../' : '../', here);

/** The address of a file or directory of the package, such as `dist/deny.js`. */
export const packageUrl = (path: string): URL => new URL(path, root);

/** Its path. */
export const packagePath = (path: string): string => fileURLToPath(packageUrl(path));

/** The version of this package. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(packageUrl('package.json'), 'utf8')) as { version: string }).version;
