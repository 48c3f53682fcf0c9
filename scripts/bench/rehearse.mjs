// node scripts/bench/rehearse.mjs [--write]
// Measures rehearse() on recordings of several sizes, all of them in each round. Each measurement runs in a process of its own, for
// its peak of memory. The recordings are synthetic and seeded (synthetic-recording.mjs). The script has no limits. It prints, and with
// --write writes docs/rehearse.md.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { rehearse } from '../../build/modules/rehearse/rehearse.js';
import { quantile, report } from './figures.mjs';
import { recordingLines } from './synthetic-recording.mjs';

const { positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true });

const SIZES = [1_000_000, 3_000_000, 10_000_000];
const ROUNDS = 3;
const SEED = 1;
const PIECE = 1 << 20;

/** @typedef {{ ms: number, cpu: number, peak: number }} Measured milliseconds, of them on a CPU, MiB */

if (positionals[0] !== undefined) {
  const start = performance.now();
  const before = process.cpuUsage();
  const { failed } = await rehearse([positionals[0]], [1, 2, 3]);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  if (failed.length > 0) throw new Error(JSON.stringify(failed));
  console.log(
    JSON.stringify({ ms, cpu: (user + system) / 1000, peak: process.resourceUsage().maxRSS / 1024 }),
  );
  process.exit();
}

/** @param {string} file @param {number} events */
function save(file, events) {
  const fd = openSync(file, 'w');
  let piece = '';
  for (const line of recordingLines({ seed: SEED, events })) {
    piece += line;
    if (piece.length < PIECE) continue;
    writeSync(fd, piece);
    piece = '';
  }
  writeSync(fd, piece);
  closeSync(fd);
}

/** @param {string} file @returns {Measured} */
const measured = file =>
  JSON.parse(execFileSync(process.execPath, [import.meta.filename, file], { encoding: 'utf8' }));

const directory = mkdtempSync(join(tmpdir(), 'tracegate-rehearse-bench-'));
const recordings = SIZES.map(events => {
  const file = join(directory, `${events}.ndjson`);
  save(file, events);
  return { file, events };
});
const [longest] = recordings.slice(-1);
if (longest === undefined) throw new Error('no recording');
const packed = { file: `${longest.file}.gz`, events: longest.events };
await pipeline(createReadStream(longest.file), createGzip({ level: 6 }), createWriteStream(packed.file));

const all = [...recordings, packed];
const rounds = Array.from({ length: ROUNDS }, () => all.map(({ file }) => measured(file)));
/** @param {number} at the recording @param {'ms' | 'cpu'} time */
const medianOf = (at, time) =>
  quantile(
    rounds.map(round => round[at]?.[time] ?? Number.NaN),
    0.5,
  );
const cpuOfFirst = medianOf(0, 'cpu') / (all[0]?.events ?? Number.NaN);
report(
  'rehearse',
  all.map(({ file, events }, at) => {
    const ms = medianOf(at, 'ms');
    return [
      (statSync(file).size / 1e6).toFixed(0),
      (ms / 1000).toFixed(2),
      (Math.round(events / ms) * 1000).toLocaleString('en'),
      (medianOf(at, 'cpu') / events / cpuOfFirst).toFixed(2),
      Math.max(...rounds.map(round => round[at]?.peak ?? Number.NaN)).toFixed(0),
    ];
  }),
);
rmSync(directory, { recursive: true });
