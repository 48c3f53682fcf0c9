// node scripts/bench/map-bound.mjs [--count N] [--seconds S] [DIST…]
// Measures the map of a seeded host whose processes all differ in class (distinct-classes.mjs). Each kind of host and
// each build (DIST, by default this one's) has a process of its own, side by side. A process that takes longer than
// --seconds is ended.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { distinctClasses, KINDS } from './distinct-classes.mjs';

const { values: options, positionals } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '300' },
    measure: { type: 'string' },
  },
  allowPositionals: true,
});
const SEED = 1;
const dists = positionals.length > 0 ? positionals : [join(import.meta.dirname, '../../build/modules')];
/** @param {string} dist @param {string} file */
const load = (dist, file) => import(pathToFileURL(resolve(dist, file)).href);

if (options.measure !== undefined) {
  const [dist = ''] = dists;
  /** @type {typeof import('../../lib/map/graph/map-host.js')} */
  const { mapHost } = await load(dist, 'map/graph/map-host.js');
  /** @type {typeof import('../../lib/map/snapshot-file.js')} */
  const { readSnapshot } = await load(dist, 'map/snapshot-file.js');
  const snapshot = await readSnapshot(options.measure);
  const before = performance.now();
  let told = 'too many';
  try {
    const { edges, edgesByScope, possibleEdgesByScope } = mapHost(snapshot);
    told = `${edges === null ? 'counted' : 'listed'} ${edgesByScope[0]} + ${possibleEdgesByScope[0]}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    told = error.message.slice(0, 40);
  }
  const { userCPUTime, maxRSS } = process.resourceUsage();
  const cells = [
    ((performance.now() - before) / 1000).toFixed(1),
    (userCPUTime / 1e6).toFixed(1),
    (maxRSS / 1024).toFixed(0),
    told,
  ];
  console.log(cells.join(' | '));
  process.exit();
}

const directory = mkdtempSync(join(tmpdir(), 'tracegate-map-bound-'));
/** @type {typeof import('../../lib/map/snapshot-file.js')} */
const { snapshotLines } = await load(
  join(import.meta.dirname, '../../build/modules'),
  'map/snapshot-file.js',
);
console.log(
  '| classes | build | map, s | CPU of all, s | peak, MiB | edges at 0 |\n|---|---|---|---|---|---|',
);
for (const kind of Object.keys(KINDS)) {
  const file = join(directory, kind);
  const snapshot = {
    ...distinctClasses(SEED, Number(options.count), kind),
    ...{ name: kind, takenAt: new Date(0).toISOString(), nodes: new Map() },
  };
  writeFileSync(file, [...snapshotLines(snapshot)].join(''));
  for (const dist of dists) {
    const words = [import.meta.filename, '--measure', file, dist];
    const { stdout, status } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      timeout: Number(options.seconds) * 1000,
    });
    const cells = status === 0 ? stdout.trim() : `more than ${options.seconds} | | | `;
    console.log(`| ${options.count}, ${kind} | ${dist} | ${cells} |`);
  }
}
rmSync(directory, { recursive: true });
