// What tracegate relies on in Node without a promise of Node's: lib/kernel/node-internals.ts names each assumption, and
// test/fixtures/node-assumptions.mjs asks this Node. npm run test:node-versions asks each supported Node.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { NODE_ASSUMPTIONS } from '../../lib/kernel/node-internals.js';
import { PUBLIC_MODULES, ROOT } from '../helpers/processes.js';

const FIXTURE = join(ROOT, 'test', 'fixtures', 'node-assumptions.mjs');

/** For each assumption null, or why it doesn't hold. */
let answers: Record<string, string | null> = {};

beforeAll(async () => {
  answers = JSON.parse((await promisify(execFile)(process.execPath, [FIXTURE, PUBLIC_MODULES])).stdout);
});

it('each assumption is checked, and is relied on by a file that names it or calls what does', () => {
  expect(Object.keys(answers).sort()).toEqual(Object.keys(NODE_ASSUMPTIONS).sort());
  const files = Object.values(NODE_ASSUMPTIONS).map(({ reliedOnBy }) => reliedOnBy);
  expect(files.filter(file => !existsSync(join(ROOT, file)))).toEqual([]);
});

it.each(Object.entries(NODE_ASSUMPTIONS))('%s: $rule', name => {
  expect(answers[name] ?? 'holds').toBe('holds');
});
