// @ts-check
// node scripts/bench/start.mjs [--write]: how long a Node process lives that imports the package, and the command with
// each of its quick commands, divided by the life of `node -e 0`. All take turns in each round.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { quantile, report } from './figures.mjs';

const ROUNDS = 15;
const dist = join(import.meta.dirname, '..', '..', 'dist');
const target = spawn('sleep', ['1000']);
await once(target, 'spawn');

/** @param {string} code */
const module = code => ['--input-type=module', '-e', code];
const command = join(dist, 'tracegate.cjs');
const index = JSON.stringify(join(dist, 'index.js'));

const WAYS = [
  ['-e', '0'],
  module('0'),
  module(`import { denyTracing } from ${index}`),
  module(`import { denyTracing } from ${index}; await denyTracing({ verify: false })`),
  [command, '--help'],
  [command, 'status', `${target.pid}`],
  [command, 'probe', `${target.pid}`],
  [command, 'explain', `${target.pid}`],
  [command, 'audit'],
];

/** @type {number[][]} */
const times = WAYS.map(() => []);
for (let round = 0; round <= ROUNDS; round++) {
  for (const [at, words] of WAYS.entries()) {
    const began = performance.now();
    try {
      execFileSync(process.execPath, words, { stdio: 'ignore' });
    } catch {
      // A finding has an exit code of its own.
    }
    // The first round warms the files up.
    if (round > 0) times[at]?.push(performance.now() - began);
  }
}
target.kill();
const [bare = 1] = times.map(each => quantile(each, 0.5));
report(
  'start',
  times.map(each => {
    const median = quantile(each, 0.5);
    return [median.toFixed(0), (median / bare).toFixed(2)];
  }),
);
