import { isMainThread } from 'node:worker_threads';
import { type Channel, closed, failed } from './channel.js';

const OPTION = /--heapsnapshot-signal[= ](SIG[A-Z0-9]+)/;

/** What Node was told to write a heap snapshot at, on its command line or in NODE_OPTIONS. */
function snapshotSignal(): NodeJS.Signals | null {
  const words = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  return (OPTION.exec(words)?.[1] as NodeJS.Signals | undefined) ?? null;
}

function ignore(): void {}

/**
 * `--heapsnapshot-signal`: at a signal, which every process of this uid may send, Node writes all strings of its heap to a
 * file of this uid. Its listener is taken away, and the signal then does nothing.
 *
 * Node: lib/internal/process/pre_execution.js, initializeHeapSnapshotSignalHandlers()
 */
export const heapSnapshots: Channel = {
  name: 'heap-snapshots',
  close() {
    const signal = snapshotSignal();
    if (signal === null) return closed('nothing');
    if (!isMainThread) {
      return failed(
        `${signal} makes Node write a heap snapshot, and its listener is the main thread's`,
        'call denyTracing() in the main thread, or start Node without --heapsnapshot-signal',
      );
    }
    const isNodes = (listener: (...args: never[]) => unknown) => listener.name === 'doWriteHeapSnapshot';
    const found = process.listeners(signal).filter(isNodes);
    process.on(signal, ignore);
    for (const listener of found) process.removeListener(signal, listener);
    const undo = () => {
      for (const listener of found) process.on(signal, listener);
      process.removeListener(signal, ignore);
    };
    return closed(undo, [`${signal} does not write a heap snapshot`]);
  },
};
