import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { errnoName, TracegateError } from '../errors.js';
import { nativeProgram, nativeUnavailable } from '../kernel/native.js';

export type MemoryChannel = 'attach' | 'process_vm_readv' | 'mem' | 'environ';
export type Channel = MemoryChannel | 'core';

export type Attempt =
  | { outcome: 'read'; secret: string }
  | { outcome: 'refused'; syscall: string; code: string }
  | { outcome: 'not-found' };

function parseAttempt(line: string): Attempt {
  const [error = '', syscall = '', secret = '-'] = line.split('\t');
  if (secret !== '-') return { outcome: 'read', secret };
  return error === '0'
    ? { outcome: 'not-found' }
    : { outcome: 'refused', syscall, code: errnoName(Number(error)) };
}

/** native/demo/main.cc: an unrelated process of the victim's uid and gid, without capabilities. */
export class Attacker {
  readonly pid: number;
  readonly #commands: Writable;
  readonly #lines: AsyncIterator<string>;

  private constructor(pid: number, commands: Writable, lines: AsyncIterator<string>) {
    this.pid = pid;
    this.#commands = commands;
    this.#lines = lines;
  }

  static async start(uid: number, gid: number, marker: string): Promise<Attacker> {
    const { stdout, stdio } = spawn(nativeProgram('tracegate-attacker'), [`${uid}`, `${gid}`, marker], {
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    }).once('error', error => stdout?.destroy(nativeUnavailable(error)));
    if (stdout === null) throw nativeUnavailable();
    const commands = stdio[3] as Writable;
    commands.on('error', () => {}); // the end of the attacker shows in the lines
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    const pid = /^ready (\d+) /.exec(first.value ?? '')?.[1];
    if (pid === undefined) {
      const said = first.value ?? 'nothing';
      throw new TracegateError('ERR_TRACEGATE_HELPER_FAILED', `the attacker can't start, it said: ${said}`);
    }
    return new Attacker(Number(pid), commands, lines);
  }

  async try(channel: Channel, pid: number, directory = ''): Promise<Attempt> {
    this.#commands.write(`${channel} ${pid} ${directory}\n`);
    const { value, done } = await this.#lines.next();
    if (done)
      throw new TracegateError('ERR_TRACEGATE_HELPER_FAILED', `the attacker ended while it tried ${channel}`);
    return parseAttempt(value);
  }

  end(): void {
    this.#commands.end();
  }
}
