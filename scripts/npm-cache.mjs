// @ts-check
// Packages that a script needs and `npm ci` of the repository leaves out, because they are large or are asked for seldom.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

/** Where downloads of several hundred megabytes stay from one run to the next. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tracegate');

/**
 * The node_modules of what the package-lock.json of a directory says: installed into the cache, unless it is there.
 *
 * @param {string} directory @param {readonly string[]} [options] of npm @param {NodeJS.ProcessEnv} [env]
 * @param {readonly string[]} [before] what starts npm
 */
export function installLocked(directory, options = [], env = {}, before = []) {
  const lock = readFileSync(join(directory, 'package-lock.json'));
  const name = createHash('sha256').update(lock).update(process.version).digest('hex').slice(0, 16);
  const installed = join(CACHE, basename(directory), name);
  if (!existsSync(installed)) {
    const unfinished = `${installed}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) {
      cpSync(join(directory, file), join(unfinished, file));
    }
    const [program = '', ...words] = [...before, 'npm', 'ci', ...options];
    execFileSync(program, words, {
      cwd: unfinished,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    renameSync(unfinished, installed);
  }
  return join(installed, 'node_modules');
}

/** The compiler for other machines: scripts/build/zig. */
export const zigProgram = () =>
  join(installLocked(join(import.meta.dirname, 'build', 'zig')), '@zigc', 'linux-x64', 'bin', 'zig');
