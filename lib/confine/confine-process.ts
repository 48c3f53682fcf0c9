import { isMainThread } from 'node:worker_threads';
import { becomeCommand } from '../kernel/launch.js';

/** The process that is confined already. The pid stays the same over the exec. */
const MARK = 'TRACEGATE_CONFINED_PID';

/**
 * Confines this process. Landlock confines a thread, and a Node has several before its first line. So this process executes
 * itself again by the launcher, once.
 *
 * @throws SyscallError, TracegateError as becomeCommand(). The launcher ends the process with exit code 125 if it can't be confined.
 */
export function confineProcess(): void {
  const isConfined = process.env[MARK] === `${process.pid}`;
  delete process.env[MARK];
  if (isConfined || !isMainThread) return;
  becomeCommand([process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    confine: 'available',
    env: { [MARK]: `${process.pid}` },
  });
}
