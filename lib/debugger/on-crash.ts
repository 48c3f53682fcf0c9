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

/** The options of `spawn()` for the debugger, and the limits of its grant. */
export interface CrashOptions extends Omit<DebuggerSpawnOptions, 'timeout' | 'killSignal'> {
  /** Milliseconds that the debugger may run after a crash; then SIGALRM ends the debugger. 30,000 by default. */
  timeout?: number;
  /** Accepts that this kernel allows every process of this uid to attach while the debugger runs. */
  allowSameUid?: boolean;
}

/** An installed crash handler. `using` closes it with its block. */
export interface CrashHandler extends Disposable {
  /** The waiting debugger. It doesn't keep this process running. If the debugger ends early, a crash opens nothing. */
  process: ChildProcess;
  effect: OpeningEffect['effect'];
  /** The effect in words, with the running ptrace_scope. */
  reason: string;
  /** Ends the debugger before it has run, and restores the earlier actions of the signals. */
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

/** Refuses pipes. A crashing process doesn't read them, and a pipe to the waiting debugger would keep an app running. */
function withoutPipes(stdio: StdioOptions): StdioOptions {
  const all: unknown[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const isPipe = (one: unknown) => one === 'pipe' || one === 'overlapped' || one === 'ipc' || one === null;
  if (all.some(one => isPipe(one) || one === undefined))
    throw badOption('stdio', "'ignore', 'inherit', descriptors or streams of files, and no pipe", stdio);
  return [...all, 'ignore', 'ignore', 'ignore'].slice(0, Math.max(3, all.length)) as StdioOptions;
}

/**
 * Has a debugger examine this process when it crashes, also if the process is closed. The debugger is started now, and waits.
 *
 * The signals are SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS and SIGTRAP. The thread that gets one of them declares the
 * debugger (`PR_SET_PTRACER`), makes the process dumpable, and starts the debugger with this process's pid for `{}`. The thread
 * waits until the debugger ends, closes the process again, and dies of its signal.
 *
 * The debugger's environment has `TRACEGATE_CRASH_THREAD` and `TRACEGATE_CRASH_SIGNAL`. denyTracing() doesn't protect the files
 * that the debugger writes.
 *
 * The handler also covers children of fork(2), with the same debugger. A program that is executed, as by child_process, has
 * to install its own handler. A later listener of `process.on('SIGABRT')` and the like replaces the handler of that signal. An
 * earlier listener gets the signal after the debugger. A stack overflow is handled only in the thread that called onCrash().
 * The handler ends with that thread, which may be a worker.
 *
 * Applies to: this process and its children of fork(2).
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found(): a declared tracer holds for one process, not for its children
 *
 * @param command a debugger, or any program that examines a process
 * @param args `{}` stands for the pid of the process that crashes; gdb, lldb, strace, ltrace and gcore need no `{}`
 * @throws TracegateError `ERR_TRACEGATE_NOT_GRANTED`, with `effect`, if this kernel would also allow other processes, or would
 *   refuse the debugger
 * @throws TracegateError `ERR_TRACEGATE_GRANT_ACTIVE` if a handler is already installed
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws Error `ENOENT` or `EACCES` if the program can't be started; what spawn() throws
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`; `ERR_TRACEGATE_HELPER_FAILED` if Node's permission model refuses it
 * @see docs/debugger.md
 * @example
 * ```js
 * import { onCrash } from 'tracegate/debugger';
 *
 * const handler = await onCrash('cat', ['/proc/{}/maps'], { allowSameUid: true });
 * console.log(handler.process.exitCode); // null
 * handler.close();
 * ```
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
      throw new TracegateError(
        'ERR_TRACEGATE_GRANT_ACTIVE',
        'this process has a crash handler already: close it first',
      );
    throw new SyscallError(result, { syscall: 'sigaction', pid: held.pid });
  }
  // Native code holds a duplicate of the descriptor, which the kernel closes when the process ends.
  held.letGo();
  held.process.unref();
  let isOpen = true;
  const close = () => {
    if (isOpen) native().stopHandlingCrashes();
    isOpen = false;
  };
  return { process: held.process, effect, reason, close, [Symbol.dispose]: close };
}
