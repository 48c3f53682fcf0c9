import { connect } from 'node:net';
import { INSPECTOR_REFUSAL, serversOfThread } from '../kernel/node-internals.js';
import { type Listener, ownListeners } from './own-listeners.js';

/** Milliseconds. An inspector has a thread of its own, so it answers while the other threads are busy. */
const PATIENCE = 1000;

/** A HEAD request, which changes nothing in an app. An inspector refuses the request. */
const QUESTION = 'HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

/** Characters of an answer to wait for; an inspector's answer is shorter. */
const LONGEST = 512;

/** The kinds of answer. `none`: the connection was refused, since nobody listens there any more. */
type Said = 'inspector' | 'something else' | 'nothing' | 'none';

function ask({ host, port }: Listener): Promise<Said> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PATIENCE });
    let heard = '';
    const end = (said: Said) => {
      socket.destroy();
      resolve(said);
    };
    const judge = () =>
      end(heard === '' ? 'nothing' : heard.includes(INSPECTOR_REFUSAL) ? 'inspector' : 'something else');
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(QUESTION));
    socket.on('data', text => {
      heard += text;
      if (heard.length >= LONGEST) judge();
    });
    socket.on('timeout', judge);
    socket.on('close', judge);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_ACCESS_DENIED') reject(error);
      else if (error.code === 'ECONNREFUSED') end('none');
      else judge();
    });
  });
}

function portsOfThread(): Set<number> {
  const addresses = serversOfThread().map(server => server.address());
  return new Set(
    addresses.flatMap(address => (typeof address === 'object' && address !== null ? [address.port] : [])),
  );
}

export interface Listening {
  inspectors: Listener[];
  /** Listeners that gave no answer. */
  silent: Listener[];
}

/**
 * Finds the inspectors of all threads of this process. Each listening socket of another thread gets one HEAD request, also
 * if it belongs to a server of the app. A listener that doesn't answer is reported as `silent`.
 */
export async function listeningInspectors(): Promise<Listening> {
  const own = portsOfThread();
  const listeners = ownListeners().filter(({ port }) => !own.has(port));
  const said = await Promise.all(listeners.map(ask));
  const those = (what: Said) => listeners.filter((_, at) => said[at] === what);
  return { inspectors: those('inspector'), silent: those('nothing') };
}
