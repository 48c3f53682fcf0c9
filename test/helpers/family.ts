import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** test/fixtures/family.c, a program with relatives that reads the memory of other processes on command. */
export class Family {
  readonly pid: number;
  /** The pids of its child, its grandchild, and its orphan, which init has adopted. */
  readonly relatives: readonly number[];
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, relatives: readonly number[]) {
    this.pid = process.pid!;
    this.relatives = relatives;
    this.#process = process;
    this.#lines = lines;
  }

  /** @param spawned with pipes for its standard input and output. It ends with the test */
  static async start(spawned: ChildProcess): Promise<Family> {
    onTestFinished(async () => {
      spawned.stdin?.end();
      if (spawned.exitCode === null) await once(spawned, 'exit');
    });
    const lines = createInterface({ input: spawned.stdout! })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new Family(spawned, lines, `${value}`.split(' ').map(Number));
  }

  /** `allowed`, `refused`, or `no answer`: there is no such process. */
  async reads(pid: number): Promise<string> {
    this.#process.stdin?.write(`${pid}\n`);
    return `${(await this.#lines.next()).value}`;
  }
}
