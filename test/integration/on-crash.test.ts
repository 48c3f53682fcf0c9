// onCrash(): the debugger that a crash of a closed app allows, and that nothing else allows it.
// test/scopes/debugger.scopes.test.ts has the real gdb at each scope.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { onCrash } from '../../lib/debugger/index.js';
import { readPtraceScope } from '../../lib/index.js';
import { crashing } from '../helpers/crashing.js';
import { AS_USER, isClosed, PUBLIC_DIST, USER } from '../helpers/processes.js';
import { closed, ended, statusBecomes } from '../helpers/waits.js';

const scope = readPtraceScope();
const ACCEPTED = { allowSameUid: true, stdio: 'ignore' };
/** Whether the kernel allows it, by the owner of /proc/PID/environ, and the values that it got. */
const LOOK = 'echo $(stat -c %u /proc/{}/environ) {} $TRACEGATE_CRASH_THREAD $TRACEGATE_CRASH_SIGNAL >OUTPUT';
const looking = (options: object = {}, first?: string) =>
  crashing('sh', ['-c', LOOK], { ...ACCEPTED, ...options }, first);

// Elsewhere the effect is another, and test/scopes has it.
it.runIf(scope.state === 'absent')('without Yama it is refused without allowSameUid', async () => {
  await expect(onCrash('gdb')).rejects.toMatchObject({ code: 'ERR_TRACEGATE_NOT_GRANTED' });
});

describe('a crash allows the debugger until it ends:', () => {
  it.each(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP'] as const)(
    '%s',
    async signal => {
      const app = await looking();
      expect(isClosed(app.pid)).toBe(true);
      // It waits, and has not ended.
      await statusBecomes(app.debugger, 'State', 'is', 'S');
      app.tell(signal);
      expect(await app.ended).toEqual([null, signal]);
      const number = constants.signals[signal];
      expect(app.found()).toMatch(new RegExp(`^${USER} ${app.pid} \\d+ ${number}\n$`));
    },
  );

  it.each<[string, string, NodeJS.Signals]>([
    ['process.abort()', 'abort', 'SIGABRT'],
    ['a null pointer in native code', 'kernel', 'SIGSEGV'],
    ['the end of the stack', 'overflow', 'SIGSEGV'],
  ])('%s, of the first thread', async (_, way, signal) => {
    const app = await looking();
    app.tell(way);
    expect(await app.ended).toEqual([null, signal]);
    expect(app.found()).toBe(`${USER} ${app.pid} ${app.pid} ${constants.signals[signal]}\n`);
  });

  it('a SIGSEGV that another process of its uid sends', async () => {
    // The debugger is of that uid too, and has no other way to the environment than any of its neighbours.
    const app = await crashing('sh', ['-c', 'cat /proc/{}/environ >OUTPUT'], ACCEPTED);
    const kill = spawnSync('kill', ['-SEGV', `${app.pid}`], AS_USER);
    expect(kill.status).toBe(0);
    expect(await app.ended).toEqual([null, 'SIGSEGV']);
    expect(app.found()).toContain('PATH=');
  });

  it('a crash in a worker', async () => {
    const app = await looking();
    app.tell('worker');
    expect(await app.ended).toEqual([null, 'SIGSEGV']);
    const [, pid, thread] = app.found().split(' ').map(Number);
    expect(pid).toBe(app.pid);
    expect(thread).not.toBe(app.pid);
  });

  it('a crash of a child of fork(2), under its own pid', async () => {
    const app = await looking();
    app.tell('fork');
    const child = Number((await app.said()).split(' ')[1]);
    expect(child).not.toBe(app.pid);
    expect(app.found()).toBe(`${USER} ${child} ${child} ${constants.signals.SIGSEGV}\n`);
    expect(isClosed(app.pid)).toBe(true);
  });

  it('a child that is forked meanwhile stays closed, and dies of its own crash', async () => {
    const app = await crashing('sh', ['-c', 'exec sleep 300 # {}'], ACCEPTED);
    app.tell('forkWhileLooking');
    const child = Number((await app.said()).split(' ')[1]);
    await closed(child);
    expect(isClosed(app.pid)).toBe(false);
    process.kill(child, 'SIGSEGV');
    await ended(child);
    process.kill(app.debugger);
    expect(await app.ended).toEqual([null, 'SIGSEGV']);
  });

  it.each<[string, string, string[]]>([
    ['one that only runs', 'sh', ['-c', 'echo {} >OUTPUT; exec sleep 300']],
    ['one that traces', 'strace', ['-qqo', 'OUTPUT', '-p', '{}']],
  ])('and for no longer than it has timeout: %s', async (_, command, args) => {
    const app = await crashing(command, args, { ...ACCEPTED, timeout: 300 });
    app.tell('abort');
    expect(await app.ended).toEqual([null, 'SIGABRT']);
    await ended(app.debugger);
  });
});

describe('no debugger is allowed', () => {
  it('if the debugger has ended before: the app dies of its signal, closed', async () => {
    const app = await looking();
    process.kill(app.debugger, 'SIGKILL');
    await ended(app.debugger);
    app.tell('abort');
    expect(await app.ended).toEqual([null, 'SIGABRT']);
    expect(app.found).toThrow('ENOENT');
  });

  it('by an out-of-bounds access of WebAssembly, which is no crash', async () => {
    const app = await looking();
    app.tell('wasmTrap');
    expect(await app.said()).toBe('RuntimeError: memory access out of bounds');
    expect(isClosed(app.pid)).toBe(true);
    app.tell('kernel');
    expect(await app.ended).toEqual([null, 'SIGSEGV']);
    expect(app.found()).toMatch(/ 11\n$/);
  });

  it('after close(): the debugger ended before it ran, and each signal has its default action again', async () => {
    const before = await looking();
    const caught = (pid: number) =>
      readFileSync(`/proc/${pid}/status`, 'utf8').match(/^SigCgt:\s(\w+)$/m)![1]!;
    const open = BigInt(`0x${caught(before.pid)}`);
    before.tell('close');
    expect(await before.said()).toBe('closed');
    await ended(before.debugger);
    const reset = BigInt(`0x${caught(before.pid)}`);
    const bit = (name: NodeJS.Signals) => 1n << BigInt(constants.signals[name] - 1);
    const all = (['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSYS'] as const).map(bit);
    for (const each of all)
      expect({ open: open & each, closed: reset & each }).toEqual({ open: each, closed: 0n });
    before.tell('kernel');
    expect(await before.ended).toEqual([null, 'SIGSEGV']);
    expect(before.found).toThrow('ENOENT');
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s, with which the debugger ends', async signal => {
    const app = await looking();
    app.app.kill(signal);
    expect(await app.ended).toEqual([null, signal]);
    await ended(app.debugger);
    expect(app.found).toThrow('ENOENT');
  });

  it('by an app that exits, which the debugger does not delay', async () => {
    const app = await looking();
    app.app.stdin.end();
    expect(await app.ended).toEqual([0, null]);
    await ended(app.debugger);
    expect(app.found).toThrow('ENOENT');
  });
});

describe('other handlers of the same signal', () => {
  it('an earlier listener gets the signal after the debugger, and a further one can be set', async () => {
    const app = await looking({}, 'listen');
    app.tell('SIGTRAP');
    expect(await app.said()).toBe('heard');
    expect(app.found()).toMatch(/ 5\n$/);
    expect(isClosed(app.pid)).toBe(true);
    app.tell('again');
    expect(await app.said()).toBe('again');
  });

  it('a later handler replaces it, and close() leaves that one', async () => {
    const app = await looking();
    app.tell('listen');
    expect(await app.said()).toBe('listening');
    app.tell('close');
    expect(await app.said()).toBe('closed');
    app.tell('SIGTRAP');
    expect(await app.said()).toBe('heard');
  });
});

it('a worker that alone loaded the addon leaves no handler behind', async () => {
  const inside = `import('${join(PUBLIC_DIST, 'debugger.js')}')
    .then(({ onCrash }) => onCrash('sh', ['-c', ': {}'], { allowSameUid: true, stdio: 'ignore' }))
    .then(() => require('node:worker_threads').parentPort.postMessage('set'));`;
  const script = `const { Worker } = require('node:worker_threads');
    const worker = new Worker(${JSON.stringify(inside)}, { eval: true });
    worker.once('message', async () => {
      await worker.terminate();
      process.abort();
    });`;
  const { signal } = spawnSync(process.execPath, ['-e', script], { ...AS_USER, encoding: 'utf8' });
  expect(signal).toBe('SIGABRT');
});

it.each([
  ['nosuch', 'ENOENT'],
  ['/etc/passwd', 'EACCES'],
])('a program that is no debugger is an error at once: %s', async (command, code) => {
  await expect(onCrash(command, ['{}'], { allowSameUid: true, stdio: 'ignore' })).rejects.toMatchObject({
    code,
  });
});

it('there excludes a second one at the same time, until it is closed', async () => {
  const app = await looking();
  app.tell('again');
  expect(await app.said()).toBe('ERR_TRACEGATE_GRANT_ACTIVE');
});

it.each([
  [{ timeout: 0 }, /timeout must be milliseconds/],
  [{ allowSameUid: 1 }, /allowSameUid must be true or false/],
  [{ allowSameUid: true, stdio: 'pipe' }, /stdio must be 'ignore'/],
  [{ allowSameUid: true, stdio: ['ignore', undefined] }, /stdio must be 'ignore'/],
  [{ allowSameUid: true, killSignal: 9 }, /killSignal must be left out/],
  [null, /options must be an object/],
])('%j', async (options, message) => {
  await expect(onCrash('gdb', [], options as unknown as object)).rejects.toMatchObject({
    code: 'ERR_TRACEGATE_INVALID_OPTION',
    message: expect.stringMatching(message),
  });
});
