// Worker threads that probe, and end in the middle of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nativeProgram } from '../../lib/kernel/native.js';
import { start, startEcho, statusOf } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { ROOT } from '../helpers/processes.js';
import { publicRoot } from '../helpers/public-copy.js';
import { times } from '../helpers/tier.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

const ORDINARY = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
const RIGHTS = join(publicRoot(ROOT, ORDINARY), 'test/fixtures/worker-rights.mjs');

const ROUNDS = times(3, 5);
const KINDS = 10;
// From round 2 to 5 (the first one loads code): 3.6 MiB measured; over 15 rounds it stays level. Ten workers end in each
// round, and three that were not given back would keep their V8 heaps, some 5 MiB each.
const MOST_GROWTH = 12 * 2 ** 20;

it('ten workers at a time, each terminated in the middle of its probes, leave nothing behind', async () => {
  const withParent = compile('with-parent.c');
  const targets = await Promise.all(
    Array.from({ length: ROUNDS * KINDS }, () => startEcho(withParent, ORDINARY)),
  );
  onTestFinished(() => {
    for (const target of targets) target.kill();
  });
  const node = start(withParent, [
    ...[
      process.execPath,
      '--expose-gc',
      fixture('workers.mjs'),
      `${ROUNDS}`,
      JSON.stringify(targets.map(({ pid }) => pid)),
    ],
  ]);
  onTestFinished(() => node.kill());
  const { states, zombies } = JSON.parse(await node.line());
  const [before, ...rounds] = states;
  // Also the end of every helper: they inherit stderr.
  expect(await node.closed).toEqual({ code: 0, signal: null, stderr: '' });

  expect(rounds).toHaveLength(ROUNDS);
  for (const { outcomes, fds, threads } of rounds) {
    expect(outcomes).toHaveLength(KINDS);
    expect(new Set(outcomes)).toEqual(new Set(['allowed']));
    expect({ fds, threads }).toEqual({ fds: before.fds, threads: before.threads });
  }
  expect(rounds.at(-1).rss - rounds[1].rss).toBeLessThan(MOST_GROWTH);
  for (const target of targets) {
    expect(statusOf(target.pid, 'TracerPid')).toBe('0');
    expect(await target.answers()).toBe(true);
    expect(await target.end()).toEqual({ code: 0, signal: null, stderr: '' });
  }
  // A helper that its worker started, and that no thread waits for any more.
  expect(zombies).toBe(0);
});

it('a worker that is terminated within a native call ends cleanly, also if it makes further calls before', async () => {
  const node = start(compile('with-parent.c'), [process.execPath, fixture('terminated-worker.mjs')]);
  onTestFinished(() => node.kill());
  expect(JSON.parse(await node.line())).toEqual({ finished: Array(8).fill(1) });
  expect(await node.closed).toEqual({ code: 0, signal: null, stderr: '' });
});

// Node frees the function by which a thread calls a worker when the worker ends: the addon's thread must be done with it.
it('a worker may end while the end of its grant is told', async () => {
  const slow = compile('slow-unlock.c', ['-shared', '-fPIC']);
  const node = spawn(process.execPath, [fixture('grant-of-worker.mjs'), join(ROOT, 'dist')], {
    env: { ...process.env, LD_PRELOAD: slow },
    stdio: ['ignore', 'pipe', 'pipe', 'overlapped'],
  });
  onTestFinished(() => void node.kill());
  const told = node.stdio[3] as Socket;
  told.once('data', byte => void told.write(byte));
  const [output, errors, [code, signal]] = await Promise.all([
    text(node.stdout!),
    text(node.stderr!),
    once(node, 'close'),
  ]);
  expect({ output, errors, code, signal }).toEqual({ output: '0\n', errors: '', code: 0, signal: null });
});

// Node hears of an exec before the program has its name (fs/exec.c, begin_new_exec()): here it never gets it. Both read what
// doesn't end with the worker.
it('a helper that has not taken its name yet ends with its worker, and another program does not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-named-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  symlinkSync(nativeProgram('tracegate-helper'), join(directory, 'node'));
  const inWorker = `
    const { spawn } = require('node:child_process');
    import('${ROOT}/dist/index.js').then(({ getDumpable }) => {
      getDumpable(); // loads the addon
      const commands = [['${directory}/node', 'child'], ['cat']];
      const pids = commands.map(([program, ...words]) => spawn(program, words, { stdio: ['inherit', 'ignore', 'ignore'] }).pid);
      require('node:worker_threads').parentPort.postMessage(pids);
    });`;
  const script = `
    const { Worker } = require('node:worker_threads');
    const worker = new Worker(${JSON.stringify(inWorker)}, { eval: true });
    worker.once('message', async pids => {
      await worker.terminate();
      console.log(JSON.stringify(pids.map(pid => require('node:fs').existsSync('/proc/' + pid))));
    });`;
  const node = start(compile('with-parent.c'), [process.execPath, '-e', script]);
  onTestFinished(() => node.kill());
  expect(JSON.parse(await node.line())).toEqual([false, true]);
});

type Thread = 'main' | 'worker';

// As an ordinary user: of a root process the owner of /proc/PID/environ doesn't tell whether it is dumpable.
async function startThreads() {
  const withParent = compile('with-parent.c');
  const node = start(withParent, [process.execPath, RIGHTS, withParent], ORDINARY);
  onTestFinished(() => node.kill());
  return {
    node,
    async ask(on: Thread, call: string, ...words: unknown[]) {
      node.say(`${JSON.stringify({ on, call, arguments: words })}\n`);
      return JSON.parse(await node.line());
    },
  };
}

const ALLOWED = { value: { outcome: 'allowed', code: null, tracerPid: 0 } };

describe.each<[Thread, Thread]>([
  ['main', 'worker'],
  ['worker', 'main'],
])('a child that the %s thread spawned', (owner, other) => {
  it('may be seized by that thread', async () => {
    const { ask, node } = await startThreads();
    const { value: child } = await ask(owner, 'spawn');
    expect(await ask(owner, 'probeSync', child, { method: 'seize' })).toMatchObject(ALLOWED);
    expect(await ask(owner, 'probe', child, { method: 'seize' })).toMatchObject(ALLOWED);
    expect(statusOf(child, 'TracerPid')).toBe('0');
    expect(await node.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it(`is refused to a seize by the ${other} thread, and open to its access probe and its helper`, async () => {
    const { ask, node } = await startThreads();
    const { value: child } = await ask(owner, 'spawn');
    const refused = { code: 'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD' };
    expect(await ask(other, 'probeSync', child, { method: 'seize' })).toEqual(refused);
    expect(await ask(other, 'probe', child, { method: 'seize' })).toEqual(refused);
    expect(await ask(other, 'probeSync', child)).toMatchObject(ALLOWED);
    expect(await ask(other, 'probe', child)).toMatchObject(ALLOWED);
    expect(await ask(other, 'probe', child, { method: 'attach' })).toMatchObject(ALLOWED);
    expect(await node.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});

describe('probes of one target at the same time', () => {
  it.each(['access', 'seize', 'attach'] as const)(
    'each get their own answer, and not the tracer of the other probe (%s)',
    async method => {
      const { ask, node } = await startThreads();
      const target = await startEcho(compile('with-parent.c'), ORDINARY);
      onTestFinished(() => target.kill());
      for (let round = 0; round < times(1, 5); round++) {
        const { value } = await ask('worker', 'probeTogether', target.pid, { method });
        expect(value).toEqual(value.map(() => 'allowed null'));
      }
      expect(await node.end()).toEqual({ code: 0, signal: null, stderr: '' });
    },
  );
});

describe('what a worker sets holds for the whole process', () => {
  const ownerOfEnviron = (pid: number) => statSync(`/proc/${pid}/environ`).uid;

  it('PR_SET_DUMPABLE', async () => {
    const { ask, node } = await startThreads();
    const user = isRoot ? NOBODY : process.getuid?.();
    expect(ownerOfEnviron(node.pid)).toBe(user);
    for (const thread of ['worker', 'main'] as const) {
      expect(await ask(thread, 'setDumpable', 'disabled')).toEqual({ value: null });
      // fs/proc/base.c, task_dump_owner()
      expect(ownerOfEnviron(node.pid)).toBe(0);
      expect(await ask('worker', 'getDumpable')).toEqual({ value: 'disabled' });
      expect(await ask('main', 'getDumpable')).toEqual({ value: 'disabled' });
      expect(await ask(thread, 'setDumpable', 'user')).toEqual({ value: null });
      expect(ownerOfEnviron(node.pid)).toBe(user);
      expect(await ask('worker', 'getDumpable')).toEqual({ value: 'user' });
      expect(await ask('main', 'getDumpable')).toEqual({ value: 'user' });
    }
    expect(await node.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('PR_SET_PTRACER: the answer is the same as the main thread gets', async () => {
    const { ask, node } = await startThreads();
    const fromMain = await ask('main', 'setPtracer', 'any');
    expect(fromMain).toMatchObject({ value: { tracer: 'any' } });
    expect(await ask('worker', 'setPtracer', 'any')).toEqual(fromMain);
    expect(await node.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
