// node scripts/bench/rehearse.mjs [--write]
// Measures rehearse() on recordings of several sizes. Each round runs in a process of its own, for its peak of memory. The
// recordings are synthetic and seeded (synthetic-recording.mjs). The script has no limits. It prints, and with --write writes
// docs/rehearse.md.
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

const SIZES = [100_000, 1_000_000, 10_000_000];
const ROUNDS = 3;
const SEED = 1;
const PIECE = 1 << 20;

/** @typedef {{ ms: number, peak: number }} Measured milliseconds, MiB */

if (positionals[0] !== undefined) {
  const start = performance.now();
  const { failed } = await rehearse([positionals[0]], [1, 2, 3]);
  const ms = performance.now() - start;
  if (failed.length > 0) throw new Error(JSON.stringify(failed));
  console.log(JSON.stringify({ ms, peak: process.resourceUsage().maxRSS / 1024 }));
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

/** @param {string} file @param {number} events */
function cells(file, events) {
  const rounds = Array.from({ length: ROUNDS }, () => measured(file));
  const ms = quantile(
    rounds.map(round => round.ms),
    0.5,
  );
  const rate = Math.round(events / ms) * 1000;
  const peak = Math.max(...rounds.map(round => round.peak));
  return [
    (statSync(file).size / 1e6).toFixed(0),
    (ms / 1000).toFixed(2),
    rate.toLocaleString('en'),
    peak.toFixed(0),
  ];
}

const directory = mkdtempSync(join(tmpdir(), 'tracegate-rehearse-bench-'));
const file = join(directory, 'recording.ndjson');
const rows = [];
for (const size of SIZES) {
  save(file, size);
  rows.push(cells(file, size));
}
const packed = `${file}.gz`;
await pipeline(createReadStream(file), createGzip({ level: 6 }), createWriteStream(packed));
rows.push(cells(packed, SIZES.at(-1) ?? 0));
report('rehearse', rows);
rmSync(directory, { recursive: true });
