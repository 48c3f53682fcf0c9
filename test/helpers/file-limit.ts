// No test has a limit of its own: such a limit measures the machine. A file that hangs is ended as a whole, after a time
// that no slow machine reaches, also when its JavaScript is stuck in a synchronous call: the timer runs on another thread.

import { Worker } from 'node:worker_threads';
import { afterAll, beforeEach, expect } from 'vitest';
import { isNightly } from './tier.js';

const MINUTES = isNightly ? 120 : 25;

const watchdog = new Worker(
  `const { parentPort, workerData } = require('node:worker_threads');
   let test = 'no test';
   parentPort.on('message', name => { test = name; });
   setTimeout(() => {
     require('node:fs').writeSync(2, \`\${workerData.file}: not done after \${workerData.minutes} minutes, in '\${test}'\\n\`);
     process.kill(process.pid, 'SIGKILL');
   }, workerData.minutes * 60_000);`,
  { eval: true, stderr: false, workerData: { file: expect.getState().testPath, minutes: MINUTES } },
);
watchdog.unref();
beforeEach(({ task }) => watchdog.postMessage(task.name));
afterAll(() => watchdog.terminate());
