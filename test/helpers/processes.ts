import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { expect, onTestFinished } from 'vitest';
import { publicRoot } from './public-copy.js';

export const ROOT = join(import.meta.dirname, '..', '..');
export const DIST = join(ROOT, 'dist');
export const IS_ROOT = process.getuid?.() === 0;

/** An ordinary user that really has no privilege: us, or as root another. */
export const USER = IS_ROOT ? 1000 : (process.getuid?.() ?? 0);
const GROUP = IS_ROOT ? 1000 : (process.getgid?.() ?? 0);

/** For spawn: libuv then drops the supplementary groups too. */
export const AS_USER = IS_ROOT ? { uid: USER, gid: GROUP } : {};

/** The package, for who runs as that user. */
export const PUBLIC_DIST = join(publicRoot(ROOT, AS_USER), 'dist');

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

/** Until the kernel shows it: for states that announce themselves nowhere else. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

/** The pid of a zombie: its parent is a `cat`, which never waits for children. */
export async function zombie(): Promise<number> {
  const parent = spawn('sh', ['-c', 'cat <&3 >/dev/null & echo $!; exec cat >/dev/null 3<&-'], {
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  });
  onTestFinished(() => void parent.stdin!.end());
  const [line] = await once(createInterface({ input: parent.stdout! }), 'line');
  // The shell would reap it.
  await until(() => statusField(parent.pid!, 'Name') === 'cat');
  (parent.stdio[3] as Writable).end();
  await until(() => stateOf(Number(line)) === 'Z');
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

/** Its state once it sleeps again, where a detach has just woken it: what was left stopped stays so. */
export async function settledState(pid: number): Promise<string | undefined> {
  await until(() => stateOf(pid) !== 'R');
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

  /** @param through a program, with its words, that executes Node: one that confines it, say */
  static async start(
    uid: number | '' = IS_ROOT ? USER : '',
    through: readonly string[] = [],
  ): Promise<ObedientProcess> {
    const [execPath = '', ...execArgv] = [...through, process.execPath];
    const child = fork(join(ROOT, 'test/fixtures/target.mjs'), [PUBLIC_DIST, `${uid}`], {
      execPath,
      execArgv,
    });
    onTestFinished(() => void (child.connected && child.disconnect()));
    await once(child, 'message');
    return new ObedientProcess(child);
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

/** The oracle: strace attaches, or says that it may not. Returns its end where it attached. */
export async function straceAttaches(pid: number, options: { uid?: number; gid?: number } = {}) {
  const strace = spawn('strace', ['-qqe', 'trace=none', '-p', `${pid}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...options,
  });
  onTestFinished(() => void strace.kill());
  let said = '';
  strace.stderr.on('data', chunk => {
    said += chunk;
  });
  const closed = once(strace, 'close');
  // -qq also keeps "attached" back: the tracee's own status tells it.
  while (
    strace.exitCode === null &&
    !/ptrace|attach/.test(said) &&
    statusField(pid, 'TracerPid') !== `${strace.pid}`
  ) {
    await new Promise(setImmediate);
  }
  if (statusField(pid, 'TracerPid') !== `${strace.pid}`) {
    await closed;
    if (!/Operation not permitted/.test(said)) throw new Error(`strace said: ${said}`);
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
