// Two workers serve one port; one is killed and replaced.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { untilTold } from './until-told.mjs';

if (cluster.isPrimary) {
  const fork = async () => {
    const worker = cluster.fork({ ROLE: 'worker' });
    const [address] = await once(worker, 'listening');
    return { worker, port: address.port };
  };
  const first = await fork();
  await fork();
  const ask = async () => (await fetch(`http://127.0.0.1:${first.port}/`)).text();
  const answers = new Set();
  for (let i = 0; i < 20; i++) answers.add(await ask());
  console.log('answers', ...[...answers].sort());
  first.worker.process.kill('SIGKILL');
  const [code, signal] = await once(first.worker, 'exit');
  console.log('killed', code, signal);
  await fork();
  answers.clear();
  for (let i = 0; i < 20; i++) answers.add(await ask());
  console.log('answers', ...[...answers].sort());
  await new Promise(resolve => cluster.disconnect(resolve));
  console.log('left', Object.keys(cluster.workers).length);
  await untilTold();
} else {
  createServer((_, response) => {
    response.setHeader('connection', 'close');
    response.end(`${process.env.ROLE} ${cluster.worker.id}`);
  }).listen(0, '127.0.0.1');
}
