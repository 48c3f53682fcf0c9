/// <reference lib="esnext.disposable" preserve="true" />
// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node it is any. */
import type { ChildProcess } from 'node:child_process';
import { badOption, SyscallError, TracegateError } from '../errors.js';
import { native } from '../kernel/native.js';
import { readPtraceScope } from '../kernel/yama.js';
import { assertOpens, effectAt, type OpeningEffect } from './effect.js';
import { type DebuggerSpawnOptions, holdDebugger } from './held-debugger.js';

export interface CrashOptions extends DebuggerSpawnOptions {
  /** Milliseconds that a crash waits for the debugger's end before the process dies all the same; 30,000 by default. */
  patience?: number;
  /** Let it in also where the kernel then lets in every process of this uid, as long as it looks. */
  acceptWider?: boolean;
}

export interface CrashHandler extends Disposable {
  /** The debugger, which waits. It doesn't keep this process running; where it ends, nobody is let in. */
  process: ChildProcess;
  effect: OpeningEffect['effect'];
  reason: string;
  /** The debugger ends without having run, and each signal does what it did before. */
  close(): void;
}

const EBUSY = 16;

/**
 * Has a debugger look at this process when it crashes, closed to tracing as it is, and at no other time. The debugger is started now and
 * held. The thread that gets SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS or SIGTRAP declares it (`PR_SET_PTRACER`), makes the process dumpable, lets
 * the debugger run with its pid for `{}`, waits for its end, closes the process again and dies of its signal. The debugger finds
 * `TRACEGATE_CRASH_THREAD` and `TRACEGATE_CRASH_SIGNAL` in its environment. What it writes down of the memory is out of reach
 * of denyTracing().
 *
 * It holds for a child of fork(2) as well, with the same one debugger; a program that is executed, as by child_process, has to ask for its
 * own. A listener of `process.on('SIGABRT')` and the like takes that signal's place.
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found(): a declaration is of one process, and not of its children
 *
 * @throws TracegateError `ERR_TRACEGATE_NOT_GRANTED`, with `effect`, as allowDebugger(); `ERR_TRACEGATE_GRANT_ACTIVE` where a
 *   handler is there
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`; what spawn() throws
 */
export async function onCrash(
  command: string,
  args: readonly string[] = [],
  options: CrashOptions = {},
): Promise<CrashHandler> {
  const { patience = 30_000, acceptWider = false, ...spawning } = options;
  if (!Number.isInteger(patience) || patience < 1 || patience > 2 ** 31 - 1)
    throw badOption('patience', 'milliseconds from 1 to 2147483647', patience);
  if (typeof acceptWider !== 'boolean') throw badOption('acceptWider', 'true or false', acceptWider);
  const scope = readPtraceScope();
  const { effect, reason } = assertOpens(effectAt(scope), acceptWider);
  const held = await holdDebugger(command, args, spawning);
  const declares = scope.state !== 'absent';
  const result = native().handleCrashes(held.pid, held.descriptor, declares, patience);
  if (result < 0) {
    await held.drop();
    if (result === -EBUSY)
      throw new TracegateError('ERR_TRACEGATE_GRANT_ACTIVE', 'a crash handler is there: close it first');
    throw new SyscallError(result, { syscall: 'sigaction', pid: held.pid });
  }
  // Native code has its own duplicate, which ends with the process.
  held.letGo();
  held.process.unref();
  let isOpen = true;
  const close = () => {
    if (isOpen) native().stopHandlingCrashes();
    isOpen = false;
  };
  return { process: held.process, effect, reason, close, [Symbol.dispose]: close };
}
