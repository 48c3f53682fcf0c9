// node scripts/bench/map.mjs [--dist OTHER_DIST] [--write]
// Measures the work on a snapshot of many processes: reading its file, reach() from one process, the whole map. Each
// size and step runs in a process of its own, for its peak of memory. The hosts are synthetic and seeded
// (synthetic-host.mjs). The script has no limits. It prints, and with --write
// writes docs/map.md.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile, report } from './figures.mjs';
import { syntheticHost } from './synthetic-host.mjs';

const { values: options, positionals } = parseArgs({
  options: {
    dist: { type: 'string', default: join(import.meta.dirname, '../../build/modules') },
    write: { type: 'boolean' },
  },
  allowPositionals: true,
});
/** @param {string} file */
const load = file => import(pathToFileURL(resolve(options.dist, file)).href);
/** @type {typeof import('../../lib/map/graph/map-host.js')} */
const { mapHost } = await load('map/graph/map-host.js');
/** @type {typeof import('../../lib/map/snapshot-file.js')} */
const { readSnapshot, snapshotLines } = await load('map/snapshot-file.js');
/** @type {typeof import('../../lib/policy/reach/reach.js')} */
const { reach } = await load('policy/reach/reach.js');

const SIZES = [1000, 4000, 16_000, 64_000];
const ROUNDS = 5;
const SEED = 1;

/** @typedef {{ read: number, shell: number, master: number, map: number, classes: number, peak: number }} Measured milliseconds, MiB */

/** @param {string} file @returns {Promise<Measured>} */
async function measure(file) {
  let last = performance.now();
  const since = () => {
    const now = performance.now();
    const took = now - last;
    last = now;
    return took;
  };
  const snapshot = await readSnapshot(file);
  const read = since();
  const { classes } = mapHost(snapshot);
  const map = since();
  const shell = snapshot.processes.find(({ comm }) => comm === 'bash')?.pid ?? 1;
  reach(snapshot, shell, { scope: 0 });
  const fromShell = since();
  reach(snapshot, 1, { scope: 1 });
  const fromMaster = since();
  const peak = process.resourceUsage().maxRSS / 1024;
  return { read, shell: fromShell, master: fromMaster, map, classes: classes.length, peak };
}

if (positionals[0] !== undefined) {
  console.log(JSON.stringify(await measure(positionals[0])));
  process.exit();
}

/** The slope of log(time) over log(size), by least squares. @param {number[]} times */
function exponent(times) {
  const x = SIZES.map(Math.log);
  const y = times.map(Math.log);
  const mean = (/** @type {number[]} */ list) => list.reduce((a, b) => a + b, 0) / list.length;
  const [mx, my] = [mean(x), mean(y)];
  const over = x.reduce((sum, value, at) => sum + (value - mx) * ((y[at] ?? 0) - my), 0);
  return over / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}

const directory = mkdtempSync(join(tmpdir(), 'tracegate-map-bench-'));
/** @type {Map<number, Measured[]>} */
const rounds = new Map(SIZES.map(size => [size, []]));
for (const size of SIZES) {
  const named = {
    ...syntheticHost(SEED, size),
    name: `${size}`,
    takenAt: new Date().toISOString(),
    nodes: new Map(),
  };
  writeFileSync(join(directory, `${size}`), [...snapshotLines(named)].join(''));
}
for (let round = 0; round < ROUNDS; round++) {
  for (const size of SIZES) {
    const words = [import.meta.filename, '--dist', options.dist, join(directory, `${size}`)];
    rounds.get(size)?.push(JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })));
  }
}

/** @param {number} size @param {keyof Measured} what */
const of = (size, what) =>
  quantile(
    (rounds.get(size) ?? []).map(one => one[what]),
    0.5,
  );
/** @param {number} size */
const whole = size => of(size, 'read') + of(size, 'map');
/** @param {number} size */
const cells = size => [
  of(size, 'classes'),
  (statSync(join(directory, `${size}`)).size / 1e6).toFixed(1),
  ...[
    of(size, 'read'),
    of(size, 'map'),
    whole(size),
    of(size, 'shell'),
    of(size, 'master'),
    of(size, 'peak'),
  ].map(value => value.toFixed(0)),
];
const grows = (/** @type {(size: number) => number} */ what) => exponent(SIZES.map(what)).toFixed(2);
const growth = [
  ...['', '', grows(size => of(size, 'read')), grows(size => of(size, 'map')), grows(whole)],
  ...['', grows(size => of(size, 'master')), ''],
];
report('map', [...SIZES.map(cells), growth]);
rmSync(directory, { recursive: true });
