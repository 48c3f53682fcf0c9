// @ts-check
// No test has a limit of its own: such a limit measures the machine. A file that hangs is ended as a whole, after a
// time that no slow machine reaches, with a list of the running tests. The timer runs on another thread, so it also
// works if JavaScript is stuck in a synchronous call.
import { Worker } from 'node:worker_threads';

const MINUTES = process.env.TRACEGATE_TIER === 'nightly' ? 120 : 25;

const TIMER = `
  const { execFileSync } = require('node:child_process');
  const { writeSync } = require('node:fs');
  const { parentPort, workerData: { file, minutes } } = require('node:worker_threads');
  let test = 'no test';
  parentPort.on('message', name => { test = name; });
  setTimeout(() => {
    writeSync(2, \`\${file}: not done after \${minutes} minutes, in '\${test}'\\n\`);
    try {
      execFileSync('ps', ['--ppid', '2', '--deselect', '-o', 'pid,ppid,uid,stat,etimes,wchan:24,args'], { stdio: ['ignore', 2, 2] });
    } finally {
      process.kill(process.pid, 'SIGKILL');
    }
  }, minutes * 60_000);`;

/** @param {string} file which is ended with this process, unless `end()` comes before */
export function watch(file) {
  const worker = new Worker(TIMER, { eval: true, stderr: false, workerData: { file, minutes: MINUTES } });
  worker.unref();
  return {
    /** @param {string} test */
    enter: test => worker.postMessage(test),
    end: () => worker.terminate(),
  };
}
