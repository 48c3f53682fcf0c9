// npm run bench: compares the calls with the same in C, with koffi, and with gdb and strace, in one run. The
// calls take turns in each round, so that a slow spell of the machine meets all of them. Writes docs/benchmarks.md.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import koffi from 'koffi';
import { getDumpable, probeSync } from 'tracegate';
import { explainSync } from 'tracegate/explain';
import { native } from '../../build/modules/kernel/native.js';

const ROUNDS = 15;

const directory = mkdtempSync(join(tmpdir(), 'tracegate-bench-'));
const calls = join(directory, 'calls');
execFileSync('g++', ['-O2', '-pthread', '-o', calls, join(import.meta.dirname, 'calls.cc')]);

// The target of a Node developer: a Node process. It ends with its standard input.
const target = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log()'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
await once(target.stdout, 'data');
const pid = target.pid ?? 0;

/** @typedef {() => number | Promise<number>} Contender nanoseconds of one call */

/** @param {string[]} words @returns {Contender} */
const inC =
  (...words) =>
  () =>
    Number(execFileSync(calls, words, { encoding: 'utf8' }));

/** @param {number} count @param {() => unknown} call @returns {Contender} */
const inNode = (count, call) => () => {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) call();
  return Number(process.hrtime.bigint() - start) / count;
};

const PR_GET_DUMPABLE = 3;
const prctl = koffi
  .load('libc.so.6')
  .func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');

const tracerPid = () => /^TracerPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

/** A debugger's whole visit: start, attach, detach, end. */
async function gdb() {
  const start = process.hrtime.bigint();
  execFileSync('gdb', ['-nx', '-batch', '-p', `${pid}`], { stdio: 'ignore' });
  return Number(process.hrtime.bigint() - start);
}

async function strace() {
  const start = process.hrtime.bigint();
  const child = spawn('strace', ['-qqe', 'trace=none', '-p', `${pid}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = text(child.stderr);
  while (tracerPid() !== `${child.pid}`) {
    if (child.exitCode !== null) throw new Error(await said);
    await new Promise(setImmediate);
  }
  child.kill('SIGINT');
  await once(child, 'close');
  return Number(process.hrtime.bigint() - start);
}

/** A whole command. */
/** @param {string[]} words @returns {Contender} */
const command =
  (...words) =>
  () => {
    const start = process.hrtime.bigint();
    execFileSync(process.execPath, words, { stdio: 'ignore' });
    return Number(process.hrtime.bigint() - start);
  };

/** @param {string} path */
const beside = path => join(import.meta.dirname, path);

/** The time that a script of this directory prints for the first call of its kind in a process. */
/** @param {string} script @param {string[]} words @returns {Contender} */
const inProcess =
  (script, ...words) =>
  () =>
    Number(execFileSync(process.execPath, [beside(script), ...words], { encoding: 'utf8' }));

/** @type {Record<string, Contender>} */
const CONTENDERS = {
  'prctl(PR_GET_DUMPABLE), C loop': inC('dumpable', '300000'),
  'getDumpable()': inNode(300_000, getDumpable),
  'prctl, called by koffi': inNode(300_000, () => prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)),
  'access check, C loop': inC('readv', `${pid}`, '100000'),
  'access check by pidfd_getfd, C loop': inC('getfd', `${pid}`, '50000'),
  'access check, native binding': inNode(100_000, () => native().probeAccess(pid)),
  'access check and /proc/PID/status, C loop': inC('look', `${pid}`, '5000'),
  "probeSync(pid): 'access'": inNode(5_000, () => probeSync(pid)),
  'seize, C loop': inC('seize', `${pid}`, '1000'),
  'seize, native binding': inNode(1_000, () => native().probeSeize(pid)),
  "probeSync(pid): 'seize'": inNode(1_000, () => probeSync(pid, { method: 'seize' })),
  'explain(pid)': inNode(200, () => explainSync(pid)),
  'explain(pid), refused, with remedies': inNode(100, () => explainSync(pid, { scope: 3 })),
  'explain(pid), the first call in a process': inProcess('first-explain.mjs', `${pid}`),
  'denyTracing({ verify: false }), the first call in a process': inProcess('first-deny.mjs'),
  'node -e 0': command('-e', '0'),
  'tracegate explain PID': command(beside('../../dist/cli.cjs'), 'explain', `${pid}`),
  'strace -p': strace,
  'gdb -batch -p': gdb,
};

/** @type {Map<string, number[]>} */
const samples = new Map(Object.keys(CONTENDERS).map(name => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, contender] of Object.entries(CONTENDERS)) {
    const nanoseconds = await contender();
    if (round > 0) samples.get(name)?.push(nanoseconds); // the first warms up
  }
  process.stderr.write(`round ${round} of ${ROUNDS}\r`);
}
target.stdin.end();
rmSync(directory, { recursive: true });

/** @param {number[]} values */
const sorted = values => [...values].sort((a, b) => a - b);
/** @param {string} name */
const all = name => sorted(samples.get(name) ?? []);
/** @param {string} name */
const median = name => all(name)[Math.floor(ROUNDS / 2)] ?? Number.NaN;

/** @param {number} nanoseconds */
function duration(nanoseconds) {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(0)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(2)} µs` : `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** @param {string} of @param {string} to */
function ratio(of, to) {
  const value = median(of) / median(to);
  return value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
}

const times = Object.keys(CONTENDERS).map(name => {
  const values = all(name);
  return `| ${name} | ${duration(median(name))} | ${duration(values[0] ?? 0)} … ${duration(values.at(-1) ?? 0)} |`;
});

/** @type {[of: string, to: string][]} */
const RATIOS = [
  ['getDumpable()', 'prctl(PR_GET_DUMPABLE), C loop'],
  ['getDumpable()', 'prctl, called by koffi'],
  ['access check, native binding', 'access check, C loop'],
  ['access check by pidfd_getfd, C loop', 'access check, C loop'],
  ["probeSync(pid): 'access'", 'access check, native binding'],
  ['access check and /proc/PID/status, C loop', 'access check, C loop'],
  ["probeSync(pid): 'access'", 'access check and /proc/PID/status, C loop'],
  ['seize, C loop', 'access check, C loop'],
  ['seize, native binding', 'access check, native binding'],
  ["probeSync(pid): 'seize'", "probeSync(pid): 'access'"],
  ['explain(pid)', "probeSync(pid): 'access'"],
  ['explain(pid), the first call in a process', 'node -e 0'],
  ['denyTracing({ verify: false }), the first call in a process', 'node -e 0'],
  ['tracegate explain PID', 'node -e 0'],
  ['gdb -batch -p', 'tracegate explain PID'],
  ['strace -p', "probeSync(pid): 'access'"],
  ['gdb -batch -p', "probeSync(pid): 'access'"],
  ['gdb -batch -p', 'access check, native binding'],
];

const page = `# Benchmarks

Written by \`npm run bench\` (scripts/bench/main.mjs). Each round runs all calls and commands of the table, one after the other.
The first round is not counted, and ${ROUNDS} are. The target is an idle Node process.

The times depend on the machine: ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}. The ratios depend on it less.

| call or command | median | smallest … largest |
|---|---|---|
${times.join('\n')}

| call or command | compared with | takes … times as long |
|---|---|---|
${RATIOS.map(([of, to]) => `| ${of} | ${to} | ${ratio(of, to)} |`).join('\n')}

- A *C loop* is a C++ program that makes the same system calls and nothing else. *native binding* is the call of the addon from
  JavaScript, without the library around it. koffi is a package that calls C functions from JavaScript.
- The *access check* is the question to the kernel alone, by process_vm_readv. \`probeSync\` also identifies the target and its
  tracer. For that, \`probeSync\` opens /proc/PID/status before the question, and reads the file after it. This takes most of the
  time, and no other source names a tracer. \`probeSync\` reads /proc/PID/stat only once for each target.
- \`strace -p\` and \`gdb -batch -p\` are measured from their start to their end, with an attach in between.
`;
writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'benchmarks.md'), page);
console.log(page);
