// The process that looks at the population: root, or an ordinary user without any privilege, perhaps in a /proc that
// hides processes.
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SnapshotFacts } from '../../lib/kernel/host.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import type { Staged } from './stage.js';

/** How a /proc may be mounted that hides other users' processes, or all but processes: proc(5). */
export const HIDINGS = ['hidepid=1', 'hidepid=2', 'hidepid=4', 'subset=pid'] as const;
export type Hiding = (typeof HIDINGS)[number];

/** Runs a program, as fork() calls it, where /proc is mounted so. */
const behind = (hiding: Hiding): Pick<ForkOptions, 'execPath' | 'execArgv'> => ({
  execPath: 'unshare',
  execArgv: [
    ...['--mount', '--propagation', 'private', 'sh', '-c'],
    `mount -t proc -o ${hiding} proc /proc && exec "$0" "$@"`,
    process.execPath,
  ],
});

const MODULES = join(import.meta.dirname, '..', '..', 'build', 'modules');

export interface Observation {
  /** Of observe(). */
  readonly snapshot: SnapshotFacts;
  /** Of threads, which it doesn't list. */
  readonly threads: readonly ProcessFacts[];
}

export class Observer {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(uid: number | null, hiding?: Hiding): Promise<Observer> {
    const options = hiding === undefined ? { execArgv: [] } : behind(hiding);
    const child = fork(join(import.meta.dirname, 'observer.mjs'), [MODULES, `${uid ?? ''}`], options);
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the observer ended with ${code} before it was ready`);
      }),
    ]);
    return new Observer(child);
  }

  async observe({ roles }: Staged): Promise<Observation> {
    this.#process.send(roles.map(({ pid }) => pid));
    const [observation] = await once(this.#process, 'message');
    return observation as Observation;
  }

  stop() {
    this.#process.disconnect();
  }
}
