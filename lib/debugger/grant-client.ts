import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { TracegateError } from '../errors.js';
import { encode, PROTOCOL_VERSION, type Reply, type Request } from './grant-protocol.js';

/** A request on an app's grant socket, and its replies in their order; the end of the connection ends a grant. */
export interface GrantConversation {
  /** The next reply; null: the app hung up. */
  next(): Promise<Reply | null>;
  hangUp(): void;
}

const unusable = (path: string, why: string) =>
  new TracegateError('ERR_TRACEGATE_GRANT_SOCKET', `the grant socket ${JSON.stringify(path)}: ${why}`);

function parseReply(path: string, line: string): Reply {
  const { version, ...reply } = JSON.parse(line) as { version: number } & Reply;
  if (version !== PROTOCOL_VERSION)
    throw unusable(path, `it speaks version ${version}, and this is ${PROTOCOL_VERSION}`);
  return reply as Reply;
}

/** @throws TracegateError `ERR_TRACEGATE_GRANT_SOCKET` if nobody serves it, or we may not connect */
export async function ask(path: string, request: Request): Promise<GrantConversation> {
  const socket = connect(path);
  await once(socket, 'connect').catch(error => {
    throw unusable(path, `${error.message} (is the app running, and are you its user, or root?)`);
  });
  socket.on('error', () => {}); // its end shows in the replies'
  socket.write(encode(request));
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      return done ? null : parseReply(path, value);
    },
    hangUp: () => socket.destroy(),
  };
}
