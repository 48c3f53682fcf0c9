// @ts-check
// The package as it is published: packed from a copy of the sources, with prebuilds/.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyRepository } from './copy-repository.mjs';

const root = join(import.meta.dirname, '..', '..');

/** The environment of a shell: under `npm run`, npm would mistake this repository for the project. */
export const shellEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_local_prefix)|NODE_OPTIONS$)/.test(name),
  ),
);

/** When the files of a directory were written. @param {string} directory */
const timesIn = directory =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs);

/** Whether prebuilds/ has files for both architectures, of native/ as it is now. */
function arePrebuildsNew() {
  const built = ['linux-x64', 'linux-arm64'].map(platform => join(root, 'prebuilds', platform));
  const sources = readdirSync(join(root, 'native'), { withFileTypes: true })
    .filter(entry => entry.isDirectory() && entry.name !== 'build')
    .flatMap(({ name }) => timesIn(join(root, 'native', name)));
  return built.every(existsSync) && Math.min(...built.flatMap(timesIn)) > Math.max(...sources);
}

/** Packs into that directory; builds prebuilds/ before, if native/ has changed. @param {string} directory */
export async function packed(directory) {
  if (!arePrebuildsNew()) {
    execFileSync(process.execPath, [join(root, 'scripts/build/prebuilds.mjs')], { stdio: 'inherit' });
  }
  const source = join(directory, 'source');
  copyRepository(source);
  cpSync(join(root, 'prebuilds'), join(source, 'prebuilds'), { recursive: true });
  const options = { cwd: source, env: shellEnvironment };
  await promisify(execFile)('npm', ['pack', '--pack-destination', directory], options);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return join(directory, `tracegate-${version}.tgz`);
}
