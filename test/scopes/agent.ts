// The tests' side of test/native/agent: code that runs in a process that it was injected into, and obeys.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

/** As test/native/agent/image.h numbers them. */
const OPERATIONS = {
  end: 0,
  infect: 1,
  split: 2,
  hijack: 3,
  read: 4,
  'read-other': 5,
  'write-other': 6,
  raise: 7,
  'take-ids': 8,
} as const;
export type Operation = keyof typeof OPERATIONS;

export interface Answer {
  /** '0' or the errno's name. */
  readonly answer: string;
  readonly value: bigint;
}

const COMMAND_SIZE = 32;
const ANSWER_SIZE = 16;
const HELLO_SIZE = 24;
/** Milliseconds; an answer takes one. */
const PATIENCE = 20_000;

const ERRNO_NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [-number, name]),
);

const numbers = (buffer: Buffer, size: number) =>
  Array.from({ length: size / 8 }, (_, at) => buffer.readBigInt64LE(8 * at));

async function withPatience<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to: ${what}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** A thread that obeys. */
export class Agent {
  readonly pid: number;
  readonly tid: number;
  readonly #socket: Socket;
  readonly #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];

  constructor(socket: Socket, pid: number, tid: number) {
    this.#socket = socket;
    this.pid = pid;
    this.tid = tid;
    socket.on('close', () => {
      const error = new Error(`the agent ${tid} in ${pid} is gone`);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  heard(numbers: readonly bigint[]) {
    const [result = 0n, value = 0n] = numbers;
    const answer = result === 0n ? '0' : (ERRNO_NAMES.get(Number(result)) ?? `errno ${-result}`);
    this.#waiting.shift()?.resolve({ answer, value });
  }

  /** Commands are obeyed in order, also when the earlier ones haven't been answered yet. */
  ask(operation: Operation, ...given: (number | bigint)[]): Promise<Answer> {
    const command = Buffer.alloc(COMMAND_SIZE);
    for (const [at, number] of [OPERATIONS[operation], ...given].entries())
      command.writeBigInt64LE(BigInt(number), 8 * at);
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#socket.write(command);
    return withPatience(answer, `${operation} ${given.join(' ')} in ${this.pid}`);
  }

  /** Its thread ends; the process stays. */
  async leave(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.end();
    await withPatience(closed, `the end of agent ${this.tid} in ${this.pid}`);
  }
}

/** Where agents report: a socket that processes of every user and user namespace can name and open. */
export class Orchestrator {
  readonly path: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #agents = new Set<Agent>();
  readonly #expected = new Map<bigint, (agent: Agent) => void>();
  #lastToken = 0n;

  static async open(): Promise<Orchestrator> {
    const directory = mkdtempSync(join(tmpdir(), 'agents-'));
    const orchestrator = new Orchestrator(directory);
    orchestrator.#server.listen(orchestrator.path);
    await once(orchestrator.#server, 'listening');
    chmodSync(directory, 0o755);
    chmodSync(orchestrator.path, 0o777);
    return orchestrator;
  }

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 's');
    this.#server = createServer(socket => this.#greet(socket));
  }

  #greet(socket: Socket) {
    socket.on('error', () => {});
    let had: Buffer = Buffer.alloc(0);
    let agent: Agent | undefined;
    const take = (size: number) => {
      const taken = numbers(had, size);
      had = had.subarray(size);
      return taken;
    };
    socket.on('data', (data: Buffer) => {
      had = Buffer.concat([had, data]);
      if (agent === undefined && had.length >= HELLO_SIZE) agent = this.#meet(socket, take(HELLO_SIZE));
      while (agent !== undefined && had.length >= ANSWER_SIZE) agent.heard(take(ANSWER_SIZE));
    });
  }

  #meet(socket: Socket, [token = 0n, pid = 0n, tid = 0n]: readonly bigint[]): Agent {
    const agent = new Agent(socket, Number(pid), Number(tid));
    this.#agents.add(agent);
    this.#expected.get(token)?.(agent);
    this.#expected.delete(token);
    return agent;
  }

  /** A token for a new agent, and the agent when it has said it. */
  expect(): { token: bigint; arrived: Promise<Agent> } {
    const token = ++this.#lastToken;
    const arrived = new Promise<Agent>(resolve => this.#expected.set(token, resolve));
    return { token, arrived };
  }

  async arrival({ token, arrived }: ReturnType<Orchestrator['expect']>): Promise<Agent> {
    return withPatience(arrived, `the agent with token ${token}`);
  }

  /** All agents leave; those whose process is gone have. */
  async dismiss(): Promise<void> {
    const agents = [...this.#agents];
    this.#agents.clear();
    this.#expected.clear();
    await Promise.all(agents.map(agent => agent.leave()));
  }

  async close(): Promise<void> {
    await this.dismiss();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
