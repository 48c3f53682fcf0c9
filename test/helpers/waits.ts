// Waiting for another process means waiting for an event: an event of the kernel if there is one, otherwise the end of
// a program that polls (test/fixtures/awaits.c). This process never polls itself: on one processor it would keep the
// other process from running.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { text } from 'node:stream/consumers';
import { compile } from './compile.js';

async function awaits(words: readonly string[], signal?: AbortSignal): Promise<void> {
  const child = spawn(compile('awaits.c'), words, { stdio: ['ignore', 'ignore', 'pipe'], signal });
  const [said, [code, killedBy]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`awaits ${words.join(' ')}: ${said.trim() || (killedBy ?? code)}`);
}

/** Until they have ended and closed their files; at most their parents haven't heard of it yet. */
export const ended = (...pids: number[]): Promise<void> => awaits(['ended', ...pids.map(String)]);

/** How the first word of a field compares with another word, or number. */
type Comparison = 'is' | 'is-not' | 'at-most';

/** Until that holds of a field of /proc/PID/status, or of the file in its place. */
export const statusBecomes = (
  of: number | string,
  field: 'State' | 'TracerPid' | 'Threads',
  how: Comparison,
  word: string | number,
  signal?: AbortSignal,
): Promise<void> =>
  awaits(['status', typeof of === 'number' ? `/proc/${of}/status` : of, field, how, `${word}`], signal);

/** Until the process isn't dumpable. */
export const closed = (pid: number): Promise<void> => awaits(['closed', `${pid}`]);

/** Until that holds of a directory, or of a file. It is asked at first and at each change (inotify). */
export async function changedUntil(path: string, holds: () => boolean): Promise<void> {
  const watcher = watch(path);
  try {
    while (!holds()) await once(watcher, 'change');
  } finally {
    watcher.close();
  }
}
