// @ts-check
// The package as it is published: packed from a copy of the sources, with prebuilds/.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyRepository } from './copy-repository.mjs';

const PLATFORM = `linux-${process.arch}`;
const root = join(import.meta.dirname, '..', '..');

/** The environment of a shell: under `npm run`, npm would mistake this repository for the project. */
export const shellEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_local_prefix)|NODE_OPTIONS$)/.test(name),
  ),
);

/** When the files below a directory were written, without those of native/build. @param {string} directory */
const timesIn = directory =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !/\/native\/build(\/|$)/.test(entry.parentPath))
    .map(entry => statSync(join(entry.parentPath, entry.name)).mtimeMs);

/** Whether the prebuilt files of a CPU are there, and newer than what they are made of. @param {string} platform */
function areFresh(platform) {
  const prebuilt = join(root, 'prebuilds', platform);
  if (!existsSync(prebuilt)) return false;
  const sources = [
    ...timesIn(join(root, 'native')),
    statSync(join(root, 'scripts/build/prebuilds.mjs')).mtimeMs,
  ];
  return Math.min(...timesIn(prebuilt)) > Math.max(...sources);
}

/**
 * Packs into that directory; builds the prebuilt files of that CPU before, unless they are fresh.
 *
 * @param {string} directory @param {string} [platform]
 */
export async function packed(directory, platform = PLATFORM) {
  if (!areFresh(platform)) {
    execFileSync(process.execPath, [join(root, 'scripts/build/prebuilds.mjs'), platform], {
      stdio: 'inherit',
    });
  }
  const source = join(directory, 'source');
  copyRepository(source);
  cpSync(join(root, 'prebuilds'), join(source, 'prebuilds'), { recursive: true });
  const options = { cwd: source, env: shellEnvironment };
  await promisify(execFile)('npm', ['pack', '--pack-destination', directory], options);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return join(directory, `tracegate-${version}.tgz`);
}
