import inspector from 'node:inspector';
import { constants } from 'node:os';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { errnoName } from '../errors.js';
import { native } from '../kernel/native.js';
import {
  INSPECTOR_EVENT,
  isBun,
  isDeno,
  replacesSignalHandler,
  saysInspectorOpens,
} from '../kernel/node-internals.js';
import { type Channel, type Closing, closed, failed, openByNature, type Undo } from './channel.js';
import { listeningInspectors } from './listening-inspectors.js';
import type { Listener } from './own-listeners.js';
import { signalIsOver } from './signal-threads.js';
import { openingStartOptions } from './start-options.js';

const { SIGUSR1 } = constants.signals;
const IGNORED = 1;

/** Replaces Node's own SIGUSR1 handler, which opens the inspector. */
function ignore(): void {}

/**
 * Closes the inspector at once when Node opens it.
 *
 * The case is a SIGUSR1 that arrived before the channel was closed. Node opens the inspector at an interrupt of JavaScript,
 * and if the inspector is closed by then, a second time at an event of the loop.
 *
 * Node: src/inspector_agent.cc, RequestIoThreadStart()
 */
function closeAgain(message: { cmd?: string } | null): void {
  if (saysInspectorOpens(message)) inspector.close();
}

/** What has opened Bun's inspector: node:inspector of Bun neither names nor closes that inspector. */
function bunInspector(): string | null {
  const variable = Object.keys(process.env).find(name => name.startsWith('BUN_INSPECT'));
  return openingStartOptions('inspector')[0]?.word ?? variable ?? null;
}

/** An environment data key: a worker inherits its value, which says that the main thread has closed SIGUSR1. */
const CLOSED_IN_MAIN = 'tracegate: SIGUSR1 is closed';

function closeSignal(): Undo | { failure: string } {
  if (!isMainThread && getEnvironmentData(CLOSED_IN_MAIN)) return 'nothing';
  if (replacesSignalHandler()) {
    setEnvironmentData(CLOSED_IN_MAIN, true);
    // The app's own listeners stay. While ignore() is there, removing those listeners doesn't make the signal fatal.
    if (!process.listeners('SIGUSR1').includes(ignore)) process.on('SIGUSR1', ignore);
    if (!process.listeners(INSPECTOR_EVENT as never).includes(closeAgain as never))
      process.on(INSPECTOR_EVENT, closeAgain);
    return () => {
      process.removeListener(INSPECTOR_EVENT, closeAgain);
      setEnvironmentData(CLOSED_IN_MAIN, undefined);
      process.removeListener('SIGUSR1', ignore);
    };
  }
  // Deno installs its handler some time after its start. A listener makes Deno install the handler now.
  if (isDeno && isMainThread) process.on('SIGUSR1', ignore);
  // No listener of this thread replaces the handler, so the kernel is told to ignore SIGUSR1. Listeners of the main thread
  // then get no SIGUSR1 either. Node's handler can't be restored from here.
  const result = native().setDisposition(SIGUSR1, IGNORED);
  return result < 0 ? { failure: `sigaction(SIGUSR1): ${errnoName(result)}` } : 'impossible';
}

const STILL_OPEN = failed('the inspector is open and would not close', 'start Node without --inspect');

const named = (listeners: readonly Listener[]) =>
  listeners
    .map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`))
    .join(', ');

/** Looks for the inspector of another thread, which only that thread can close. */
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
 * Waits until Node has handled every SIGUSR1 that arrived earlier, and closes the inspector again. The result says why the
 * inspector is still open; null if it is closed. A worker skips the inspectors of other threads if the main thread has
 * closed this channel already.
 */
export async function lateOpening(): Promise<Closing | null> {
  await signalIsOver(SIGUSR1);
  inspector.close();
  if (inspector.url() !== undefined) return STILL_OPEN;
  return !isMainThread && getEnvironmentData(CLOSED_IN_MAIN) ? null : openElsewhere();
}

/**
 * At a SIGUSR1 Node opens its inspector to every uid of the machine. Every process of this uid may send the signal, whatever
 * dumpable and ptrace_scope are. The channel closes first the signal, then an inspector that is already open.
 *
 * The undo leaves SIGUSR1 at its default action, which ends the process. The inspector stays closed.
 *
 * Node: src/inspector_agent.cc, StartIoThreadWakeup(); nodejs.org/api/process.html#signal-events
 *
 * @see `--disable-sigusr1` (22.14, 23.7), which closes it from the start
 */
export const inspectorChannel: Channel = {
  name: 'inspector',
  close(): Closing {
    const opening = isBun ? bunInspector() : null;
    if (opening !== null)
      return failed(
        `${opening} opens Bun's inspector, which a program can't close`,
        `start Bun without ${opening}`,
      );
    const undo = closeSignal();
    if (typeof undo === 'object') return failed(undo.failure, 'call denyTracing() in the main thread');
    inspector.close();
    if (inspector.url() !== undefined) return STILL_OPEN;
    const isIgnored =
      undo === 'impossible' ? ['SIGUSR1 is ignored: the main thread no longer receives it'] : [];
    return closed(undo, [
      replacesSignalHandler()
        ? 'neither SIGUSR1 nor inspector.open() starts the inspector: allowTracing() first'
        : 'SIGUSR1 does not start the inspector',
      ...isIgnored,
    ]);
  },
};
