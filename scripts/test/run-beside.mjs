// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..');

/**
 * Runs a program in parallel with others, and prints its lines as they come, each after the title. Returns true if the
 * exit code is 0.
 *
 * @param {string} title @param {readonly string[]} command @param {import('node:child_process').SpawnOptions} [options]
 */
export async function runBeside(title, [program = '', ...words], options = {}) {
  console.log(`== ${title}`);
  const start = performance.now();
  const child = spawn(program, words, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', line => console.log(`${title} | ${line}`));
  }
  const [status, signal] = await once(child, 'close').catch(({ message }) => [message, null]);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`== ${title}: ${signal ?? `exit code ${status}`} (${seconds} s)`);
  return { isGood: status === 0, seconds: Number(seconds) };
}
