// child_process: fork with both serializations and a handle, exec, execFile, spawn with pipes, an AbortSignal, exit codes.
import { exec, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { untilTold } from './until-told.mjs';

if (process.argv[2] === 'child') {
  process.on('message', (message, handle) => {
    if (handle) handle.on('connection', socket => socket.end('by the child'));
    process.send({ echo: message, argv: process.argv.slice(2), dryness: process.env.DRYNESS });
  });
  process.on('disconnect', () => process.exit(5));
} else {
  for (const serialization of ['json', 'advanced']) {
    const env = { ...process.env, DRYNESS: 'brut' };
    const child = fork(import.meta.filename, ['child', 'two words'], { serialization, env });
    child.send({ list: [1, 2], date: new Date(0) });
    console.log(serialization, JSON.stringify((await once(child, 'message'))[0]));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    child.send('server', server);
    await once(child, 'message');
    server.close();
    console.log(await text(connect(port, '127.0.0.1')));
    child.disconnect();
    console.log('exit', ...(await once(child, 'exit')));
  }
  console.log(await promisify(exec)('echo "$0" | tr a-z A-Z'));
  console.log(await promisify(execFile)(process.execPath, ['-p', '6 * 7']));
  const cat = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
  cat.stdin.end('through a pipe\n');
  console.log(await text(cat.stdout));
  const abort = new AbortController();
  const sleeping = spawn('sleep', ['1000'], { signal: abort.signal });
  const failed = once(sleeping, 'error');
  abort.abort();
  console.log((await failed)[0].code, ...(await once(sleeping, 'exit')));
  await untilTold();
}
