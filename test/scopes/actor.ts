// The tests' side of test/native: a tree of processes that obey.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { buildActor } from '../native/build-actor.mjs';
import type { Capability, Credentials } from './rules.js';

export interface Reply {
  /** '0' or the errno's name. */
  readonly answer: string;
  /** The result of the command: a pid, a word of memory, the call that answered the product; or ''. */
  readonly value: string;
}

const ERRNO_NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

function readReply(line: string): Reply {
  const [number = '', value = ''] = line.split(' ');
  return { answer: number === '0' ? '0' : (ERRNO_NAMES.get(Number(number)) ?? `errno ${number}`), value };
}

interface Waiting {
  readonly line: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class Actor {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: Waiting[] = [];

  static async start(env: Readonly<Record<string, string>> = {}) {
    const program = await buildActor();
    return new Actor(
      spawn(program, {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...env, TRACEGATE_ACTOR_SECRET: '0'.repeat(16) },
      }),
    );
  }

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#process = child;
    createInterface(child.stdout).on('line', line => this.#waiting.shift()?.resolve(readReply(line)));
    child.stdin.on('error', () => {});
    child.on('exit', (code, signal) => {
      for (const { line, reject } of this.#waiting.splice(0)) {
        reject(new Error(`the actor ended (${signal ?? code}) before it answered '${line}'`));
      }
    });
  }

  /** Each is `ROLE COMMAND [ARGUMENT…]`; they are done in order. */
  run(...lines: string[]): Promise<Reply[]> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) {
      return Promise.reject(new Error(`the actor has ended (${signalCode ?? exitCode}): no '${lines[0]}'`));
    }
    const replies = lines.map(
      line => new Promise<Reply>((resolve, reject) => this.#waiting.push({ line, resolve, reject })),
    );
    this.#process.stdin.write(lines.map(line => `${line}\n`).join(''));
    return Promise.all(replies);
  }

  async ask(line: string): Promise<string> {
    const [reply] = await this.run(line);
    return reply?.answer ?? '';
  }

  /** Commands that must succeed; what each brought. */
  async must(...lines: string[]): Promise<string[]> {
    const replies = await this.run(...lines);
    return replies.map(({ answer, value }, at) => {
      if (answer !== '0') throw new Error(`'${lines[at]}' answered ${answer} ${value}`);
      return value;
    });
  }

  /** Ends every role, so that the next family begins without processes. */
  end() {
    return this.must('conductor end');
  }

  get pid() {
    return this.#process.pid;
  }

  /** Resolves when the whole tree is gone: each process holds the end of stdout. */
  async gone() {
    await once(this.#process, 'close');
  }

  async stop() {
    const gone = this.gone();
    this.#process.stdin.end();
    await gone;
  }

  async kill() {
    const gone = this.gone();
    this.#process.kill('SIGKILL');
    await gone;
  }
}

const CAPABILITY_NUMBERS: Record<Capability, bigint> = { CAP_NET_RAW: 13n, CAP_SYS_PTRACE: 19n };

/** The command by which a role takes these credentials. */
export function become({ real, effective, saved, gid, capabilities }: Credentials) {
  const set =
    capabilities === 'all'
      ? 0xffff_ffff_ffff_ffffn
      : capabilities.reduce((bits, capability) => bits | (1n << CAPABILITY_NUMBERS[capability]), 0n);
  return `become ${real} ${effective} ${saved} ${gid} 0x${set.toString(16)}`;
}
