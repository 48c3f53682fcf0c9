// tracegate/confine confines every thread of a Node: at once where Landlock can (Linux 7.0), and elsewhere by a second exec.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { confineReport } from '../channels/prove-confinement.js';
import { AS_USER, PUBLIC_DIST, privateDirectory, sleeper } from '../helpers/processes.js';
import { isStock } from './scope.js';

/** The version of Landlock's ABI that restricts all threads of a process. */
const THREADS_ABI = 8;

const APP = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { readFile } from 'node:fs/promises';
  import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
  const codeOf = async attempt => { try { await attempt(); return 'reached'; } catch (error) { return error.code; } };
  const outside = pid => Promise.all([
    codeOf(() => process.kill(pid, 0)),
    codeOf(() => readFileSync('/proc/' + pid + '/environ')),
    codeOf(() => readFile('/proc/' + pid + '/environ')),
  ]);
  if (isMainThread) {
    const pid = Number(process.argv[2]);
    const main = await outside(pid);
    new Worker(process.argv[1], { workerData: pid }).on('message', worker => {
      const threads = readdirSync('/proc/self/task').map(tid => readFileSync('/proc/self/task/' + tid + '/status', 'utf8'));
      const isAgain = readFileSync('/proc/self/environ', 'utf8').includes('TRACEGATE_CONFINED=');
      console.log(JSON.stringify({ main, worker, isAgain, free: threads.filter(text => !text.includes('NoNewPrivs:\\t1')).length }));
      process.exit();
    });
  } else {
    parentPort.on('message', () => {}); // the worker's threads stay to be looked at
    parentPort.postMessage(await outside(workerData));
  }
`;

/** What one thread finds outside: a signal, and the environment by itself and by a thread of libuv's pool. */
const closedTo = (signals: boolean) => [signals ? 'EPERM' : 'reached', 'EACCES', 'EACCES'];

if (isStock) {
  it('tracegate/confine closes the same to each thread', async () => {
    const { pid } = await sleeper(AS_USER);
    const app = join(privateDirectory(0o755), 'app.mjs');
    writeFileSync(app, APP);
    const run = (words: string[]) => {
      const { stdout, stderr } = spawnSync(process.execPath, [...words, app, `${pid}`], {
        ...AS_USER,
        encoding: 'utf8',
        env: { PATH: process.env.PATH },
      });
      return { ...JSON.parse(stdout), stderr };
    };
    expect(run([]).main).toEqual(['reached', 'reached', 'reached']);
    const { landlockAbi, closed } = confineReport();
    const expected = closedTo(closed.includes('signals'));
    expect(run(['--import', join(PUBLIC_DIST, 'confine.js')])).toEqual({
      main: expected,
      worker: expected,
      isAgain: landlockAbi! < THREADS_ABI,
      free: 0,
      stderr: closed.includes('signals')
        ? ''
        : expect.stringMatching(/^tracegate: --confine leaves open: signals, abstract-sockets: .+\n$/),
    });
  });
} else
  it('without Landlock tracegate/confine ends a Node before its first line', () => {
    const words = ['--import', join(PUBLIC_DIST, 'confine.js'), '-p', '"started"'];
    expect(spawnSync(process.execPath, words, { ...AS_USER, encoding: 'utf8' })).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining("--confine can't close tracing"),
    });
  });
