// watch.mjs [--write]: measures the sources of access events (lib/kernel/access-events.ts), and the whole command, which reads facts
// and judges: what they lose and what they cost while a program attaches and detaches at a given rate. Each attach is two events.
// The cost is the CPU time of the whole process, as a share of one core. Debian's kernels run in QEMU, which translates each
// instruction: there the two sources can be compared.
import { execFile, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { report } from './figures.mjs';

const RATES = [100, 1000];
const SECONDS = 5;
/** Until Node has compiled what it runs often. */
const WARM_UP_SECONDS = 3;
const PROGRAM = 'watch-load';
const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** @typedef {import('../../build/modules/kernel/access-events.js').AccessSourceName} Source */
/** @typedef {{ seen: number, ends: number, lost: number, share: number }} Measured */

/** @param {Source} name */
async function read(name) {
  const { openAccessSource } = await import('../../build/modules/kernel/access-events.js');
  const source = openAccessSource({ sources: [name] });
  /** By the tracer's pid: its attaches, and their ends. @type {Map<number, { seen: number, ends: number }>} */
  const counts = new Map();
  let [events, lost] = [0, 0];
  let before = process.cpuUsage();
  let began = performance.now();
  process.on('message', async message => {
    if (message === 'begin') {
      lost = 0;
      before = process.cpuUsage();
      began = performance.now();
      process.send?.('begun');
      return;
    }
    const { user, system } = process.cpuUsage(before);
    const share = (user + system) / 1000 / (performance.now() - began);
    // What waits in the buffers is read too.
    for (let last = -1; last !== events; await sleep(1000)) last = events;
    process.send?.({ ...counts.get(Number(message)), lost, share });
    source.close();
    process.disconnect();
  });
  process.send?.('ready');
  for await (const event of source.events) {
    events++;
    if (event.kind === 'lost') lost += event.count ?? Number.NaN;
    if (event.kind !== 'access' && event.kind !== 'end') continue;
    const count = counts.get(event.tracer.pid) ?? { seen: 0, ends: 0 };
    counts.set(event.tracer.pid, count);
    if (event.kind === 'access') count.seen++;
    else count.ends++;
  }
}

/** @param {Source} source @param {string} load @param {number} rate @returns {Promise<Measured & { made: number }>} */
async function measured(source, load, rate) {
  const reader = fork(import.meta.filename, ['read', source]);
  await once(reader, 'message');
  await run(load, ['1000', `${WARM_UP_SECONDS}`]);
  await sleep(500);
  reader.send('begin');
  await once(reader, 'message');
  const running = run(load, [`${rate}`, `${SECONDS}`]);
  const { stdout } = await running;
  reader.send(`${running.child.pid}`);
  const [result] = await once(reader, 'message');
  return { ...result, made: Number(stdout) };
}

/** Seconds of CPU time of a process: its utime and stime, in hundredths. @param {number} pid */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The whole command, with the facts and verdicts of each access. @param {string} directory @param {string} load @param {number} rate */
async function measureCommand(directory, load, rate) {
  const file = join(directory, `${rate}.ndjson`);
  const command = [join(root, 'dist', 'tracegate.cjs'), 'watch', '--out', file];
  const watch = spawn(process.execPath, command, { stdio: ['ignore', 'inherit', 'pipe'] });
  await once(watch.stderr, 'data');
  watch.stderr.resume();
  await run(load, ['1000', `${WARM_UP_SECONDS}`]);
  await sleep(500);
  const before = cpuSeconds(watch.pid ?? 0);
  const running = run(load, [`${rate}`, `${SECONDS}`]);
  const { stdout } = await running;
  const share = (cpuSeconds(watch.pid ?? 0) - before) / SECONDS;
  await sleep(1000);
  watch.kill();
  await once(watch, 'exit');
  const recorded = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line));
  const of = (/** @type {string} */ kind) =>
    recorded.filter(({ event, tracer }) => event === kind && tracer.pid === running.child.pid).length;
  const gaps = recorded.filter(({ event }) => event === 'gap');
  const lost = gaps.reduce((sum, gap) => sum + (gap.lost ?? Number.NaN), 0);
  return { made: Number(stdout), seen: of('access'), ends: of('end'), lost, share };
}

/** @param {string} load @param {readonly Source[]} sources */
async function measureHere(load, sources) {
  const results = [];
  for (const source of sources) for (const rate of RATES) results.push(await measured(source, load, rate));
  return results;
}

/** What this script prints in a stock kernel. @param {string} release @param {string} load */
async function measureIn(release, load) {
  const lab = ['--kernel', 'qemu', '--release', release, '--scope', '1'];
  const node = [process.execPath, import.meta.filename, 'here', load];
  const { stdout } = await run(process.execPath, [join(root, 'scripts', 'lab'), ...lab, '--', ...node]);
  return JSON.parse(/^\[.*\]$/m.exec(stdout)?.[0] ?? '');
}

async function main() {
  // The guest's /tmp is its own.
  const directory = mkdtempSync(join(root, 'build', 'watch-'));
  const load = join(directory, PROGRAM);
  execFileSync('cc', ['-O2', '-static', '-o', load, join(import.meta.dirname, `${PROGRAM}.c`)]);
  const rows = [
    ...(await measureHere(load, ['process-connector'])),
    await measureCommand(directory, load, 100),
    await measureCommand(directory, load, 1000),
    ...(await measureIn('6.1', load)),
    ...(await measureIn('6.12', load)),
  ];
  rmSync(directory, { recursive: true });
  report(
    'watch',
    rows.map(({ made, seen, ends, lost, share }) => [
      made,
      seen,
      ends,
      // JSON has no NaN.
      Number.isFinite(lost) ? lost : 'unknown',
      `${(share * 100).toFixed(1)} %`,
    ]),
  );
}

const [, , part, what = ''] = process.argv;
if (part === 'read') await read(/** @type {Source} */ (what));
else if (part === 'here') console.log(JSON.stringify(await measureHere(what, ['process-connector', 'bpf'])));
else await main();
