import inspector from 'node:inspector';
import { constants } from 'node:os';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { errnoName } from '../errors.js';
import { native } from '../kernel/native.js';
import { type Channel, type Closing, closed, failed, type Undo } from './channel.js';

const { SIGUSR1 } = constants.signals;
const IGNORED = 1;

/** What Node's own handler, which would open the inspector, is replaced by. */
function ignore(): void {}

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
    return () => {
      setEnvironmentData(CLOSED_IN_MAIN, undefined);
      process.removeListener('SIGUSR1', ignore);
    };
  }
  // No signal reaches a worker's listeners; ignored, it reaches those of the main thread neither, if it has any. Node's
  // handler is one that we can't put back.
  const result = native().setDisposition(SIGUSR1, IGNORED);
  return result < 0 ? { failure: `sigaction(SIGUSR1): ${errnoName(result)}` } : 'impossible';
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
    const isMains = !isMainThread && !getEnvironmentData(CLOSED_IN_MAIN);
    if (isMains && process.execArgv.some(word => OPENS.test(word))) {
      return failed(
        'the inspector of the main thread is open, and a worker cannot close it',
        'call denyTracing() in the main thread, or start Node without --inspect',
      );
    }
    inspector.close();
    if (inspector.url() !== undefined) {
      return failed('the inspector is open and would not close', 'start Node without --inspect');
    }
    const isIgnored = undo === 'impossible' ? ['SIGUSR1 is ignored: the main thread hears it no more'] : [];
    return closed(undo, [
      'SIGUSR1 does not start the inspector: use --inspect, or allowTracing() first',
      ...isIgnored,
    ]);
  },
};
