// Crashes real processes, looks for their cores, and compares them with the prediction.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import type { CoreDumpExplanation } from '../../lib/explain/index.js';
import { compile } from './compile.js';

export interface Start {
  /** The user that executes the program. */
  bornAs: number;
  /** The credentials that it takes by itself. */
  uid: number;
  limit: number | 'unlimited';
  fileLimit?: number;
  directory: string;
  /** The kernel's value, or the value that the program sets itself. */
  dumpable: 'kept' | 0 | 1;
  /** The root directory of the program. */
  root?: string;
  /** A program, with its words, that executes it. */
  through?: readonly string[];
}

export interface Crasher {
  pid: number;
  /** PR_GET_DUMPABLE, by itself. */
  dumpable: number;
  crash(): Promise<void>;
}

/** test/fixtures/crashes.c, ready. It ends with its input. */
export async function crasher(start: Start): Promise<Crasher> {
  const { bornAs, uid, limit, fileLimit, directory, dumpable, root, through = [] } = start;
  const own = [uid, limit === 'unlimited' ? '-' : limit, fileLimit ?? '-', directory, dumpable].map(String);
  const [program = '', ...words] = [...through, compile('crashes.c'), ...own, ...(root ? [root] : [])];
  const born = bornAs === process.getuid?.() ? {} : { uid: bornAs, gid: bornAs };
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], ...born });
  const closed = once(child, 'close');
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    closed.then(end => {
      throw new Error(`crashes.c ended before it was ready: ${JSON.stringify({ start, end })}`);
    }),
  ]);
  return {
    pid: child.pid!,
    dumpable: Number(line),
    crash: async () => {
      child.kill('SIGABRT');
      expect((await closed)[1]).toBe('SIGABRT');
    },
  };
}

export interface Core {
  path: string;
  uid: number;
  mode: number;
  bytes: number;
}

const ET_CORE = 4;

/** include/uapi/linux/elf.h: the magic number, and e_type. A core that is cut off has at least these. */
function isCore(path: string): boolean {
  const found = lstatSync(path);
  if (!found.isFile() || found.size < 18) return false;
  const fd = openSync(path, 'r');
  const head = Buffer.alloc(18);
  readSync(fd, head);
  closeSync(fd);
  return head.toString('latin1', 0, 4) === '\x7fELF' && head.readUInt16LE(16) === ET_CORE;
}

/** Those in these directories and below. */
export function coresIn(...directories: string[]): Core[] {
  return directories.flatMap(directory =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .map(name => join(directory, name))
      .filter(isCore)
      .map(path => {
        const { uid, mode, size } = lstatSync(path);
        return { path, uid, mode: mode & 0o777, bytes: size };
      }),
  );
}

/** Whether the prediction is right; null without a prediction. */
/** A core may be larger than its limit, which doesn't count holes: fs/coredump.c, dump_skip(). */
const HOLES = 64 * 1024;

export function agrees(said: CoreDumpExplanation, cores: readonly Core[]): boolean | null {
  const [core] = cores;
  if (said.answer === 'unknown') return null;
  if (said.answer === 'denied') return core === undefined;
  if (core === undefined || cores.length > 1) return false;
  const { destination } = said;
  if (destination?.kind !== 'file') return destination?.kind === 'pipe';
  return (
    core.uid === destination.owner &&
    core.mode === 0o600 &&
    (!destination.isExact || core.path === destination.path) &&
    (destination.limit === 'unlimited' || core.bytes <= destination.limit! + HOLES)
  );
}
