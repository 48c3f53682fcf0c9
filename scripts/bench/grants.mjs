// grants.mjs [--write]: measures the delay of an app's event loop under 1000 hostile clients of its grant socket. A
// third of them send garbage, a third send nothing, and a third never close. For comparison it measures the same app
// without clients.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { report } from './figures.mjs';

const CLIENTS = 1000;
/** @param {number} nanoseconds */
const milliseconds = nanoseconds => (nanoseconds / 1e6).toFixed(1);

if (process.send) {
  const { serveGrants } = await import('tracegate/debugger');
  await serveGrants({
    path: `${process.argv[2]}`,
    allow: { uids: [process.getuid?.() ?? 0] },
    timeout: 1000,
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  process.on('message', word => {
    if (word === 'begin') {
      delay.reset();
      delay.enable();
    } else {
      delay.disable();
      process.send?.({ p99: delay.percentile(99), max: delay.max });
    }
  });
  process.once('disconnect', () => process.exit());
  process.send('ready');
} else {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-grants-'));
  const path = join(directory, 'grants');
  const app = fork(import.meta.filename, [path]);
  await once(app, 'message');
  /** @param {() => Promise<unknown>} during */
  const measure = async during => {
    app.send('begin');
    await during();
    app.send('end');
    const [{ p99, max }] = await once(app, 'message');
    return [milliseconds(p99), milliseconds(max)];
  };
  const attack = async () => {
    const begun = performance.now();
    while (performance.now() - begun < 3000) {
      const sockets = Array.from({ length: CLIENTS }, (_, i) => {
        const socket = connect({ path, allowHalfOpen: i % 3 === 2 });
        socket.on('error', () => {});
        socket.resume();
        if (i % 3 === 0) socket.write('x'.repeat(6000));
        return socket;
      });
      await new Promise(resolve => setTimeout(resolve, 300));
      for (const socket of sockets) socket.destroy();
    }
  };
  const inPeace = await measure(() => new Promise(resolve => setTimeout(resolve, 3000)));
  report('hostile-clients', [inPeace, await measure(attack)]);
  app.disconnect();
  await once(app, 'exit');
  rmSync(directory, { recursive: true });
}
