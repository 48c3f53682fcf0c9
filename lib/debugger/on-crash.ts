/// <reference lib="esnext.disposable" preserve="true" />
// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node these are any. */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { constants } from 'node:os';
import { badOption, SyscallError, TracegateError } from '../errors.js';
import { native } from '../kernel/native.js';
import { refused } from '../kernel/spawn-options.js';
import { readPtraceScope } from '../kernel/yama.js';
import { BOOLEAN, checkedOptions, integer, type OptionKinds } from '../options.js';
import { assertOpens, effectAt, type OpeningEffect } from './effect.js';
import { type DebuggerSpawnOptions, HELD_SPAWN_OPTIONS, holdDebugger } from './held-debugger.js';

export interface CrashOptions extends Omit<DebuggerSpawnOptions, 'timeout' | 'killSignal'> {
  /** Milliseconds that the debugger gets; SIGALRM then ends it, and the process dies all the same; 30,000 by default. */
  timeout?: number;
  /** Let it in also where the kernel then lets in every process of this uid, as long as it looks. */
  allowSameUid?: boolean;
}

export interface CrashHandler extends Disposable {
  /** The debugger, which waits. It doesn't keep this process running; where it ends, nobody is let in. */
  process: ChildProcess;
  effect: OpeningEffect['effect'];
  reason: string;
  /** The debugger ends without having run, and each signal does what it did before. */
  close(): void;
}

const ENDS_IT = refused('left out: it would end the debugger while it waits');
const OPTIONS: OptionKinds<DebuggerSpawnOptions & CrashOptions> = {
  ...HELD_SPAWN_OPTIONS,
  killSignal: ENDS_IT,
  timeout: integer('milliseconds'),
  allowSameUid: BOOLEAN,
};

const { EBUSY } = constants.errno;

/** Nobody reads a pipe of a process that crashes, nor lets an app end whose debugger waits behind one. */
function withoutPipes(stdio: StdioOptions): StdioOptions {
  const all: unknown[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const isPipe = (one: unknown) => one === 'pipe' || one === 'overlapped' || one === 'ipc' || one === null;
  if (all.some(one => isPipe(one) || one === undefined))
    throw badOption('stdio', "'ignore', 'inherit', descriptors or streams of files, and no pipe", stdio);
  return [...all, 'ignore', 'ignore', 'ignore'].slice(0, Math.max(3, all.length)) as StdioOptions;
}

/**
 * Has a debugger look at this process when it crashes, closed to tracing as it is, and at no other time. The debugger is started now and
 * held. The thread that gets SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS or SIGTRAP declares it (`PR_SET_PTRACER`), makes the process dumpable, lets
 * the debugger run with its pid for `{}`, waits for its end, closes the process again and dies of its signal. The debugger finds
 * `TRACEGATE_CRASH_THREAD` and `TRACEGATE_CRASH_SIGNAL` in its environment. What it writes down of the memory is out of reach
 * of denyTracing().
 *
 * It holds for a child of fork(2) as well, with the same one debugger; a program that is executed, as by child_process, has to ask for its
 * own. A listener of `process.on('SIGABRT')` and the like takes that signal's place, and where one was there before, it has the signal
 * after the debugger. An overflow of the stack is seen in the thread that called this. With that thread, a worker say, it ends.
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
  const given = checkedOptions(options, OPTIONS);
  const { timeout = 30_000, allowSameUid = false, stdio = 'inherit', ...spawning } = given;
  const scope = readPtraceScope();
  const { effect, reason } = assertOpens(effectAt(scope), allowSameUid);
  const held = await holdDebugger(command, args, { ...spawning, stdio: withoutPipes(stdio) });
  const declares = scope.state !== 'absent';
  const result = native().handleCrashes(held.pid, held.descriptor, declares, timeout);
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
