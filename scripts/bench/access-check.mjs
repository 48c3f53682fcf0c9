// node scripts/bench/access-check.mjs [OTHER_DIST]: measures the time of a verdict, over every ordered pair of a
// made-up host. With the dist folder of another build it also measures that build's checkAccess(), in the same process
// and in turns, and prints the ratio.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { syntheticHost } from './synthetic-host.mjs';

const SEED = 1;
const PROCESSES = 300;
const ROUNDS = 7;
const MODE = 'attach';

/** @typedef {import('../../lib/kernel/process-facts.js').ProcessFacts} ProcessFacts */
/** @typedef {(tracer: ProcessFacts, target: ProcessFacts) => unknown} Asks */

const { host, processes } = syntheticHost(SEED, PROCESSES);
const world = { ...host, processes };

/** @param {string} dist */
const load = dist => import(pathToFileURL(join(dist, 'policy', 'access', 'access-check.js')).href);

/** @type {Map<string, Asks>} */
const asks = new Map();
const here = await load(resolve(import.meta.dirname, '../../build/modules'));
asks.set('decide()', (tracer, target) => here.decide({ tracer, target, host: world, mode: MODE }));
asks.set('checkAccess()', (tracer, target) => here.checkAccess(tracer, target, world, MODE));
const [, , otherDist] = process.argv;
if (otherDist !== undefined) {
  const other = await load(resolve(otherDist));
  asks.set('the other checkAccess()', (tracer, target) => other.checkAccess(tracer, target, world, MODE));
}

/** CPU time, of which other programs take none. @param {Asks} ask @returns {number} microseconds a pair */
function cost(ask) {
  const before = process.cpuUsage();
  let pairs = 0;
  for (const tracer of processes) {
    for (const target of processes) {
      if (tracer === target) continue;
      ask(tracer, target);
      pairs++;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / pairs;
}

/** @type {Map<string, number>} */
const least = new Map();
// The first round warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, ask] of asks) {
    const took = cost(ask);
    if (round > 0) least.set(name, Math.min(least.get(name) ?? took, took));
  }
}

const other = least.get('the other checkAccess()');
console.log(`${PROCESSES} processes, ${PROCESSES * (PROCESSES - 1)} pairs, mode ${MODE}: least of ${ROUNDS} rounds
| | µs a pair |${other === undefined ? '' : ' the other takes |'}
|---|---|${other === undefined ? '' : '---|'}`);
for (const [name, took] of least) {
  const ratio = other === undefined ? '' : ` ${(other / took).toFixed(1)} times that |`;
  console.log(`| ${name} | ${took.toFixed(2)} |${ratio}`);
}
