// Other programs of the victim's user, as attackers find them: test/fixtures/neighbour.c, and the user's own.
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { compile } from '../helpers/compile.js';
import { AS_USER } from '../helpers/processes.js';
import type { Place, Victim } from './victim.js';

/** The order of neighbour.c. */
const HELD: readonly Place[] = [
  'abstract socket',
  'abstract datagram',
  'named socket',
  'shared memory',
  'System V memory',
  'keyring',
];

/** As the victim's user, in the victim's directory, which is the home directory. */
export const asUser = ({ directory }: Victim, env: Record<string, string> = {}) =>
  ({
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, LC_ALL: 'C', ...env },
    ...AS_USER,
  }) satisfies SpawnOptions;

/** Runs a program of the user's, outside of every domain, to its end. */
export const runAsUser = (victim: Victim, program: string, ...words: string[]): string =>
  execFileSync(program, words, {
    ...asUser(victim),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

export interface Neighbour {
  /** Of its sockets, its memory and its key. */
  name: string;
  memoryId: number;
  /** Why there is no key: an errno, or 0. */
  keyErrno: number;
}

export async function withNeighbour<T>(
  victim: Victim,
  use: (neighbour: Neighbour) => Promise<T>,
): Promise<T> {
  const name = basename(victim.directory);
  const secrets = HELD.map(place => victim.newSecret(place));
  const child = spawn(compile('neighbour.c'), [victim.directory, name, ...secrets], {
    ...asUser(victim),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const [, memoryId, keyErrno] = /^ready (\d+) (\d+)$/.exec(line) ?? [];
    return await use({ name, memoryId: Number(memoryId), keyErrno: Number(keyErrno) });
  } finally {
    child.stdin.end();
    await ended(child);
  }
}

/** While `use` runs: a program of the user's that says a line when it is ready. */
export async function withServer<T>(
  victim: Victim,
  [program = '', ...words]: readonly string[],
  use: () => Promise<T>,
): Promise<T> {
  const child = spawn(program, words, {
    ...asUser(victim, { XDG_DATA_HOME: join(victim.directory, 'share') }),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  try {
    await Promise.race([once(child.stdout, 'data'), closed]);
    child.stdout.resume();
    return await use();
  } finally {
    child.kill();
    await closed;
  }
}
