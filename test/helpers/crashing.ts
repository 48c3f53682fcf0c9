import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { compile } from './compile.js';
import { IS_ROOT, PUBLIC_DIST, privateDirectory, ROOT, USER } from './processes.js';

/** test/fixtures/crashing.mjs, which does `first` before it sets its debugger up: an ordinary user's: an app that has opted out, and has a debugger for its crashes. */
export async function crashing(
  command: string,
  args: readonly string[],
  options: object = {},
  first: string | null = null,
) {
  const output = join(privateDirectory(), 'debugger');
  const library = compile('unruly.c', ['-shared', '-fPIC']);
  const words = [...args.map(word => word.replaceAll('OUTPUT', output))];
  // Half a minute, the default, is too short for gdb where every instruction is translated.
  const patient = { timeout: 600_000, ...options };
  const order = JSON.stringify({ command, args: words, options: patient, library, first });
  const app = spawn(
    process.execPath,
    [join(ROOT, 'test/fixtures/crashing.mjs'), PUBLIC_DIST, IS_ROOT ? `${USER}` : '', order],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  onTestFinished(() => void app.stdin.end());
  const ended = once(app, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface({ input: app.stdout })[Symbol.asyncIterator]();
  const said = async (): Promise<string> => (await lines.next()).value;
  if (first !== null) await said();
  const { debugger: pid, effect } = JSON.parse(await said());
  return {
    app,
    pid: app.pid!,
    debugger: pid as number,
    effect,
    said,
    /** How it ended. */
    ended,
    /** Has it crash, or what else test/fixtures/crashing.mjs knows. */
    tell: (way: string) => void app.stdin.write(`${way}\n`),
    /** The text that the debugger has written to OUTPUT. */
    found: () => readFileSync(output, 'utf8'),
  };
}
