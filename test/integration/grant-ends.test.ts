// The end of a grant by kill -9 of the app, the debugger or the operator's command: during the request, during the
// grant, and while the debugger traces. The app is closed afterwards, and no process or file is left.
// scripts/bench/grant-ends.mjs measures the time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAIN } from '../helpers/cli.js';
import {
  closedTarget,
  isClosed,
  isGone,
  privateDirectory,
  STRACE_ATTACHED,
  statusField,
} from '../helpers/processes.js';
import { changedUntil, ended, statusBecomes } from '../helpers/waits.js';

const UID = process.getuid!();
const states = ['asking', 'granted', 'tracing'] as const;
type State = (typeof states)[number];
type Killed = 'app' | 'debugger' | 'operator';

/** Until a line like that comes, or none any more. */
const says = (stream: Readable, pattern: RegExp) =>
  new Promise<void>(resolve => {
    createInterface({ input: stream })
      .on('line', line => void (pattern.test(line) && resolve()))
      .on('close', resolve);
  });

/** An operator's command with its debugger, in that state. */
async function scene(state: State) {
  const app = await closedTarget();
  const path = join(privateDirectory(), 'grants');
  const before = { descriptors: await app.call('ownDescriptors'), threads: await app.call('ownThreads') };
  const hook = state === 'asking' ? { hook: 'neverSays' } : {};
  await app.call('serve', { path, allow: { uids: [UID] }, allowSameUid: true, ...hook });
  const debugging =
    state === 'tracing' ? 'strace -e trace=none -p {}' : `sh -c 'echo ready {}; exec sleep 300'`;
  const words = ['grant', path, '--ttl', '5m', '--reason', 'ticket 7', '--exec', debugging];
  const operator = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void operator.kill());
  const [runs, traces] = [says(operator.stdout, /^ready/), says(operator.stderr, STRACE_ATTACHED)];
  const [{ request }] = await app.call('eventsUpTo', 1);
  const held: number = request.debugger;
  onTestFinished(() => void (isGone(held) || process.kill(held)));
  if (state === 'granted') await runs;
  if (state === 'tracing') await traces;
  expect(isClosed(app.pid)).toBe(state === 'asking');
  expect(statusField(app.pid, 'TracerPid')).toBe(state === 'tracing' ? `${held}` : '0');
  return { app, path, before, operator, pids: { app: app.pid, operator: operator.pid!, debugger: held } };
}

describe.each(states)('kill -9 while %s', state => {
  it.each<Killed>(['debugger', 'operator'])(
    'of the %s: the app is closed, and keeps nothing of it',
    async killed => {
      const { app, path, before, operator, pids } = await scene(state);
      const end = once(operator, 'close');
      process.kill(pids[killed], 'SIGKILL');
      const refusedOrEnded = state === 'asking' ? 1 : 128 + constants.signals.SIGKILL;
      expect(await end).toEqual(killed === 'operator' ? [null, 'SIGKILL'] : [refusedOrEnded, null]);
      await ended(pids.debugger);
      if (state !== 'asking') await app.call('eventsUpTo', 3);
      expect(isClosed(app.pid)).toBe(true);
      expect(statusField(app.pid, 'TracerPid')).toBe('0');
      await app.call('connectionsClosed');
      await statusBecomes(app.pid, 'Threads', 'at-most', before.threads);
      // Its server listens still, a process waits to remove its socket, and nothing else of it is there.
      const listening = 2;
      expect(await app.call('ownDescriptors')).toBe(before.descriptors + listening);
      await app.call('closeServer');
      expect(await app.call('ownDescriptors')).toBe(before.descriptors);
      expect(readdirSync(join(path, '..'))).toEqual([]);
      expect(isClosed(app.pid)).toBe(true);
    },
  );

  it('of the app ends the command and its debugger, and its path can be served again', async () => {
    const { path, operator, pids } = await scene(state);
    const end = once(operator, 'close');
    process.kill(pids.app, 'SIGKILL');
    if (state === 'granted') process.kill(pids.debugger); // which has nothing to debug any more
    await end;
    await ended(pids.debugger);
    await changedUntil(dirname(path), () => !existsSync(path));
    expect(readdirSync(join(path, '..'))).toEqual([]);
    const next = await closedTarget();
    await next.call('serve', { path, allow: { uids: [UID] } });
    await next.call('closeServer');
    expect(existsSync(path)).toBe(false);
  });
});
