import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { inspect } from 'node:util';
import { SyscallError, TracegateError } from '../errors.js';
import { nativeProgram } from './native.js';
import { hasStreams } from './node-internals.js';
import { type Answer, answerFrom } from './probe-outcome.js';
import { type Credentials, credentialWords, reapIfOurs, SEALED, started, startFailure } from './stranger.js';

export type Place = 'child' | 'grandchild' | 'orphan';

const failure = (message: string) => new TracegateError('ERR_TRACEGATE_HELPER_FAILED', message);

/** A helper program (native/helper/main.cc) that answers one command a line. The helper ends at the latest with us. */
export class HelperProcess {
  readonly pid: number;
  readonly #commands: Socket;
  readonly #lines: AsyncIterator<string>;
  readonly #gone: Promise<void>;
  /** What keeps this process running. */
  readonly #handles: readonly { ref(): void; unref(): void }[];
  #turn: Promise<unknown> = Promise.resolve();
  #waits = 0;
  #isUnrefed = false;

  private constructor(pid: number, child: ChildProcess, lines: AsyncIterator<string>, gone: Promise<void>) {
    this.pid = pid;
    this.#commands = child.stdio[3] as Socket;
    this.#lines = lines;
    this.#gone = gone;
    this.#handles = [child, child.stdout as Socket, this.#commands];
  }

  /**
   * @throws SyscallError if the helper could not take the credentials
   * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
   */
  static async start(place: Place, credentials: Credentials | undefined): Promise<HelperProcess> {
    const words = [place, ...(credentials === undefined ? [] : credentialWords(credentials))];
    const child = started(() =>
      spawn(nativeProgram('tracegate-helper'), ['--commands-on-3', ...words], {
        ...SEALED,
        stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      }),
    );
    // 'close' follows 'exit' at the end of the output, which an orphan keeps open for as long as it lives.
    const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
    const failed = once(child, 'error').then(([error]) => {
      throw startFailure(error as Error);
    });
    // Without streams, 'error' gives the reason.
    if (!hasStreams(child)) await failed;
    child.stdio[3]?.on('error', () => {}); // the end of the helper shows in the answers
    const lines = createInterface({ input: child.stdout as Socket })[Symbol.asyncIterator]();
    const { value } = await Promise.race([lines.next(), failed]);
    const first = `${value}`;
    // If this process is init or a subreaper, the kernel makes it the orphan's parent, and it has to wait for the orphan.
    const gone = closed.then(() => (place === 'orphan' ? reapIfOurs(first) : undefined));
    return new HelperProcess(pidFrom(first), child, lines, gone);
  }

  /** As unref() of a child process, but a command that waits for its answer keeps this process running. */
  unref(): void {
    this.#isUnrefed = true;
    this.#refForWaits();
  }

  #refForWaits(): void {
    if (!this.#isUnrefed) return;
    for (const handle of this.#handles) {
      if (this.#waits > 0) handle.ref();
      else handle.unref();
    }
  }

  async #waitFor<T>(answer: Promise<T>): Promise<T> {
    this.#waits++;
    this.#refForWaits();
    try {
      return await answer;
    } finally {
      this.#waits--;
      this.#refForWaits();
    }
  }

  /** Sends one line, after the earlier lines were answered. */
  ask(line: string): Promise<Answer> {
    const answered = this.#turn.then(async () => {
      this.#commands.write(`${line}\n`);
      const { value } = await this.#lines.next();
      const [, error, answeringCall] = /^(\d+) (\d+)$/.exec(`${value}`) ?? [];
      if (error === undefined) throw failure(`process ${this.pid} has ended`);
      return answerFrom(Number(error), Number(answeringCall));
    });
    this.#turn = answered.catch(() => {});
    return this.#waitFor(answered);
  }

  /** Resolves when the helper has ended. */
  end(): Promise<void> {
    this.#commands.end();
    return this.#waitFor(this.#gone);
  }
}

function pidFrom(line: string): number {
  const [, call, error] = /^failed (\S+) (\d+)$/.exec(line) ?? [];
  if (call !== undefined) {
    throw new SyscallError(Number(error), {
      syscall: call,
      because: "the credentials could not be taken; other ids than one's own take root",
    });
  }
  const [, pid] = /^ready (\d+) \d+$/.exec(line) ?? [];
  if (pid === undefined)
    throw failure(`the helper program ended before it was ready (it said ${inspect(line)})`);
  return Number(pid);
}
