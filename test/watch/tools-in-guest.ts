// Runs in a lab kernel, once at each scope: each tool of tools.ts as an ordinary user, on a program of the same user. At scope 0
// `tracegate watch` records.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
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

const { directory, command, root, coreHandler } = JSON.parse(process.env.TRACEGATE_WATCHED ?? '{}') as {
  directory: string;
  command: string;
  root: string;
  coreHandler: string;
};
const scope = Number(process.env.TRACEGATE_SCOPE);
const USER = { uid: 1000, gid: 1000 };
/** Milliseconds; where each instruction is translated, a browser takes minutes. */
const PATIENCE = 400_000;

function use({ name, command: words, prints }: (typeof TOOLS)[number], pid: number): Used {
  const from = Date.now();
  const { stdout, stderr } = spawnSync('sh', ['-c', words], {
    ...USER,
    cwd: '/tmp',
    env: {
      PATH: process.env.PATH,
      HOME: '/tmp',
      LC_ALL: 'C.UTF-8',
      DEBUGINFOD_URLS: '',
      PID: `${pid}`,
      NODE: process.execPath,
      ROOT: root,
    },
    encoding: 'utf8',
    timeout: PATIENCE,
  });
  const output = `${stdout}${stderr}`;
  const works = !REFUSAL.test(output) && (prints?.test(output) ?? true);
  return { name, works, output, from, to: Date.now() };
}

/** The kernel gives each core dump to systemd-coredump, and that to a second one, which systemd's socket unit would start. */
async function handleCores() {
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/var/lib/systemd'], { stdio: 'inherit' });
  mkdirSync('/var/lib/systemd/coredump');
  mkdirSync('/run/systemd', { recursive: true });
  const handler = '/tmp/systemd-coredump';
  copyFileSync(coreHandler, handler);
  // As in Debian's /usr/lib/sysctl.d/50-coredump.conf.
  writeFileSync('/proc/sys/kernel/core_pattern', `|${handler} %P %u %g %s %t 9223372036854775808 %h %d`);
  writeFileSync('/proc/sys/kernel/core_pipe_limit', '16');
  const words = ['--accept', '--seqpacket', '--listen=/run/systemd/coredump', handler];
  const activate = spawn('systemd-socket-activate', words, { stdio: ['ignore', 'inherit', 'pipe'] });
  // It says that it listens.
  await once(activate.stderr, 'data');
  activate.stderr.resume();
  return activate;
}

async function main() {
  writeFileSync('/proc/sys/kernel/perf_event_paranoid', '1');
  const activate = await handleCores();
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
  activate.kill('SIGKILL');
  writeFileSync(join(directory, `tools-${scope}.json`), JSON.stringify(used));
}

await main();
