import type { Task } from '../kernel/access-events.js';
import type { ProcessFacts } from '../kernel/process-facts.js';

/** Null: by a number in another pid namespace. */
type Declared = number | 'any' | 'none' | null;

/** Beyond this number, the declarations of processes that have ended are looked for. */
const MANY = 4096;

/**
 * The declared tracers (PR_SET_PTRACER) that a source has seen. The kernel shows no process' declaration, so that of a process
 * which started before is unknown. A child doesn't inherit one, and an exec keeps it.
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

  note(
    { pid, startTime }: Task,
    tracer: Declared,
    isRunning: (pid: number, startTime: number) => boolean,
  ): void {
    this.#declared.set(`${pid}:${startTime}`, tracer);
    if (this.#declared.size < this.#sweepAt) return;
    for (const key of this.#declared.keys()) {
      const [number = 0, start = 0] = key.split(':').map(Number);
      if (!isRunning(number, start)) this.#declared.delete(key);
    }
    this.#sweepAt = Math.max(MANY, this.#declared.size * 2);
  }

  of({ pid, startTime }: Task): ProcessFacts['declaredTracer'] {
    const declared = this.#declared.get(`${pid}:${startTime}`);
    if (declared !== undefined) return declared ?? 'unknown';
    return startTime !== null && startTime > this.#sinceTicks ? 'none' : 'unknown';
  }

  /** Events were lost: any of them may have been a declaration. */
  forget(nowTicks: number): void {
    this.#declared.clear();
    if (this.#sinceTicks < nowTicks) this.#sinceTicks = nowTicks;
  }
}
