import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Starts `tracegate watch`, and resolves when it records. `command`: dist/tracegate.cjs. */
export async function startWatch(
  command: string,
  file: string,
): Promise<ChildProcessByStdio<null, null, Readable>> {
  const words = [command, 'watch', '--out', file];
  const watch = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'pipe'] });
  const lines = createInterface(watch.stderr);
  lines.on('line', line => console.error(`watch: ${line}`));
  await Promise.race([once(lines, 'line'), once(watch, 'exit')]);
  if (watch.exitCode !== null) throw new Error(`tracegate watch ended with ${watch.exitCode}`);
  return watch;
}
