import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { inspect } from 'node:util';
import { SyscallError, TracegateError } from '../errors.js';
import { builtProgram, native } from './native.js';
import { type Answer, answerFrom } from './probe-outcome.js';
import { type Credentials, credentialWords, reapIfOurs, SEALED, startFailure } from './stranger.js';

export type Place = 'child' | 'grandchild' | 'orphan';

const failure = (message: string) => new TracegateError('ERR_TRACEGATE_HELPER_FAILED', message);

/** A helper program that lives on and is asked line by line: native/helper/main.cc. It ends with us at the latest. */
export class HelperProcess {
  readonly pid: number;
  readonly #commands: Writable;
  readonly #lines: AsyncIterator<string>;
  readonly #gone: Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(pid: number, commands: Writable, lines: AsyncIterator<string>, gone: Promise<void>) {
    this.pid = pid;
    this.#commands = commands;
    this.#lines = lines;
    this.#gone = gone;
  }

  /**
   * @throws SyscallError if it could not take the credentials
   * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
   */
  static async start(place: Place, credentials: Credentials | undefined): Promise<HelperProcess> {
    native(); // its end waits for helpers that this thread starts
    const words = [place, ...(credentials === undefined ? [] : credentialWords(credentials))];
    const child = spawn(builtProgram('tracegate-helper'), ['--commands-on-3', ...words], {
      ...SEALED,
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    // After 'exit' comes the end of its output, which an orphan holds for as long as it lives.
    const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
    const failed = once(child, 'error').then(([error]) => {
      throw startFailure(error as Error);
    });
    // Without descriptors there are no streams: then it says why.
    if (child.stdio === undefined) await failed;
    const output = child.stdout as Readable;
    const commands = child.stdio[3] as Writable;
    commands.on('error', () => {}); // its end shows in the answers
    const lines = createInterface({ input: output })[Symbol.asyncIterator]();
    const { value } = await Promise.race([lines.next(), failed]);
    const first = `${value}`;
    // Where we are init or a subreaper, an orphan is ours, and its end too.
    const gone = closed.then(() => (place === 'orphan' ? reapIfOurs(first) : undefined));
    return new HelperProcess(pidFrom(first), commands, lines, gone);
  }

  /** One line, after those before it were answered. */
  ask(line: string): Promise<Answer> {
    const answered = this.#turn.then(async () => {
      this.#commands.write(`${line}\n`);
      const { value } = await this.#lines.next();
      const [, error, witness] = /^(\d+) (\d+)$/.exec(`${value}`) ?? [];
      if (error === undefined) throw failure(`process ${this.pid} has ended`);
      return answerFrom(Number(error), Number(witness));
    });
    this.#turn = answered.catch(() => {});
    return answered;
  }

  /** Resolves when it has ended. */
  end(): Promise<void> {
    this.#commands.end();
    return this.#gone;
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
