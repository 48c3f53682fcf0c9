import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { compile } from './compile.js';
import { publicRoot } from './public-copy.js';
import { statusBecomes } from './waits.js';

export const ROOT = join(import.meta.dirname, '..', '..');
export const DIST = join(ROOT, 'dist');
export const MODULES = join(ROOT, 'build', 'modules');
export const IS_ROOT = process.getuid?.() === 0;

/** An ordinary user that really has no privilege: us, or as root another. */
export const USER = IS_ROOT ? 1000 : (process.getuid?.() ?? 0);
const GROUP = IS_ROOT ? 1000 : (process.getgid?.() ?? 0);

/** For spawn: libuv then drops the supplementary groups too. */
export const AS_USER = IS_ROOT ? { uid: USER, gid: GROUP } : {};

const PUBLIC_ROOT = publicRoot(ROOT, AS_USER);

/** What the package ships, where that user can read it. */
export const PUBLIC_DIST = join(PUBLIC_ROOT, 'dist');

/** The launcher of `tracegate run`. */
export const PUBLIC_LAUNCH = join(PUBLIC_ROOT, 'native', 'build', 'Release', 'tracegate-launch');

/** The modules of lib/, compiled one by one: for what the package keeps to itself. */
export const PUBLIC_MODULES = join(PUBLIC_ROOT, 'build', 'modules');

export interface Target {
  pid: number;
  process: ChildProcess;
}

/** `cat` without input: sleeps until its standard input ends, which it does at the latest when we die. */
export async function sleeper(options: { uid?: number; gid?: number } = {}): Promise<Target> {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'], ...options });
  await once(child, 'spawn');
  onTestFinished(() => void child.stdin.end());
  return { pid: child.pid!, process: child };
}

/** The pid of a zombie: its parent never reaps it. */
export async function zombie(
  words: 'closed'[] = [],
  user: { uid?: number; gid?: number } = {},
): Promise<number> {
  const parent = spawn(compile('zombie.c'), words, { stdio: ['pipe', 'pipe', 'inherit'], ...user });
  onTestFinished(() => void parent.stdin.end());
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  return Number(line);
}

export function statusField(pid: number, name: string): string {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find(text => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}

export const stateOf = (pid: number) => statusField(pid, 'State')[0];

/** It has ended, its files are closed (kernel/exit.c, do_exit()), and at most its parent hasn't heard of it yet. */
export function isGone(pid: number): boolean {
  try {
    return 'ZX'.includes(stateOf(pid) ?? '');
  } catch (error) {
    // Also in the middle of its end: ESRCH.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return true;
    throw error;
  }
}

/**
 * Its state after it sleeps again, because a detach has just woken it. A process that was left stopped stays stopped.
 */
export async function settledState(pid: number): Promise<string | undefined> {
  await statusBecomes(pid, 'State', 'is-not', 'R');
  return stateOf(pid);
}

type Call = [name: string, ...args: unknown[]];

/** test/fixtures/target.mjs: a process that calls the package on command, as an ordinary user. */
export class ObedientProcess {
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.pid = process.pid!;
  }

  /** Until the test ends. @param through a program, with its words, that executes Node: one that confines it, say */
  static async start(uid?: number | '', through?: readonly string[]): Promise<ObedientProcess> {
    const started = ObedientProcess.startShared(uid, through);
    onTestFinished(async () => (await started).end());
    return started;
  }

  /** Until `end()`: for tests that share it. */
  static async startShared(
    uid: number | '' = IS_ROOT ? USER : '',
    through: readonly string[] = [],
  ): Promise<ObedientProcess> {
    const [execPath = '', ...execArgv] = [...through, process.execPath];
    const child = fork(join(ROOT, 'test/fixtures/target.mjs'), [PUBLIC_DIST, `${uid}`], {
      execPath,
      execArgv,
    });
    await once(child, 'message');
    return new ObedientProcess(child);
  }

  end(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the named function returns
  async call(...[name, ...args]: Call): Promise<any> {
    this.#process.send({ name, args });
    const [{ value, error }] = await once(this.#process, 'message');
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  }
}

/** Not dumpable, as the owner of its files tells of a process that is not root's: fs/proc/base.c, task_dump_owner(). */
export const isClosed = (pid: number): boolean => statSync(`/proc/${pid}/environ`).uid === 0;

/** One that has opted out. */
export async function closedTarget(): Promise<ObedientProcess> {
  const target = await ObedientProcess.start();
  await target.call('denyTracing', { verify: false });
  expect(isClosed(target.pid)).toBe(true);
  return target;
}

/** A directory of the ordinary user's own, until the test ends. */
export function privateDirectory(mode = 0o700): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-test-'));
  if (IS_ROOT) chownSync(directory, USER, USER);
  chmodSync(directory, mode);
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** What strace says when it has attached, unless -q or -qq keep that back. */
export const STRACE_ATTACHED = /^strace: Process \d+ attached/;

/** The oracle: strace attaches, or says that it may not. Returns its end where it attached. */
export async function straceAttaches(pid: number, options: { uid?: number; gid?: number } = {}) {
  const strace = spawn('strace', ['-e', 'trace=none', '-p', `${pid}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...options,
  });
  onTestFinished(() => void strace.kill());
  const closed = once(strace, 'close');
  const said: string[] = [];
  const isAttached = await new Promise<boolean>(resolve => {
    createInterface({ input: strace.stderr })
      .on('line', line => {
        said.push(line);
        if (STRACE_ATTACHED.test(line)) resolve(true);
      })
      .on('close', () => resolve(false));
  });
  if (!isAttached) {
    await closed;
    if (!said.some(line => line.includes('Operation not permitted')))
      throw new Error(`strace said: ${said.join('\n')}`);
    return null;
  }
  return {
    pid: strace.pid!,
    detach: async () => {
      strace.kill('SIGINT');
      await closed;
    },
  };
}
