import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { packagePath } from '../package-files.js';
import type { VictimCommand, VictimReply, VictimStart } from './protocol.js';

/** lib/demo/victim.ts */
const PROGRAM = packagePath('dist/victim.cjs');

/** A real Node child that holds a secret in its memory and another in its environment. */
export class Victim {
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, pid: number) {
    this.#process = process;
    this.pid = pid;
  }

  static async start(start: VictimStart, directory: string, secret: string, token: string): Promise<Victim> {
    const child = fork(PROGRAM, [JSON.stringify(start)], {
      cwd: directory,
      env: { DEMO_TOKEN: token },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await once(child, 'spawn');
    const victim = new Victim(child, child.pid ?? 0);
    await victim.tell({ name: 'hold', secret });
    return victim;
  }

  async tell(command: VictimCommand): Promise<VictimReply> {
    const reply = once(this.#process, 'message');
    const end = once(this.#process, 'exit').then(([code, signal]) => {
      throw new Error(`the demo's victim ended early (${signal ?? `exit code ${code}`})`);
    });
    this.#process.send(command);
    const [message] = await Promise.race([reply, end]);
    end.catch(() => {});
    return message as VictimReply;
  }

  end(): void {
    if (this.#process.connected) this.#process.disconnect();
  }
}
