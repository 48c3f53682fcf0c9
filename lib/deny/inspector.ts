import inspector from 'node:inspector';
import { constants } from 'node:os';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { errnoName } from '../errors.js';
import { native } from '../kernel/native.js';
import { type Channel, type Closing, closed, failed, type Undo } from './channel.js';
import { listensAt } from './listening-socket.js';
import { signalIsOver } from './signal-under-way.js';

const { SIGUSR1 } = constants.signals;
const IGNORED = 1;

/** What Node's own handler, which would open the inspector, is replaced by. */
function ignore(): void {}

/**
 * Node says it to the workers of a cluster, in the middle of opening its inspector; who listens closes it again at once.
 * A signal of before may be under way still: Node opens at an interrupt of JavaScript and then, where that was closed, once
 * more at an event of the loop.
 *
 * Node: src/inspector_agent.cc, RequestIoThreadStart(), NotifyClusterWorkersDebugEnabled()
 */
function closeAgain(message: { cmd?: string } | null): void {
  if (message?.cmd === 'NODE_DEBUG_ENABLED') inspector.close();
}

const OPENING = 'internalMessage';

/** By which a worker knows that the main thread has closed the signal: workers are born with these data. */
const CLOSED_IN_MAIN = 'tracegate: SIGUSR1 is closed';

/** `--inspect-port` and `--inspect-publish-uid` open nothing by themselves. */
const OPENS = /^--inspect(?![-_]p)/;

function closeSignal(): Undo | { failure: string } {
  if (!isMainThread && getEnvironmentData(CLOSED_IN_MAIN)) return 'nothing';
  if (isMainThread) {
    setEnvironmentData(CLOSED_IN_MAIN, true);
    // One's own listener stays beside it, and its removal doesn't make the signal fatal.
    if (!process.listeners('SIGUSR1').includes(ignore)) process.on('SIGUSR1', ignore);
    if (!process.listeners(OPENING as never).includes(closeAgain as never)) process.on(OPENING, closeAgain);
    return () => {
      process.removeListener(OPENING, closeAgain);
      setEnvironmentData(CLOSED_IN_MAIN, undefined);
      process.removeListener('SIGUSR1', ignore);
    };
  }
  // No signal reaches a worker's listeners; ignored, it reaches those of the main thread neither, if it has any. Node's
  // handler is one that we can't put back.
  const result = native().setDisposition(SIGUSR1, IGNORED);
  return result < 0 ? { failure: `sigaction(SIGUSR1): ${errnoName(result)}` } : 'impossible';
}

const OPEN_IN_MAIN = failed(
  'the inspector of the main thread is open, and a worker cannot close it',
  'call denyTracing() in the main thread, or start Node without --inspect and with --disable-sigusr1',
);
const STILL_OPEN = failed('the inspector is open and would not close', 'start Node without --inspect');

/**
 * As far as a worker sees: at the port that a signal opens it at. One that the main thread opened elsewhere is not told
 * from the app's own sockets.
 */
function isOpenInMain(): boolean {
  const isOpenedAtStart =
    !getEnvironmentData(CLOSED_IN_MAIN) && process.execArgv.some(word => OPENS.test(word));
  return isOpenedAtStart || listensAt(process.debugPort);
}

/** When what a signal of before had under way is over: how the inspector is open all the same, or null. */
export async function lateOpening(): Promise<Closing | null> {
  await signalIsOver(SIGUSR1);
  if (!isMainThread) return isOpenInMain() ? OPEN_IN_MAIN : null;
  inspector.close();
  return inspector.url() === undefined ? null : STILL_OPEN;
}

/**
 * Node opens its inspector to every uid of the machine at a SIGUSR1, which every process of this uid may send: no
 * dumpable and no ptrace_scope stands in the way. The signal first, then the inspector that may be open already.
 *
 * The undoing leaves the signal to its default, which ends the process, rather than open the inspector again.
 *
 * Node: src/inspector_agent.cc, StartIoThreadWakeup(); nodejs.org/api/process.html#signal-events
 *
 * @see `--disable-sigusr1` (22.14, 23.7), which closes it from the start
 */
export const inspectorChannel: Channel = {
  name: 'inspector',
  close(): Closing {
    const undo = closeSignal();
    if (typeof undo === 'object') return failed(undo.failure, 'call denyTracing() in the main thread');
    if (!isMainThread && isOpenInMain()) return OPEN_IN_MAIN;
    inspector.close();
    if (inspector.url() !== undefined) return STILL_OPEN;
    const isIgnored = undo === 'impossible' ? ['SIGUSR1 is ignored: the main thread hears it no more'] : [];
    return closed(undo, [
      isMainThread
        ? 'neither SIGUSR1 nor inspector.open() starts the inspector: allowTracing() first'
        : 'SIGUSR1 does not start the inspector',
      ...isIgnored,
    ]);
  },
};
