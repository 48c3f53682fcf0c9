import { openAccessSource } from '../kernel/access-events.js';
import { observeProcesses } from '../kernel/host.js';
import type { PtraceScope } from '../kernel/ptrace-scope.js';
import { ABORT_SIGNAL, BOOLEAN, checkedOptions, integer, type OptionKinds, text } from '../options.js';
import { Recorder } from './recorder.js';
import type { WatchEvent, WatchFilters, WatchSource } from './recording.js';

export interface WatchOptions extends WatchFilters {
  /** Ends the iteration, which then throws the signal's reason, as Node's own iterators do. */
  signal?: AbortSignal;
}

/** The events of a host from the call of {@link watch} on. The end of the loop ends the watch. */
export interface Watch extends AsyncIterable<WatchEvent> {
  /** Where the events come from, and what it can't see. */
  source: WatchSource;
  /** The running ptrace_scope at the start. */
  scope: PtraceScope;
  /** Ends the iteration. */
  close(): void;
}

const OPTIONS: OptionKinds<WatchOptions> = {
  unit: text('part of the name of a systemd service or container'),
  uid: integer('a uid', 0, 2 ** 32 - 2),
  program: text('part of the path of a program'),
  pid: integer('a pid'),
  reads: BOOLEAN,
  signal: ABORT_SIGNAL,
};

/**
 * Follows every access of this host that the tracing rules decide, with the verdict at each ptrace_scope. Nothing is polled: the
 * kernel reports each access. If the loop is slower than the events, lost ones are reported as a gap.
 *
 * Applies to: all processes of the host; with `pid`, accesses by or to that process. Needs root.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(); drivers/connector/cn_proc.c, proc_ptrace_connector()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_CANNOT_WATCH`: neither of the kernel's sources can be used, and why
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/watch.md
 * @example
 * ```js
 * import { watch } from 'tracegate/watch';
 *
 * try {
 *   const watching = watch({ signal: AbortSignal.timeout(100) });
 *   console.error(watching.source.blind); // what it can't see
 *   for await (const event of watching) {
 *     if (event.event !== 'access') continue;
 *     const { tracer, target, way, scopes } = event.pair;
 *     console.error(tracer.program, way, target.program, scopes[1].verdict);
 *   }
 * } catch (error) {
 *   console.log(['TimeoutError', 'TracegateError'].includes(error.name)); // true
 * }
 * ```
 */
export function watch(options: WatchOptions = {}): Watch {
  const { signal, ...filters } = checkedOptions(options, OPTIONS);
  signal?.throwIfAborted();
  const source = openAccessSource(filters.reads === true ? { reads: true } : {});
  const { host } = observeProcesses([], () => false, false);
  const recorder = new Recorder(host, filters, source.seesDeclarations);
  const close = () => source.close();
  async function* events(): AsyncGenerator<WatchEvent, void> {
    signal?.addEventListener('abort', close, { once: true });
    try {
      for await (const event of source.events) {
        const recorded = recorder.take(event);
        if (recorded !== null) yield recorded;
      }
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', close);
      close();
    }
  }
  const { name, blind } = source;
  return { source: { name, blind }, scope: host.yama, close, [Symbol.asyncIterator]: events };
}
