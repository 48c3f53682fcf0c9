/// <reference lib="esnext.disposable" preserve="true" />
import { badOption } from '../errors.js';
import { type AccessSource, openAccessSource } from '../kernel/access-events.js';
import { assertPid } from '../kernel/pid.js';
import { CHECKED_ELSEWHERE, checkedOptions, type OptionKinds } from '../options.js';

/** A tracer that has attached to a thread of the process. */
export interface TracerArrival {
  /** The time of the attach. ISO 8601, UTC. */
  time: string;
  /** The thread that is traced. */
  tid: number;
  tracer: {
    pid: number;
    tid: number;
    /** Field 22 of /proc/PID/stat. Null: the tracer had ended before it was looked at. */
    startTime: number | null;
    comm: string | null;
    /** The effective uid. */
    uid: number | null;
  };
}

/** The end of {@link onTraced}. `using` ends it with its block. */
export interface TracedWatch extends Disposable {
  close(): void;
}

/** Which process is watched. */
export interface OnTracedOptions {
  /** Another process to be told about. A guard, a process beside the app, is told also while a debugger has stopped the app. */
  pid?: number;
}

const OPTIONS: OptionKinds<OnTracedOptions> = { pid: CHECKED_ELSEWHERE };

async function tell(
  source: AccessSource,
  watched: number,
  callback: (arrival: TracerArrival) => void,
): Promise<void> {
  for await (const event of source.events) {
    if (event.kind !== 'access' || event.target.pid !== watched) continue;
    if ((event.way !== 'attach' && event.way !== 'seize') || event.error !== null) continue;
    const { pid, tid, startTime, comm, uid } = event.tracer;
    callback({
      time: new Date(event.time).toISOString(),
      tid: event.target.tid,
      tracer: { pid, tid, startTime, comm, uid },
    });
  }
}

/**
 * Calls back when a tracer has attached to any thread of this process. The kernel reports the attach, so nothing is polled, and an app
 * that isn't root is told too.
 *
 * It doesn't keep this process running.
 *
 * It is no protection: the tracer is attached already. The callback runs in the thread that called, when that thread runs: a
 * debugger that has stopped the thread reads what it likes before. With `pid`, a process beside the app is told meanwhile, and can
 * end the app.
 *
 * Applies to: this process or another, on Linux 6.6 or newer, or as root. It has to be in the initial pid, user and network namespace, which a
 * container isn't.
 *
 * Kernel: kernel/ptrace.c, ptrace_attach(); drivers/connector/cn_proc.c, proc_ptrace_connector()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` if `callback` is no function, or for an unknown option; `ERR_TRACEGATE_INVALID_PID`
 * @throws RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws TracegateError `ERR_TRACEGATE_CANNOT_WATCH`: this kernel tells this process nothing, and why
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/watch.md
 * @example
 * ```js
 * import { onTraced } from 'tracegate/watch';
 *
 * try {
 *   const watching = onTraced(({ tracer }) => {
 *     console.error(`${tracer.comm} (${tracer.pid}) traces this process`);
 *     process.exit(1);
 *   });
 *   watching.close();
 * } catch (error) {
 *   console.error(error.code);
 * }
 * console.log(typeof onTraced); // function
 * ```
 */
export function onTraced(
  callback: (arrival: TracerArrival) => void,
  options: OnTracedOptions = {},
): TracedWatch {
  if (typeof callback !== 'function') throw badOption('callback', 'a function', callback);
  const { pid = process.pid } = checkedOptions(options, OPTIONS);
  assertPid(pid);
  const source = openAccessSource({ pid });
  source.unref();
  const close = () => source.close();
  // An error of the callback is one of the app's: it is thrown where no promise catches it.
  tell(source, pid, callback).catch(error =>
    process.nextTick(() => {
      throw error;
    }),
  );
  return { close, [Symbol.dispose]: close };
}
