/// <reference lib="esnext.disposable" preserve="true" />
import { createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { native } from '../kernel/native.js';
import { descriptorOf } from '../kernel/node-internals.js';
import { readProcStatus } from '../kernel/proc-status.js';
import { factsOf } from '../kernel/read-process-facts.js';
import { type DebuggerGrant, planGrant } from './allow-debugger.js';
import {
  checkedGrantOptions,
  type GrantEvent,
  type GrantRequest,
  type ServeGrantsOptions,
} from './grant-options.js';
import {
  encode,
  type GrantRecord,
  LONGEST_LINE,
  type OperatorRequest,
  parseRequest,
  type Reply,
} from './grant-protocol.js';
import { keepSocket, listenPrivately } from './grant-socket.js';
import { within } from './within.js';

/** A server of grants. `await using` closes it with its block. */
export interface GrantServer extends AsyncDisposable {
  /** The path of the socket. */
  path: string;
  /** Revokes open grants, closes all connections and removes the socket. */
  close(): Promise<void>;
}

const { ENOPROTOOPT } = constants.errno;

const refusal = (message: string) => new TracegateError('ERR_TRACEGATE_GRANT_REFUSED', message);
const misuse = (message: string) => new TracegateError('ERR_TRACEGATE_GRANT_PROTOCOL', message);

type Settings = Required<Omit<ServeGrantsOptions, 'path' | 'allow' | 'authorize'>> &
  Pick<ServeGrantsOptions, 'allow' | 'authorize'>;

function requesterOf(socket: Socket): GrantRequest['requester'] {
  const descriptor = descriptorOf(socket);
  const peer = native().peerCredentials(descriptor);
  if (typeof peer === 'number') throw misuse('the kernel does not tell which process asks');
  const [pid, uid, gid] = peer;
  const seen = pid > 0 ? readProcStatus(pid) : null;
  // If the peer still runs, no other process can have had its pid, so `comm` is the peer's. Before Linux 6.5 the kernel
  // can't say whether the peer still runs (ENOPROTOOPT), and `comm` is taken as it is.
  const isSeen = seen?.state === 'seen' && [0, -ENOPROTOOPT].includes(native().peerHasEnded(descriptor));
  return { pid, uid, gid, comm: isSeen ? seen.facts.comm : null };
}

/** Reads the first line and ignores the rest. The promise rejects if the line is too long, too late or has no end. */
function lineOf(socket: Socket, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const timer = setTimeout(() => reject(misuse(`nothing was asked in ${timeout} ms`)), timeout).unref();
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk]).subarray(0, LONGEST_LINE + 1);
      const end = bytes.indexOf('\n');
      if (end >= 0) settle(() => resolve(bytes.toString('utf8', 0, end)));
      else if (bytes.length > LONGEST_LINE)
        settle(() => reject(misuse(`a request has at most ${LONGEST_LINE} bytes`)));
    });
    socket.once('close', () => settle(() => reject(misuse('the client closed the connection'))));
  });
}

class CutOff extends Error {}

/** The error for a function of the app (`log` or `authorize`) that doesn't settle in time. */
const cutOff = (who: string, limit: number) => () => new CutOff(`${who} took more than ${limit} ms`);

class Grants {
  readonly #settings: Settings;
  readonly #open = new Map<DebuggerGrant, GrantRecord>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async serve(socket: Socket): Promise<void> {
    const reply = (message: Reply) => void (socket.writable && socket.write(encode(message)));
    const requester = requesterOf(socket);
    try {
      const line = await lineOf(socket, this.#settings.timeout);
      const request = parseRequest(line);
      if (typeof request === 'string') throw misuse(request);
      await this.#log({ requester, event: 'request', request });
      await this.#authorize({ ...request, requester });
      if (socket.destroyed) throw misuse('the client closed the connection');
      if (request.request === 'list') reply({ grants: this.#now(), pid: process.pid });
      else if (request.request === 'revoke') reply({ revoked: this.revokeAll() });
      else await this.#grant(request, requester, socket, reply);
    } catch (error) {
      if (!isError(error)) throw error;
      const code =
        'code' in error && typeof error.code === 'string' ? error.code : 'ERR_TRACEGATE_GRANT_REFUSED';
      reply({ refused: { code, message: error.message } });
      // If the log fails here too, nothing is lost: the request has had no effect.
      await this.#log({ requester, event: 'refused', code, message: error.message }).catch(() => {});
    }
    // Ends the connection also if the client keeps its end open.
    socket.destroySoon();
  }

  /** The open grants. A debugger that has executed another program has that one's name. */
  #now(): GrantRecord[] {
    return [...this.#open.values()].map(record => {
      if (record.debugger === 'any') return record;
      const comm = factsOf(record.debugger.pid)?.comm ?? record.debugger.comm;
      return { ...record, debugger: { ...record.debugger, comm } };
    });
  }

  revokeAll(): number {
    const count = this.#open.size;
    for (const grant of this.#open.keys()) grant.revoke();
    return count;
  }

  async #log(event: GrantEventBody): Promise<void> {
    try {
      const { log, timeout } = this.#settings;
      const logged = log({ time: new Date().toISOString(), ...event });
      await within(logged, timeout, cutOff('the log', timeout));
    } catch (error) {
      throw refusal(`the log failed: ${isError(error) ? error.message : error}`);
    }
  }

  async #authorize(request: GrantRequest): Promise<void> {
    const { allow, authorize, maxTtl } = this.#settings;
    const { uid, gid } = request.requester;
    const isNamed = allow === undefined || allow.uids?.includes(uid) || allow.gids?.includes(gid);
    if (!isNamed) throw refusal(`uid ${uid}, gid ${gid} may not ask`);
    if (request.request === 'grant' && request.ttl > maxTtl)
      throw refusal(`ttl ${request.ttl} is more than the ${maxTtl} ms that are granted at most`);
    if (authorize === undefined) return;
    let answer: unknown;
    try {
      answer = await within(authorize(request), maxTtl, cutOff('the hook', maxTtl));
    } catch (error) {
      // The message of an app's error may be confidential, so the operator doesn't get it.
      const why = error instanceof CutOff ? error.message : 'the hook failed';
      throw refusal(`it was not authorized: ${why}`);
    }
    if (answer !== true) throw refusal('it was not authorized');
  }

  /** Opens a grant and waits for its end. The end of the connection revokes the grant. */
  async #grant(
    { debugger: pid, startTime, ttl, reason }: Extract<OperatorRequest, { request: 'grant' }>,
    requester: GrantRequest['requester'],
    socket: Socket,
    reply: (message: Reply) => void,
  ): Promise<void> {
    const { allowSameUid } = this.#settings;
    const plan = planGrant(pid, { ttl, allowSameUid, ...(startTime !== null && { startTime }) });
    const record: GrantRecord = {
      pid: process.pid,
      debugger: plan.debugger,
      requester: { pid: requester.pid, uid: requester.uid, gid: requester.gid },
      reason,
      effect: plan.effect,
      predicted: plan.predicted,
      expiresAt: plan.expiresAt?.toISOString() ?? null,
    };
    // The log comes before open(): if the log fails, the grant is never open.
    await this.#log({ requester, event: 'start', grant: record });
    if (socket.destroyed) throw misuse('the client closed the connection');
    const grant = plan.open();
    grant.unref();
    this.#open.set(grant, record);
    socket.once('close', grant.revoke);
    try {
      reply({ granted: record });
      const end = await grant.done;
      reply({ ended: end });
      await this.#log({ requester, event: 'end', grant: record, end });
    } finally {
      grant.revoke();
      this.#open.delete(grant);
    }
  }
}

type GrantEventBody = GrantEvent extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'time'>
    : never
  : never;

/**
 * Serves a Unix socket on which an operator asks for a grant for a debugger. The kernel identifies the operator (SO_PEERCRED),
 * and not the message. A grant ends at the latest with the operator's connection.
 *
 * The server doesn't keep the process running. A separate process removes the socket when this process ends, also by SIGKILL.
 *
 * Applies to: this process, as allowDebugger().
 *
 * Kernel: net/unix/af_unix.c, init_peercred(); net/core/sock.c, sk_getsockopt(); see {@link allowDebugger}
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_GRANT_SOCKET` if other users could create or replace the socket, or if its path is in use
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`; `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 * @see docs/debugger.md
 * @example
 * ```js
 * import { mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { serveGrants } from 'tracegate/debugger';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'app-')); // of mode 0700
 * const path = join(directory, 'grants.sock');
 * const server = await serveGrants({ path, allow: { uids: [process.getuid()] } });
 * console.log(server.path === path); // true
 * await server.close();
 * rmSync(directory, { recursive: true });
 * ```
 */
export async function serveGrants(options: ServeGrantsOptions): Promise<GrantServer> {
  const { path, connections = 32, timeout = 5_000, ...rest } = checkedGrantOptions(options);
  const grants = new Grants({
    maxTtl: 5 * 60_000,
    log: () => {},
    allowSameUid: false,
    ...rest,
    connections,
    timeout,
  });
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // 'close' follows
    void grants.serve(socket).catch(() => socket.destroy());
  });
  server.maxConnections = connections;
  let letKeeperGo: () => void;
  try {
    await listenPrivately(server, path);
    server.unref();
    letKeeperGo = await keepSocket(path);
  } catch (error) {
    // The caller gets no GrantServer to close, so the server is closed here.
    for (const socket of sockets) socket.destroy();
    server.close();
    throw error;
  }
  const close = async () => {
    grants.revokeAll();
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
    letKeeperGo();
  };
  return { path, close, [Symbol.asyncDispose]: close };
}
