import { readdirSync, readFileSync } from 'node:fs';
import { isSystemError } from '../kernel/proc-files.js';
import { statusLine } from '../kernel/proc-status.js';

/** The longest wait. A thread that has nothing to do with the signal may also block it, and compute for long. */
const LIMIT_MS = 100;

/** The status of each thread of this process. */
const threads = () =>
  readdirSync('/proc/self/task').flatMap(tid => {
    try {
      return [readFileSync(`/proc/self/task/${tid}/status`, 'utf8')];
    } catch (error) {
      // The thread has ended.
      if (isSystemError(error) && ['ENOENT', 'ESRCH'].includes(error.code)) return [];
      throw error;
    }
  });

const blocks = (status: string, signal: number) =>
  (BigInt(`0x${statusLine(status, 'SigBlk') ?? '0'}`) & (1n << BigInt(signal - 1))) !== 0n;

/**
 * Whether every thread blocks this signal. The kernel then delivers the signal to none, whatever its handler is. Node blocks
 * SIGUSR1 under --disable-sigusr1, and under --permission without --allow-inspector. A new thread inherits the mask of the
 * thread that creates it.
 *
 * Kernel: kernel/signal.c, complete_signal() and wants_signal(). Node: assumption `disable-sigusr1`
 */
export const isBlockedByAll = (signal: number): boolean => threads().every(status => blocks(status, signal));

/**
 * True if a thread that blocks this signal is running. Node's handler blocks all signals, and so does the thread that the
 * handler wakes to open the inspector. That thread sleeps again after it has opened the inspector.
 *
 * Node: src/inspector_agent.cc, StartDebugSignalHandler(); src/node.cc, RegisterSignalHandler()
 */
function isUnderWay(signal: number): boolean {
  return threads().some(status => statusLine(status, 'State')?.startsWith('R') && blocks(status, signal));
}

const turn = () => new Promise(resolve => setImmediate(resolve));

/** Waits until Node has handled earlier signals, including the events that Node queued in the loop for them. */
export async function signalIsOver(signal: number): Promise<void> {
  if (isBlockedByAll(signal)) return;
  const limit = performance.now() + LIMIT_MS;
  for (let quiet = 0; quiet < 2 && performance.now() < limit; ) {
    quiet = isUnderWay(signal) ? 0 : quiet + 1;
    await turn();
  }
  await turn();
}
