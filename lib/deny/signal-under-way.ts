import { readdirSync, readFileSync } from 'node:fs';
import { isSystemError } from '../kernel/proc-files.js';

/** Other threads than those of a signal may block it and compute for long. */
const LIMIT_MS = 100;

function statusOf(tid: string): string {
  try {
    return readFileSync(`/proc/self/task/${tid}/status`, 'utf8');
  } catch (error) {
    // It has ended.
    if (isSystemError(error)) return '';
    throw error;
  }
}

/**
 * Whether a thread that blocks this signal runs. Node's handler blocks all of them, and so does the thread that it wakes to
 * open the inspector: asleep, it has opened all that it was woken for.
 *
 * Node: src/inspector_agent.cc, StartDebugSignalHandler(); src/node.cc, RegisterSignalHandler()
 */
function isUnderWay(signal: number): boolean {
  const bit = 1n << BigInt(signal - 1);
  return readdirSync('/proc/self/task').some(tid => {
    const status = statusOf(tid);
    const blocked = /^SigBlk:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
    return /^State:\s+R/m.test(status) && (BigInt(`0x${blocked}`) & bit) !== 0n;
  });
}

const turn = () => new Promise(resolve => setImmediate(resolve));

/** Until what earlier signals started is over, and what it left for the loop too. */
export async function signalIsOver(signal: number): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  for (let quiet = 0; quiet < 2 && performance.now() < limit; ) {
    quiet = isUnderWay(signal) ? 0 : quiet + 1;
    await turn();
  }
  await turn();
}
