import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { TracegateError } from '../errors.js';
import { becomeCommand } from '../kernel/launch.js';
import { native } from '../kernel/native.js';
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
  for (let at = statOf(process.pid); at !== null; at = statOf(at.ppid)) {
    if (markOf(at) === process.env[MARK]) return true;
  }
  return false;
}

/**
 * Confines this process. A Node has several threads before its first line, and Landlock confines them together from Linux 7.0
 * on. Elsewhere, and as root, this process executes itself again by the launcher, once.
 *
 * @throws SyscallError, TracegateError as becomeCommand(). The launcher ends the process with exit code 125 if it can't be confined.
 * @throws TracegateError `ERR_TRACEGATE_NOT_CONFINED` if messages of a parent could be lost, or without /proc
 */
export function confineProcess(): void {
  if (!isMainThread || isConfined()) return;
  const own = statOf(process.pid);
  if (own === null)
    throw new TracegateError(
      'ERR_TRACEGATE_NOT_CONFINED',
      "tracegate/confine can't read /proc/self/stat: mount /proc",
    );
  if (native().confineAllThreads()) {
    process.env[MARK] = markOf(own);
    return;
  }
  if (process.channel != null)
    throw new TracegateError(
      'ERR_TRACEGATE_NOT_CONFINED',
      'tracegate/confine executes this process again, and messages of its parent would be lost: confine the parent, or start this process by spawnConfined()',
    );
  becomeCommand([process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    confine: 'available',
    env: { [MARK]: markOf(own) },
  });
}
