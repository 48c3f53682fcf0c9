// Who looks at the population: root, or an ordinary user who really dropped every privilege.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Snapshot } from '../../lib/kernel/host.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import type { Staged } from './stage.js';

const DIST = join(import.meta.dirname, '..', '..', 'dist');

export interface Observation {
  /** As observeHost() returned it. */
  readonly snapshot: Snapshot;
  /** Of threads, which it doesn't list. */
  readonly threads: readonly ProcessFacts[];
}

export class Observer {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(uid: number | null): Promise<Observer> {
    const child = fork(join(import.meta.dirname, 'observer.mjs'), [DIST, `${uid ?? ''}`], { execArgv: [] });
    await once(child, 'message');
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
