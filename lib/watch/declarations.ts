import type { Task } from '../kernel/access-events.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { isRunning, startTimeOf } from './task-facts.js';

/** Null: by a number in another pid namespace, or of a process that has ended. A number is that of a process, or of a thread, with its start time. */
type Declared = { tid: number; startTime: number } | 'any' | 'none' | null;

/** Beyond this number, the declarations of processes that have ended are looked for. */
const MANY = 4096;

/**
 * The declared tracers (PR_SET_PTRACER) that a source has seen. The kernel shows no process' declaration, so that of a process
 * which started before is unknown. A child doesn't inherit one, and an exec keeps it. It ends with the declared tracer.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptracer_add(), yama_task_prctl() and yama_task_free()
 */
export class Declarations {
  readonly #declared = new Map<string, Declared>();
  #sinceTicks: number;
  #sweepAt = MANY;

  /** @param sinceTicks from when on the source sees each declaration, as clock ticks since boot; infinite: it sees none */
  constructor(sinceTicks: number) {
    this.#sinceTicks = sinceTicks;
  }

  note({ pid, startTime }: Task, tracer: number | 'any' | 'none' | null): void {
    this.#declared.set(`${pid}:${startTime}`, typeof tracer === 'number' ? named(tracer) : tracer);
    if (this.#declared.size < this.#sweepAt) return;
    for (const key of this.#declared.keys()) {
      const [number = 0, start = 0] = key.split(':').map(Number);
      if (!isRunning(number, start)) this.#declared.delete(key);
    }
    this.#sweepAt = Math.max(MANY, this.#declared.size * 2);
  }

  /** What the target has declared, at an access by this tracer, which may have ended since. */
  of({ pid, startTime }: Task, tracer: Task): ProcessFacts['declaredTracer'] {
    const declared = this.#declared.get(`${pid}:${startTime}`);
    if (declared === null) return 'unknown';
    if (declared === undefined)
      return startTime !== null && startTime > this.#sinceTicks ? 'none' : 'unknown';
    if (typeof declared === 'string') return declared;
    const isIt =
      declared.tid === tracer.pid
        ? declared.startTime === tracer.startTime
        : isRunning(declared.tid, declared.startTime);
    return isIt ? declared.tid : 'none';
  }

  /** Events were lost: any of them may have been a declaration. */
  forget(nowTicks: number): void {
    this.#declared.clear();
    if (this.#sinceTicks < nowTicks) this.#sinceTicks = nowTicks;
  }
}

/** Another process may have the number later. One that has ended already may have traced before. */
function named(tid: number): Declared {
  const startTime = startTimeOf(tid);
  return startTime === null ? null : { tid, startTime };
}
