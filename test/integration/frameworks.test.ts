// What people build on Node, unchanged under `node --import tracegate/deny`: each smoke test says the same with and without,
// and its processes are really closed with it, seen from outside, those of a cluster and of fork() too.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { probe, traceStatus } from '../../lib/index.js';
import { AS_USER, ROOT } from '../helpers/processes.js';

/** A copy that an ordinary user may read: of a process of root's, /proc doesn't tell whether it is dumpable. */
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-frameworks-'));
chmodSync(scratch, 0o755);
afterAll(() => rmSync(scratch, { recursive: true }));
const fixtures = join(scratch, 'fixtures');
const register = join(scratch, 'dist/deny/register.js');

/** A package with what it depends on. */
function copyPackage(name: string, copied: Set<string>): void {
  if (copied.has(name)) return;
  copied.add(name);
  const path = join('node_modules', name);
  cpSync(join(ROOT, path), join(scratch, path), { recursive: true });
  const { dependencies = {} } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8'));
  for (const dependency of Object.keys(dependencies)) copyPackage(dependency, copied);
}

beforeAll(() => {
  for (const part of ['package.json', 'dist', 'build/Release']) {
    cpSync(join(ROOT, part), join(scratch, part), { recursive: true });
  }
  cpSync(join(ROOT, 'test/fixtures/frameworks'), fixtures, { recursive: true });
  const copied = new Set<string>();
  for (const name of ['bindings', 'express', 'better-sqlite3']) copyPackage(name, copied);
});

/** The smoke test's own run, and how its processes are seen in the middle of it. */
async function run(name: string, execArgv: string[]) {
  const child = spawn(process.execPath, [...execArgv, join(fixtures, `${name}.mjs`)], {
    ...AS_USER,
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const output = Promise.all([text(child.stdout as Readable), text(child.stderr as Readable)]);
  const closed = once(child, 'close');
  const seen: string[][] = [];
  createInterface({ input: child.stdio[3] as Readable }).on('line', async line => {
    for (const pid of JSON.parse(line) as number[]) {
      const { outcome } = await probe(pid, { as: 'stranger', method: 'seize' });
      seen.push([traceStatus(pid).status, outcome]);
    }
    (child.stdio[4] as Writable).end('looked');
  });
  const [code] = await closed;
  const [stdout, stderr] = await output;
  return { said: { stdout, stderr, code }, seen };
}

it.each([
  ['express', 1],
  ['worker-threads', 1],
  ['cluster', 3],
  ['fork', 2],
  ['better-sqlite3', 1],
])('%s says the same under denial, and its processes are closed', async (name, processes) => {
  const [open, denied] = [await run(name, []), await run(name, ['--import', register])];
  expect(open.said).toMatchObject({ stderr: '', code: 0 });
  expect(open.said.stdout.split('\n').length).toBeGreaterThan(3);
  expect(denied.said).toEqual(open.said);
  // Without: the rules of the machine. With: nobody.
  expect(open.seen.map(([status]) => status)).toEqual(Array(processes).fill('enabled'));
  expect(denied.seen).toEqual(Array(processes).fill(['disabled', 'denied']));
});
