// kill -9 of the app, of the debugger, and of the operator's command, while they ask, while it is granted, and while the debugger
// traces: nothing stays open, and nothing is left. How fast: scripts/bench/grant-ends.mjs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAIN } from '../helpers/cli.js';
import { closedTarget, isClosed, isGone, privateDirectory, statusField } from '../helpers/processes.js';

const UID = process.getuid!();
const states = ['asking', 'granted', 'tracing'] as const;
type State = (typeof states)[number];
type Killed = 'app' | 'debugger' | 'operator';

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise(setImmediate);
};
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** An operator's command with its debugger, in that state. */
async function scene(state: State) {
  const app = await closedTarget();
  const path = join(privateDirectory(), 'grants');
  const before = { descriptors: await app.call('ownDescriptors'), threads: await app.call('ownThreads') };
  const hook = state === 'asking' ? { hook: 'neverSays' } : {};
  await app.call('serve', { path, allow: { uids: [UID] }, acceptWider: true, ...hook });
  const debugging = state === 'tracing' ? 'strace -qqe trace=none -p {}' : 'sleep 300 {}';
  const words = ['grant', path, '--ttl', '5m', '--reason', 'ticket 7', '--exec', debugging];
  const operator = spawn(process.execPath, [MAIN, ...words], { stdio: 'ignore' });
  onTestFinished(() => void operator.kill());
  await until(() => operator.pid !== undefined && childrenOf(operator.pid).length > 0);
  const [held = 0] = childrenOf(operator.pid!);
  onTestFinished(() => void (isGone(held) || process.kill(held)));
  if (state === 'asking') while ((await app.call('events')).length === 0) await new Promise(setImmediate);
  if (state === 'granted') await until(() => !isClosed(app.pid) && statusField(held, 'Name') === 'sleep');
  if (state === 'tracing') await until(() => statusField(app.pid, 'TracerPid') === `${held}`);
  return { app, path, before, operator, pids: { app: app.pid, operator: operator.pid!, debugger: held } };
}

describe.each(states)('kill -9 while %s', state => {
  it.each<Killed>(['debugger', 'operator'])(
    'of the %s: the app is closed, and keeps nothing of it',
    async killed => {
      const { app, path, before, operator, pids } = await scene(state);
      const ended = once(operator, 'close');
      process.kill(pids[killed], 'SIGKILL');
      const refusedOrFailed = state === 'asking' ? 1 : 3;
      expect(await ended).toEqual(killed === 'operator' ? [null, 'SIGKILL'] : [refusedOrFailed, null]);
      await until(() => isClosed(app.pid) && isGone(pids.debugger));
      await until(() => statusField(app.pid, 'TracerPid') === '0');
      // Its server listens still, a process waits to remove its socket, and nothing else of it is there.
      const listening = 2;
      while ((await app.call('ownDescriptors')) > before.descriptors + listening)
        await new Promise(setImmediate);
      while ((await app.call('ownThreads')) > before.threads) await new Promise(setImmediate);
      await app.call('closeServer');
      expect(await app.call('ownDescriptors')).toBe(before.descriptors);
      expect(readdirSync(join(path, '..'))).toEqual([]);
      expect(isClosed(app.pid)).toBe(true);
    },
  );

  it('of the app: the command and its debugger end, and its path can be served again', async () => {
    const { path, operator, pids } = await scene(state);
    const ended = once(operator, 'close');
    process.kill(pids.app, 'SIGKILL');
    if (state === 'granted') process.kill(pids.debugger); // which has nothing to debug any more
    await ended;
    await until(() => isGone(pids.debugger));
    await until(() => !existsSync(path));
    expect(readdirSync(join(path, '..'))).toEqual([]);
    const next = await closedTarget();
    await next.call('serve', { path, allow: { uids: [UID] } });
    await next.call('closeServer');
    expect(existsSync(path)).toBe(false);
  });
});
