import { readdirSync } from 'node:fs';
import { textOf } from '../kernel/proc-files.js';
import { statusLine } from '../kernel/proc-status.js';

/** The longest wait. A thread that has nothing to do with the signal may also block it, and compute for long. */
const LIMIT_MS = 100;

/**
 * True if a thread that blocks this signal is running. Node's handler blocks all signals, and so does the thread that the
 * handler wakes to open the inspector. That thread sleeps again after it has opened the inspector.
 *
 * Node: src/inspector_agent.cc, StartDebugSignalHandler(); src/node.cc, RegisterSignalHandler()
 */
function isUnderWay(signal: number): boolean {
  const bit = 1n << BigInt(signal - 1);
  return readdirSync('/proc/self/task').some(tid => {
    // An empty text: the thread has ended.
    const status = textOf(`/proc/self/task/${tid}/status`) ?? '';
    if (!statusLine(status, 'State')?.startsWith('R')) return false;
    return (BigInt(`0x${statusLine(status, 'SigBlk') ?? '0'}`) & bit) !== 0n;
  });
}

const turn = () => new Promise(resolve => setImmediate(resolve));

/** Waits until Node has handled earlier signals, including the events that Node queued in the loop for them. */
export async function signalIsOver(signal: number): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  for (let quiet = 0; quiet < 2 && performance.now() < limit; ) {
    quiet = isUnderWay(signal) ? 0 : quiet + 1;
    await turn();
  }
  await turn();
}
