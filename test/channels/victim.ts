// The tests' side of test/channels/victim.mjs.
import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { DenyOptions, DenyReport } from '../../lib/index.js';
import { IS_ROOT, PUBLIC_DIST, ROOT, USER } from '../helpers/processes.js';

/** What each secret begins with; 32 hexadecimal digits follow. */
export const MARKER = 'held-secret-';

export const GROUP = IS_ROOT ? USER : (process.getgid?.() ?? 0);

/** Where the victim holds a secret; each place has its own. */
export type Place =
  | 'buffer'
  | 'string'
  | 'environment'
  | 'socket'
  | 'file'
  | 'written'
  | 'argument'
  // Of its user's other programs: test/fixtures/neighbour.c, and a file.
  | 'abstract socket'
  | 'abstract datagram'
  | 'named socket'
  | 'shared memory'
  | 'System V memory'
  | 'keyring'
  | 'key file';

/** A descriptor of the victim whose peer, the test, has sent a secret that the victim hasn't read yet. */
export const SOCKET_FD = 4;

export interface VictimStart {
  execArgv?: string[];
  env?: Record<string, string>;
  /** With a session and a process group of its own. */
  detached?: boolean;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const newHex = () => randomBytes(16).toString('hex');

/** A free port for the victim's inspector. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export class Victim implements AsyncDisposable {
  readonly pid: number;
  readonly directory: string;
  /** Of its inspector, if that is opened. */
  readonly port: number;
  /** Of its unlinked file. */
  fd = -1;
  /** The program, with its words, that starts each attacker: one that confines it, say. */
  through: readonly string[] = [];
  readonly ended: Promise<unknown>;
  readonly #process: ChildProcess;
  readonly #places: Map<string, Place>;
  #stderr = '';

  private constructor(process: ChildProcess, directory: string, port: number, places: Map<string, Place>) {
    this.#process = process;
    this.pid = process.pid ?? 0;
    this.directory = directory;
    this.port = port;
    this.#places = places;
    this.ended = once(process, 'exit');
    process.stderr?.on('data', chunk => {
      this.#stderr += chunk;
    });
  }

  static async start({ execArgv = [], env = {}, detached = false }: VictimStart = {}): Promise<Victim> {
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-channels-'));
    if (IS_ROOT) chownSync(directory, USER, GROUP);
    const port = await freePort();
    const [environment, socket, argument] = [newHex(), newHex(), newHex()];
    const words = [PUBLIC_DIST, IS_ROOT ? `${USER}` : '', directory, MARKER, MARKER + argument];
    const child = fork(join(ROOT, 'test/channels/victim.mjs'), words, {
      execArgv: [`--inspect-port=${port}`, ...execArgv],
      env: { HELD: MARKER + environment, PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      detached,
    });
    const places = new Map<string, Place>([
      [digest(environment), 'environment'],
      [digest(socket), 'socket'],
      [digest(argument), 'argument'],
    ]);
    const victim = new Victim(child, directory, port, places);
    await victim.#reply();
    // That it ends without having read it is no error.
    (child.stdio[SOCKET_FD] as Writable).on('error', () => {}).write(MARKER + socket);
    const { fd, digests } = await victim.call('held');
    victim.fd = fd;
    for (const [place, hash] of Object.entries(digests)) places.set(hash as string, place as Place);
    return victim;
  }

  /** A new secret of this user's. */
  newSecret(place: Place): string {
    const hex = newHex();
    this.#places.set(digest(hex), place);
    return MARKER + hex;
  }

  /** Names the place of this secret. A secret of no place was made up and not found. */
  placeOf(hex: string): Place {
    const place = this.#places.get(digest(hex));
    if (place === undefined) throw new Error(`${MARKER}${hex} is no secret of this victim`);
    return place;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the named function returns
  async #reply(): Promise<any> {
    const end = this.ended.then(() => {
      throw new Error(`the victim ended: ${this.#stderr}`);
    });
    const [{ value, error }] = (await Promise.race([once(this.#process, 'message'), end])) as [
      { value: unknown; error?: { message: string } },
    ];
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the named function returns
  async call(name: string, ...args: unknown[]): Promise<any> {
    const reply = this.#reply();
    // Its end shows in the reply.
    if (this.#process.connected) this.#process.send({ name, args }, () => {});
    return reply;
  }

  deny(options: DenyOptions = {}): Promise<DenyReport> {
    return this.call('denyTracing', options);
  }

  /**
   * Waits until the victim has handled a signal that was sent before, or has ended. The signal's bytes are in the
   * victim's pipe before its first answer. The victim reads them at the latest in the turn of the loop with its second
   * answer.
   */
  async settled(): Promise<'runs' | 'ended'> {
    try {
      for (let i = 0; i < 3; i++) await this.call('answer');
      return 'runs';
    } catch {
      await this.ended;
      return 'ended';
    }
  }

  /** Once or more often. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
