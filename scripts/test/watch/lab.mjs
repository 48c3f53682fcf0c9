// @ts-check
// Runs the programs of test/watch in a lab kernel.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildActor } from '../../../test/native/build-actor.mjs';

const root = join(import.meta.dirname, '..', '..', '..');
const source = join(root, 'test', 'watch');
const outdir = join(root, 'build', 'test', 'watch');

/** Builds the package, and the programs. @param {string[]} names the files of test/watch, without .ts */
export async function buildWatch(names) {
  const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
  await buildActor();
  await build({
    entryPoints: names.map(name => join(source, `${name}.ts`)),
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    // build-actor.mjs looks for its sources beside itself.
    define: {
      'import.meta.url': JSON.stringify(`file://${join(root, 'test', 'native', 'build-actor.mjs')}`),
    },
  });
}

/** The bundle of a file of test/watch. @param {string} name */
export const bundled = name => join(outdir, `${name}.js`);

/**
 * Runs a program once at each scope, and returns the directory of what it wrote.
 *
 * @param {string} program a file of test/watch
 * @param {{ kernel: string, scopes: readonly number[], seconds: number, mem?: string, given?: object }} run `kernel`: such as
 *   `qemu-6.1`; `mem`: such as `3G`
 */
export function runInLab(program, { kernel, scopes, seconds, mem = '2G', given }) {
  const directory = join(root, 'build', 'reports', `${program}-${kernel}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const [machine = '', release = ''] = kernel.split('-');
  const where = [
    '--kernel',
    machine,
    '--release',
    release,
    '--scope',
    scopes.join(','),
    '--timeout',
    `${seconds}`,
    '--mem',
    mem,
  ];
  const settings = JSON.stringify({
    ...given,
    root,
    directory,
    command: join(root, 'dist', 'tracegate.cjs'),
  });
  // QEMU translates code once more, so compiled JavaScript costs more time than it saves.
  const node = [process.execPath, '--jitless', '--no-expose-wasm', bundled(program)];
  const { status } = spawnSync(join(root, 'scripts', 'lab'), [...where, '--', ...node], {
    stdio: 'inherit',
    env: { ...process.env, TRACEGATE_WATCHED: settings },
  });
  if (status !== 0) console.log(`${kernel}: the lab ended with ${status}`);
  return directory;
}
