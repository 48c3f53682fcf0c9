import { readFileSync } from 'node:fs';
import { packageUrl } from '../package-files.js';

/** The version of this package. */
export function version(): string {
  return (JSON.parse(readFileSync(packageUrl('package.json'), 'utf8')) as { version: string }).version;
}
