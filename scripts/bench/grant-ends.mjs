// grant-ends.mjs [--write]: measures the time from a kill -9 of the debugger, or of the operator's command, until the
// app is closed again. The owner of /proc/PID/environ shows that.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile, report } from './figures.mjs';

const uid = 1000;
const ROUNDS = 50;
const root = join(import.meta.dirname, '..', '..');

if (process.send) {
  const { denyTracing, getDumpable, setDumpable } = await import('tracegate');
  const { serveGrants } = await import('tracegate/debugger');
  getDumpable();
  process.setgid?.(uid);
  process.setuid?.(uid);
  setDumpable('user');
  await denyTracing({ verify: false });
  await serveGrants({ path: `${process.argv[2]}`, allow: { uids: [0] }, allowSameUid: true });
  process.once('disconnect', () => process.exit());
  process.send('ready');
} else if (process.getuid?.() !== 0) {
  console.error(
    'grant-ends.mjs: run it as root: the app drops to another uid, whose files then tell whether it is closed',
  );
  process.exitCode = 2;
} else {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-grants-'));
  const path = join(directory, 'grants');
  spawn('chown', [`${uid}:${uid}`, directory]);
  while (statSync(directory).uid !== uid) await sleep(1);
  const app = fork(import.meta.filename, [path]);
  await once(app, 'message');
  const isClosed = () => statSync(`/proc/${app.pid}/environ`).uid === 0;

  /** @param {string} ttl */
  const granted = async ttl => {
    const words = ['grant', path, '--ttl', ttl, '--reason', 'bench', '--exec', 'sleep 300 {}'];
    const operator = spawn(process.execPath, [join(root, 'dist/cli.cjs'), ...words], { stdio: 'ignore' });
    while (isClosed()) await sleep(0.5);
    const children = readFileSync(`/proc/${operator.pid}/task/${operator.pid}/children`, 'utf8');
    return { operator, held: Number(children.trim()) };
  };
  /** Milliseconds from an act to the closing. @param {() => void} act */
  const timed = act => {
    const from = performance.now();
    act();
    while (!isClosed());
    return performance.now() - from;
  };
  const cells = [];
  for (const killed of /** @type {const} */ (['debugger', 'operator'])) {
    const times = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { operator, held } = await granted('5m');
      const ended = once(operator, 'close');
      times.push(timed(() => process.kill(killed === 'debugger' ? held : (operator.pid ?? 0), 'SIGKILL')));
      await ended;
      while (existsSync(`/proc/${held}`)) await sleep(1);
    }
    cells.push([quantile(times, 0.5).toFixed(1), quantile(times, 1).toFixed(1)]);
  }
  report('grant-ends', cells);
  app.disconnect();
  await once(app, 'exit');
  rmSync(directory, { recursive: true });
}
