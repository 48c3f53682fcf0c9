import inspector from 'node:inspector';
import { constants } from 'node:os';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { errnoName } from '../errors.js';
import { native } from '../kernel/native.js';
import { type Channel, type Closing, closed, failed, openByNature, type Undo } from './channel.js';
import { listeningInspectors } from './listening-inspectors.js';
import type { Listener } from './own-listeners.js';
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

const STILL_OPEN = failed('the inspector is open and would not close', 'start Node without --inspect');

const named = (listeners: readonly Listener[]) =>
  listeners
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
    .join(', ');

/** Only the thread that opened it can close it. */
async function openElsewhere(): Promise<Closing | null> {
  const { inspectors, silent } = await listeningInspectors();
  if (inspectors.length > 0) {
    return failed(
      `the inspector of another thread listens at ${named(inspectors)}`,
      isMainThread
        ? 'call denyTracing() or inspector.close() in that worker'
        : 'call denyTracing() in the main thread, or inspector.close() in the thread that opened it',
    );
  }
  if (silent.length === 0) return null;
  return openByNature(
    `another thread listens at ${named(silent)}, and whether that is an inspector could not be found out`,
    'call denyTracing() before that thread listens, or in it as well',
  );
}

/**
 * Waits until Node has done what an earlier SIGUSR1 told it to do. Answers how the inspector is open after that, or null. A
 * worker doesn't look for the inspectors of other threads where the main thread has done so and has closed its own.
 */
export async function lateOpening(): Promise<Closing | null> {
  await signalIsOver(SIGUSR1);
  inspector.close();
  if (inspector.url() !== undefined) return STILL_OPEN;
  return !isMainThread && getEnvironmentData(CLOSED_IN_MAIN) ? null : openElsewhere();
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
