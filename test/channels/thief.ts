// The attacker: test/fixtures/thief.c, or a program that it executes.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { compile } from '../helpers/compile.js';
import { AS_USER, USER } from '../helpers/processes.js';
import { GROUP, MARKER, type Place, type Victim } from './victim.js';

export type Outcome =
  /** The attacker has these secrets. */
  | { state: 'leaks'; places: Place[] }
  /** What shows no secret, but may be opened. */
  | { state: 'opens' }
  | { state: 'refused'; by: string }
  /** This kernel doesn't have it. */
  | { state: 'absent'; why: string };

const ERRNO_NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

export interface Thief {
  pid: number;
  /** Its output, after its end. */
  heard: Promise<string>;
  /** Ends the program that it waits for. */
  proceed(): void;
  /** Until it has said this line, or has ended. */
  said(line: string): Promise<void>;
  /** Whether it says a line like that on standard error before it ends. */
  complains(pattern: RegExp): Promise<boolean>;
}

function parseFirstLine(line: string): number {
  const [, pid, parent, uid, capabilities] = /^thief (\d+) (\d+) (\d+) ([0-9a-f]+)$/.exec(line) ?? [];
  // By construction; said all the same, as everything hangs on it.
  if (Number(uid) !== USER || capabilities !== '0' || Number(parent) === process.pid)
    throw new Error(`the thief is not an orphan of uid ${USER} without capabilities: ${line}`);
  return Number(pid);
}

/** Starts an orphan of the victim's uid, without capabilities, for one attempt. */
export const startThief = (victim: Victim, command: string, ...words: string[]): Promise<Thief> =>
  startThiefThrough(victim.through, victim, command, ...words);

/** @param through the program, with its words, that executes the thief; it runs as the victim's user */
export async function startThiefThrough(
  through: readonly string[],
  victim: Victim,
  command: string,
  ...words: string[]
): Promise<Thief> {
  const thief = [compile('thief.c'), `${USER}`, `${GROUP}`, MARKER, command, ...words];
  const [program = '', ...rest] = [...through, ...thief];
  const child = spawn(program, rest, {
    cwd: victim.directory,
    env: { PATH: process.env.PATH, HOME: victim.directory, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    ...(through.length > 0 && AS_USER),
  }) as ChildProcessByStdio<null, Readable, Readable>;
  const release = child.stdio[3] as unknown as Writable;
  release.on('error', () => {});
  const lines: string[] = [];
  const errors: string[] = [];
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  let open = 2;
  const listen = (input: Readable, to: string[]) =>
    createInterface({ input })
      .on('line', line => {
        to.push(line);
        wake();
      })
      .on('close', () => {
        open--;
        wake();
      });
  listen(child.stdout, lines);
  listen(child.stderr, errors);
  const until = async (holds: () => boolean) => {
    while (!holds() && open > 0) await new Promise<void>(resolve => waiting.push(resolve));
  };
  await until(() => lines.length > 0);
  if (lines.length === 0) throw new Error(`the thief did not start: ${errors.join('\n')}`);
  const heard = until(() => false).then(() => [...lines.slice(1), ...errors].join('\n'));
  return {
    pid: parseFirstLine(lines[0] as string),
    heard,
    proceed: () => void release.end(),
    said: line => until(() => lines.includes(line)),
    complains: async pattern => {
      const hasComplained = () => errors.some(line => pattern.test(line));
      await until(hasComplained);
      return hasComplained();
    },
  };
}

/** The secrets in a text; nothing else that looks like one. */
export const placesIn = (victim: Victim, heard: string): Place[] =>
  [...new Set([...heard.matchAll(/(?:^got |held-secret-)([0-9a-f]{32})/gm)].map(([, hex]) => hex as string))]
    .map(hex => victim.placeOf(hex))
    .toSorted();

/** Reads the lines of the thief. */
export function judge(victim: Victim, heard: string): Outcome {
  const places = placesIn(victim, heard);
  if (places.length > 0) return { state: 'leaks', places };
  const [, what, errno] = /^refused (\S+) (\d+)$/m.exec(heard) ?? [];
  const code = ERRNO_NAMES.get(Number(errno)) ?? errno ?? '';
  if (code === 'ENOSYS') return { state: 'absent', why: `the kernel has no ${what}` };
  if (what !== undefined) return { state: 'refused', by: what === 'file' ? 'no file' : `${what}: ${code}` };
  if (/^opens$/m.test(heard)) return { state: 'opens' };
  throw new Error(`neither got in nor was refused: ${heard}`);
}

/** One attempt of the thief's own. */
export async function attempt(victim: Victim, command: string, ...words: string[]): Promise<Outcome> {
  const thief = await startThief(victim, command, ...words);
  return judge(victim, await thief.heard);
}

/** Reads the output of a debugger. It counts as refused only if it says so, and not if it failed otherwise. */
export function judgeProgram(victim: Victim, heard: string): Outcome {
  const places = placesIn(victim, heard);
  if (places.length > 0) return { state: 'leaks', places };
  if (/ptrace.*Operation not permitted|Could not attach|Permission denied/.test(heard))
    return { state: 'refused', by: 'ptrace: EPERM' };
  throw new Error(`neither got in nor was refused: ${heard}`);
}
