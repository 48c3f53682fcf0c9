// @ts-check
// node scripts/bench/scan.mjs [--count 5000] [--threads 1] [--rounds 9] [--write]: compares a look at thousands of processes with
// a C program that reads the same files, and with ps. Each process has so many threads. The contenders take turns in
// each round, so that a slow spell of the machine meets all of them.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { observe } from '../../build/modules/kernel/host.js';
import { quantile, report } from './figures.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '9' },
    write: { type: 'boolean' },
  },
});
const HOST = new URL('../../build/modules/kernel/host.js', import.meta.url).href;
const UIDS = process.getuid?.() === 0 ? ['0', '1000', '1001', '65534'] : [];

const directory = mkdtempSync(join(tmpdir(), 'tracegate-bench-'));
const program = join(directory, 'scan');
execFileSync('cc', [
  ...['-O2', '-static', '-D_GNU_SOURCE', '-o', program],
  join(import.meta.dirname, 'scan.c'),
]);
const sleepers = spawn(program, ['sleepers', values.count, values.threads, ...UIDS], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
await once(sleepers.stdout, 'data');

// A Node that has it reads certificates before it does anything else, for longer than its own start takes.
delete process.env.NODE_EXTRA_CA_CERTS;

/** @typedef {() => number} Contender milliseconds of one look */

/** @param {() => unknown} call @returns {Contender} */
const timed = call => () => {
  const start = process.hrtime.bigint();
  call();
  return Number(process.hrtime.bigint() - start) / 1e6;
};

/** The first call of a process, by its own clock. @param {string} name @returns {Contender} */
const first = name => () =>
  Number(
    execFileSync(process.execPath, ['--input-type=module', '-e', firstCall(name)], { encoding: 'utf8' }),
  );

/** @param {string} name */
const firstCall = name => `
  const { ${name} } = await import(${JSON.stringify(HOST)});
  const start = process.hrtime.bigint();
  ${name}();
  console.log(Number(process.hrtime.bigint() - start) / 1e6);`;

/** @param {string} name @returns {Contender} */
const whole = name =>
  timed(() =>
    execFileSync(process.execPath, [
      ...['--input-type=module', '-e'],
      `(await import(${JSON.stringify(HOST)})).${name}()`,
    ]),
  );

const inC = () => Number(execFileSync(program, ['read'], { encoding: 'utf8' }).split(' ')[1]) / 1e6;
const ps = timed(() =>
  execFileSync('ps', ['-e', '-o', 'pid,ppid,user,label,args'], { maxBuffer: 2 ** 28, stdio: 'pipe' }),
);

/** @type {Record<string, Contender>} */
const CONTENDERS = {
  'the same files in C': inC,
  'observe(), first call': first('observe'),
  'observe(), warm': timed(observe),
  "observe() with node's start": whole('observe'),
  'ps -e -o pid,ppid,user,label,args': ps,
};

/** @type {Record<string, number[]>} */
const taken = Object.fromEntries(Object.keys(CONTENDERS).map(name => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, contender] of Object.entries(CONTENDERS)) taken[name]?.push(contender());
}

const [ofC = [], ...rest] = Object.values(taken);
const ofPs = rest.at(-1) ?? [];
report(
  'scan',
  Object.values(taken).map(times => [
    quantile(times, 0.5).toFixed(0),
    quantile(
      times.map((time, round) => time / (ofC[round] ?? Number.NaN)),
      0.5,
    ).toFixed(2),
    quantile(
      times.map((time, round) => (ofPs[round] ?? Number.NaN) / time),
      0.5,
    ).toFixed(2),
  ]),
);

const ended = once(sleepers, 'close');
sleepers.stdin.end();
await ended;
rmSync(directory, { recursive: true });
