// Runs in a lab kernel, once at each scope: each tool of tools.ts as an ordinary user, on a program of the same user. At scope 0
// `tracegate watch` records.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startWatch } from './recorder.js';
import { REFUSAL, TOOLS } from './tools.js';

export interface Used {
  readonly name: string;
  readonly works: boolean;
  readonly output: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

const { directory, command } = JSON.parse(process.env.TRACEGATE_WATCHED ?? '{}') as {
  directory: string;
  command: string;
};
const scope = Number(process.env.TRACEGATE_SCOPE);
const USER = { uid: 1000, gid: 1000 };
/** Milliseconds; where each instruction is translated, gdb takes most of a minute to start. */
const PATIENCE = 180_000;

function use({ name, command: words, prints }: (typeof TOOLS)[number], pid: number): Used {
  const from = Date.now();
  const { stdout, stderr } = spawnSync('sh', ['-c', words], {
    ...USER,
    cwd: '/tmp',
    env: { PATH: process.env.PATH, HOME: '/tmp', PID: `${pid}`, DEBUGINFOD_URLS: '' },
    encoding: 'utf8',
    timeout: PATIENCE,
  });
  const output = `${stdout}${stderr}`;
  const works = !REFUSAL.test(output) && (prints?.test(output) ?? true);
  return { name, works, output, from, to: Date.now() };
}

async function main() {
  writeFileSync('/proc/sys/kernel/perf_event_paranoid', '1');
  const watch = scope === 0 ? await startWatch(command, join(directory, 'tools.ndjson')) : null;
  // After the watch, which then knows that it declares nobody; in a session of its own, as reptyr wants it.
  const target = spawn('sleep', ['10000'], { ...USER, stdio: 'ignore', detached: true });
  await once(target, 'spawn');
  const used = TOOLS.map(tool => use(tool, target.pid ?? 0));
  if (watch !== null) {
    watch.kill('SIGTERM');
    await once(watch, 'exit');
  }
  target.kill('SIGKILL');
  writeFileSync(join(directory, `tools-${scope}.json`), JSON.stringify(used));
}

await main();
