// Workers with shared memory, a channel between them, an error, a termination, and an environment of their own.
import { once } from 'node:events';
import { isMainThread, MessageChannel, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { untilTold } from './until-told.mjs';

const start = workerData => new Worker(new URL(import.meta.url), { workerData });

async function main() {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const adders = Array.from({ length: 4 }, () => start({ task: 'add', shared }));
  await Promise.all(adders.map(worker => once(worker, 'exit')));
  console.log('sum', shared[0]);

  const { port1, port2 } = new MessageChannel();
  const [left, right] = ['left', 'right'].map(side => start({ task: 'talk', side }));
  left.postMessage(port1, [port1]);
  right.postMessage(port2, [port2]);
  console.log(...(await Promise.all([left, right].map(async worker => (await once(worker, 'message'))[0]))));

  const failing = start({ task: 'throw' });
  console.log('error', (await once(failing, 'error'))[0].message);
  const endless = start({ task: 'wait' });
  await once(endless, 'online');
  console.log('terminated', await endless.terminate());
  const environment = new Worker('require("worker_threads").parentPort.postMessage(process.env.ONLY)', {
    eval: true,
    env: { ONLY: 'this' },
  });
  console.log('environment', (await once(environment, 'message'))[0]);
  await untilTold();
}

async function work({ task, shared, side }) {
  if (task === 'add') for (let i = 0; i < 1000; i++) Atomics.add(shared, 0, 1);
  if (task === 'throw') throw new Error(`in a thread ${threadId > 0}`);
  if (task === 'wait') setInterval(() => {}, 1000);
  if (task === 'talk') {
    const [port] = await once(parentPort, 'message');
    port.postMessage(`from ${side}`);
    parentPort.postMessage((await once(port, 'message'))[0]);
    port.close();
  }
}

await (isMainThread ? main() : work(workerData));
