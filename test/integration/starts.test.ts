// What others of its uid read of a closed app's environment while it starts a program: the spy looks at each process that
// begins.
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
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

it('spawn() hands it to whoever looks, so the spy can tell', async () => {
  expect((await spied('plain', 10)).length).toBeGreaterThan(0);
});

it.each([
  ['crash', 'a debugger that is held for a crash'],
  ['grants', 'what removes the socket of a grant server'],
  ['denied', 'a program that is closed from its start'],
])('%s: of %s nobody reads it', async what => {
  expect(await spied(what, times(30, 1000))).toEqual([]);
});
