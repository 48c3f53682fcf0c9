import { connect, Server } from 'node:net';
import { type Listener, ownListeners } from './own-listeners.js';

/** Milliseconds. An inspector answers from a thread of its own, also while all others compute. */
const PATIENCE = 1000;

/**
 * Nothing in an app is changed by it, and an inspector refuses it, whatever `--inspect-publish-uid` says.
 *
 * Node: src/inspector_socket.cc, HttpHandler::CancelHandshake()
 */
const QUESTION = 'HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
const ANSWER = 'WebSockets request was expected';

/** Of an inspector's answer, amply. */
const LONGEST = 512;

/** None: there is nobody any more. */
type Said = 'inspector' | 'something else' | 'nothing' | 'none';

function ask({ host, port }: Listener): Promise<Said> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: PATIENCE });
    let heard = '';
    const end = (said: Said) => {
      socket.destroy();
      resolve(said);
    };
    const judge = () =>
      end(heard === '' ? 'nothing' : heard.includes(ANSWER) ? 'inspector' : 'something else');
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(QUESTION));
    socket.on('data', text => {
      heard += text;
      if (heard.length >= LONGEST) judge();
    });
    socket.on('timeout', judge);
    socket.on('close', judge);
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      code === 'ECONNREFUSED' ? end('none') : judge(),
    );
  });
}

/** Servers of this thread, which are no inspectors: those are not made in JavaScript. */
function portsOfThread(): Set<number> {
  const { _getActiveHandles: handles } = process as { _getActiveHandles?: () => unknown[] };
  const servers = handles?.call(process).filter(handle => handle instanceof Server) ?? [];
  const addresses = servers.map(server => server.address());
  return new Set(addresses.flatMap(address => (address instanceof Object ? [address.port] : [])));
}

export interface Listening {
  inspectors: Listener[];
  /** Those that said nothing about themselves. */
  silent: Listener[];
}

/**
 * The inspectors of this process, whichever thread opened them: each socket at which another thread of it listens is asked.
 * What is no inspector gets one HEAD request, and is taken for one only if it doesn't answer.
 */
export async function listeningInspectors(): Promise<Listening> {
  const own = portsOfThread();
  const listeners = ownListeners().filter(({ port }) => !own.has(port));
  const said = await Promise.all(listeners.map(ask));
  const those = (what: Said) => listeners.filter((_, at) => said[at] === what);
  return { inspectors: those('inspector'), silent: those('nothing') };
}
