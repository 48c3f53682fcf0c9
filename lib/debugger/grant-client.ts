import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { errnoName, TracegateError } from '../errors.js';
import { native } from '../kernel/native.js';
import { descriptorOf } from '../kernel/node-internals.js';
import { type Validator, validators } from '../schema-validators.js';
import { encode, type OperatorRequest, PROTOCOL_VERSION, type Reply } from './grant-protocol.js';
import { within } from './within.js';

/** A connection to an app's grant socket, with one request and its replies. The end of the connection ends the grant. */
export interface GrantConversation {
  /** The app's pid from the kernel (SO_PEERCRED), not from the app; null if our pid namespace doesn't have the app. */
  appPid: number | null;
  /** The next reply; null: the app hung up. */
  next(): Promise<Reply | null>;
  hangUp(): void;
}

const unusable = (path: string, why: string) =>
  new TracegateError('ERR_TRACEGATE_GRANT_SOCKET', `the grant socket ${JSON.stringify(path)}: ${why}`);

/** Checks a reply against its schema, since the process behind the socket may not be a tracegate app. */
async function parseReply(path: string, line: string): Promise<Reply> {
  const { isReply } = await validators<{ isReply: Validator<Reply> }>();
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    throw unusable(path, 'its reply is no JSON: is it the socket of another program?');
  }
  if (typeof said !== 'object' || said === null) throw unusable(path, 'its reply is no JSON object');
  const { version, ...reply } = said as { version?: unknown };
  if (version !== PROTOCOL_VERSION)
    throw unusable(path, `it speaks version ${JSON.stringify(version)}, and this is ${PROTOCOL_VERSION}`);
  if (isReply(reply)) return reply;
  // The validator reports a fault for each kind of reply. The deepest fault belongs to the kind that the app meant.
  const fault = isReply.errors?.reduce((one, other) =>
    other.instancePath.length > one.instancePath.length ? other : one,
  );
  throw unusable(
    path,
    `its reply is not one of schemas/grants.schema.json (${fault?.instancePath} ${fault?.message})`,
  );
}

/** Returns the pid of the process that called listen(). Kernel: net/unix/af_unix.c, SO_PEERCRED */
function whoServes(path: string, socket: Socket): number | null {
  const peer = native().peerCredentials(descriptorOf(socket));
  if (typeof peer === 'number')
    throw unusable(path, `the kernel does not tell which process serves it: ${errnoName(peer)}`);
  return peer[0] === 0 ? null : peer[0];
}

/**
 * Connects to a grant socket and sends a request.
 *
 * @throws TracegateError `ERR_TRACEGATE_GRANT_SOCKET` if nobody serves the socket, if we may not connect, or if a reply doesn't
 *   fit the protocol
 */
export async function ask(path: string, request: OperatorRequest): Promise<GrantConversation> {
  const socket = connect(path);
  await once(socket, 'connect').catch(error => {
    throw unusable(path, `${error.message} (is the app running, and are you its user, or root?)`);
  });
  socket.on('error', () => {}); // an error also ends the replies
  const appPid = whoServes(path, socket);
  socket.write(encode(request));
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    appPid,
    async next() {
      const { value, done } = await lines.next();
      return done ? null : parseReply(path, value);
    },
    hangUp: () => socket.destroy(),
  };
}

/** Milliseconds to wait for a reply; an app usually answers within one millisecond. */
const PATIENCE = 5_000;

/** Sends a request that needs no decision by a person, and returns the reply within a time limit. */
export async function askOnce(
  path: string,
  request: OperatorRequest,
): Promise<{ reply: Reply; appPid: number | null }> {
  const conversation = await ask(path, request);
  const late = () => unusable(path, `no reply in ${PATIENCE / 1000} s: is the app stopped, or busy?`);
  try {
    const reply = await within(conversation.next(), PATIENCE, late);
    if (reply === null) throw unusable(path, 'the app closed the connection without a reply');
    return { reply, appPid: conversation.appPid };
  } finally {
    conversation.hangUp();
  }
}
