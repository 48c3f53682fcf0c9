import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { writesHeapSnapshot } from '../kernel/node-internals.js';
import { type Channel, type Closing, closed, failed } from './channel.js';
import { openingStartOptions, startOptions } from './start-options.js';

const OPTION = /--heapsnapshot[-_]signal[= ](SIG[A-Z0-9]+)/g;

/** The signals in `--heapsnapshot-signal` options of the start; Node obeys the last one. */
const askedFor = (): NodeJS.Signals[] =>
  [...startOptions.join(' ').matchAll(OPTION)].map(([, signal]) => signal as NodeJS.Signals);

const isSignal = (name: string | symbol): name is NodeJS.Signals =>
  typeof name === 'string' && name.startsWith('SIG');

/** The signals for which Node's own listener is installed, also when the option came from a file. */
const listenedTo = () =>
  process
    .eventNames()
    .filter(isSignal)
    .filter(signal => process.listeners(signal).some(writesHeapSnapshot));

/** An environment data key: a worker inherits its value, which says that the main thread has closed the signal. */
const CLOSED_IN_MAIN = 'tracegate: heap snapshots are closed';

/** Another copy of this package recognizes this listener by its name. */
function tracegateIgnoresIt(): void {}

/** Replaces Node's listeners of that signal. @returns a function that restores them */
function silence(signal: NodeJS.Signals): () => void {
  const found = process.listeners(signal).filter(writesHeapSnapshot);
  process.on(signal, tracegateIgnoresIt);
  for (const listener of found) process.removeListener(signal, listener);
  return () => {
    for (const listener of found) process.on(signal, listener);
    process.removeListener(signal, tracegateIgnoresIt);
  };
}

/** `--heapsnapshot-near-heap-limit` and `--heap-snapshot-on-gc` need no signal, and a program can't turn them off. */
const withoutSignal = () =>
  openingStartOptions('heap-snapshots').filter(({ word }) => !/^--heapsnapshot[-_]signal/.test(word));

const isIgnored = (signal: NodeJS.Signals) =>
  process.listeners(signal).some(({ name }) => name === tracegateIgnoresIt.name);

function closeSignal(): Closing {
  const asked = askedFor();
  if (!isMainThread) {
    if (asked.length === 0 || getEnvironmentData(CLOSED_IN_MAIN)) return closed('nothing');
    return failed(
      `${asked.at(-1)} makes Node write a heap snapshot, and its listener is the main thread's`,
      'call denyTracing() in the main thread, or start Node without --heapsnapshot-signal',
    );
  }
  const signals = listenedTo();
  if (signals.length === 0) {
    const isClosed = asked.length === 0 || asked.some(isIgnored);
    if (isClosed) return closed('nothing');
    return failed(
      `Node was told to write a heap snapshot at ${asked.at(-1)}, and its listener is not found`,
      'start Node without --heapsnapshot-signal',
    );
  }
  setEnvironmentData(CLOSED_IN_MAIN, true);
  const undoings = signals.map(silence);
  const undo = () => {
    setEnvironmentData(CLOSED_IN_MAIN, undefined);
    for (const bringBack of undoings) bringBack();
  };
  return closed(undo, [`${signals.join(', ')} does not write a heap snapshot`]);
}

/**
 * `--heapsnapshot-signal`: at that signal Node writes all strings of its heap to a file of this uid. Every process of this
 * uid may send the signal. The channel removes Node's listener, and the signal then does nothing.
 */
export const heapSnapshots: Channel = {
  name: 'heap-snapshots',
  close() {
    const bySignal = closeSignal();
    const [other] = withoutSignal();
    if (other === undefined || bySignal.state === 'open') return bySignal;
    return {
      ...failed(`${other.word} ${other.does}`, `start Node without ${other.word}`),
      undo: bySignal.undo,
    };
  },
};
