import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { TracegateError } from '../errors.js';
import { encode, PROTOCOL_VERSION, type Reply, type Request } from './grant-protocol.js';

/** A request on an app's grant socket, and its replies in their order; the end of the connection ends a grant. */
export interface GrantConversation {
  replies: AsyncIterable<Reply>;
  hangUp(): void;
}

const unusable = (path: string, why: string) =>
  new TracegateError('ERR_TRACEGATE_GRANT_SOCKET', `the grant socket ${JSON.stringify(path)}: ${why}`);

async function* repliesOf(path: string, socket: Socket): AsyncGenerator<Reply> {
  for await (const line of createInterface({ input: socket })) {
    const { version, ...reply } = JSON.parse(line) as { version: number } & Reply;
    if (version !== PROTOCOL_VERSION)
      throw unusable(path, `it speaks version ${version}, and this is ${PROTOCOL_VERSION}`);
    yield reply as Reply;
  }
}

/** @throws TracegateError `ERR_TRACEGATE_GRANT_SOCKET` if nobody serves it, or we may not connect */
export async function ask(path: string, request: Request): Promise<GrantConversation> {
  const socket = connect(path);
  await once(socket, 'connect').catch(error => {
    throw unusable(path, `${error.message} (is the app running, and are you its user, or root?)`);
  });
  socket.on('error', () => {}); // its end shows in the replies'
  socket.write(encode(request));
  return { replies: repliesOf(path, socket), hangUp: () => socket.destroy() };
}
