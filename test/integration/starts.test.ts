// What neighbours read of a closed app's environment while the app starts a program: the spy looks at each process
// that begins.
import { appendFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import type { Starts } from '../channels/prove.js';
import { start } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { AS_USER, PUBLIC_DIST } from '../helpers/processes.js';
import { times } from '../helpers/tier.js';

const SECRET = 'TOKEN=of-the-closed-app';
const SCRIPT = join(dirname(PUBLIC_DIST), 'test', 'fixtures', 'starts.mjs');

function started(command: string[], env: NodeJS.ProcessEnv = {}) {
  const { PATH } = process.env;
  const child = start(compile('with-parent.c'), command, { ...AS_USER, env: { PATH, ...env } });
  onTestFinished(() => child.kill());
  return child;
}

/** The processes in which the spy read the secret, of so many starts. */
async function spied(what: string, count: number): Promise<string[]> {
  const app = started([process.execPath, SCRIPT, PUBLIC_DIST, what, `${count}`], {
    TOKEN: 'of-the-closed-app',
  });
  expect(await app.line()).toBe('closed');
  const spy = started([compile('environ-spy.c'), SECRET]);
  expect(await spy.line()).toBe('ready');
  app.say('\n');
  expect(await app.line()).toBe('done');
  const heard: string[] = [];
  spy.process.stdin.end();
  for (;;) {
    const line = await spy.line().catch(() => null);
    if (line === null) return heard;
    heard.push(line);
  }
}

const found: Starts[] = [];
afterAll(() => {
  const file = process.env.TRACEGATE_CHANNELS_FILE;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ starts: found })}\n`);
});

async function readOf(what: string, by: string, count: number): Promise<string[]> {
  const pids = await spied(what, count);
  found.push({ by, count, read: pids.length });
  return pids;
}

it('spawn() exposes it to any process that looks, so the spy works', async () => {
  expect((await readOf('plain', '`spawn()` of node:child_process', 10)).length).toBeGreaterThan(0);
});

it.each([
  ['`onCrash()`: the debugger that waits for a crash', 'crash'],
  ['`serveGrants()`: the program that removes the socket when the app has ended', 'grants'],
  ['`spawnDenied()`: a program that is closed from its first instruction', 'denied'],
])('no process reads it at a start of %s', async (by, what) => {
  expect(await readOf(what, by, times(30, 1000))).toEqual([]);
});
