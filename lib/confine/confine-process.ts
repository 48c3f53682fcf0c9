import { readFileSync } from 'node:fs';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { TracegateError } from '../errors.js';
import { becomeCommand } from '../kernel/launch.js';
import { native } from '../kernel/native.js';
import { hasReadScript } from '../kernel/node-internals.js';
import { parseStat, type StatFacts } from '../kernel/proc-status.js';

/** Names the process of this tree that was confined first, as `PID:STARTTIME`. Both stay the same over an exec. */
const MARK = 'TRACEGATE_CONFINED';

const markOf = ({ pid, startTime }: StatFacts) => `${pid}:${startTime}`;

function statOf(pid: number): StatFacts | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null; // hidden, or ended by now
  }
}

/** Whether the marked process is this one or an ancestor, whose domain this one has inherited. */
function isConfined(): boolean {
  // Workers inherit this, also those with an environment of their own.
  if (getEnvironmentData(MARK) === true) return true;
  for (let at = statOf(process.pid); at !== null; at = statOf(at.ppid)) {
    if (markOf(at) === process.env[MARK]) return true;
  }
  return false;
}

const notConfined = (why: string) =>
  new TracegateError('ERR_TRACEGATE_NOT_CONFINED', `tracegate/confine ${why}`);

/**
 * Confines this process. A Node has several threads before its first line, and Landlock confines them together from Linux 7.0
 * on. Elsewhere, and as root, this process executes itself again by the launcher, once.
 *
 * @throws SyscallError, TracegateError as becomeCommand(). The launcher ends the process with exit code 125 if it can't be confined.
 * @throws TracegateError `ERR_TRACEGATE_NOT_CONFINED` if messages of a parent or a script of standard input would be lost, in a worker
 *   of a process that is not confined, or without /proc
 */
export function confineProcess(): void {
  if (isConfined()) {
    setEnvironmentData(MARK, true);
    return;
  }
  if (!isMainThread)
    throw notConfined('confines a process with all its threads, not a worker: import it in the first thread');
  const own = statOf(process.pid);
  if (own === null) throw notConfined("can't read /proc/self/stat: mount /proc");
  if (native().confineAllThreads()) {
    process.env[MARK] = markOf(own);
    setEnvironmentData(MARK, true);
    return;
  }
  if (process.channel != null)
    throw notConfined(
      'executes this process again, and messages of its parent would be lost: confine the parent, or start this process by spawnConfined()',
    );
  if (hasReadScript())
    throw notConfined(
      'executes this process again, and the script that Node has read from standard input would be lost: use --require tracegate/confine, which is loaded before that',
    );
  becomeCommand([process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    confine: 'available',
    env: { [MARK]: markOf(own) },
  });
}
