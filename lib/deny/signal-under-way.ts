import { readdirSync } from 'node:fs';
import { textOf } from '../kernel/proc-files.js';
import { statusLine } from '../kernel/proc-status.js';

/** Other threads than those of a signal may block it and compute for long. */
const LIMIT_MS = 100;

/**
 * Whether a thread that blocks this signal runs. Node's handler blocks all of them, and so does the thread that it wakes to
 * open the inspector: asleep, it has opened all that it was woken for.
 *
 * Node: src/inspector_agent.cc, StartDebugSignalHandler(); src/node.cc, RegisterSignalHandler()
 */
function isUnderWay(signal: number): boolean {
  const bit = 1n << BigInt(signal - 1);
  return readdirSync('/proc/self/task').some(tid => {
    // Empty: it has ended.
    const status = textOf(`/proc/self/task/${tid}/status`) ?? '';
    if (!statusLine(status, 'State')?.startsWith('R')) return false;
    return (BigInt(`0x${statusLine(status, 'SigBlk') ?? '0'}`) & bit) !== 0n;
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
