import { basename } from 'node:path';
import type { Snapshot } from '../kernel/host.js';
import { linkOf, listedPids, showsOurPids, tryProcFile } from '../kernel/proc-files.js';
import { kindOf, parseStat, type StatFacts } from '../kernel/proc-status.js';
import { parsePid, UsageError, type Values } from './command.js';
import { cut, printable, table, textWidth } from './output.js';

/** A number, also a mistyped one, is no name. */
export const isName = (text: string): boolean => /^[^\p{N}\s+-]/u.test(text);

interface Candidate {
  pid: number;
  /** Whether a program runs in it: none does in a kernel thread or a zombie. */
  isRunning: boolean;
  shown: string;
}

/** A process that has ended, or a thread of the kernel, counts only if no running program has the name. */
function theOne(name: string, candidates: readonly Candidate[], where: string): number {
  const running = candidates.filter(({ isRunning }) => isRunning);
  const [one, ...more] = running.length > 0 ? running : candidates;
  if (one === undefined) {
    const message = `no process that is visible ${where} has the name ${JSON.stringify(name)}`;
    throw Object.assign(new Error(message), { code: 'ESRCH' });
  }
  if (more.length === 0) return one.pid;
  const rows = [one, ...more].map(({ pid, shown }) => [`${pid}`.padStart(7), shown]);
  const width = textWidth(LINE, process.stderr);
  throw new UsageError(
    `${rows.length} processes have the name ${JSON.stringify(name)}: name one by its pid`,
    table(rows)
      .split('\n')
      .map(line => cut(line, width)),
  );
}

/** The columns of a command line where there is no terminal. */
const LINE = 120;

const commandLineOf = (pid: number): string => {
  const read = tryProcFile(pid, 'cmdline');
  return read.state === 'read' ? read.text.replace(/\0+$/, '') : '';
};

function statOf(pid: number): StatFacts | null {
  const read = tryProcFile(pid, 'stat');
  return read.state === 'read' ? parseStat(read.text) : null;
}

/** A word of a command line that starts this program: `tracegate`, a path of it, `tracegate@1.2.3`. */
const STARTS_TRACEGATE = /(^|[\0\s/"'])tracegate(@[^\0\s"']*|\.cjs)?($|[\0\s"';&|])/;

/** This process, and the shells, npx, sudo and the like that run only for it. */
function ownProcesses(): Set<number> {
  const own = new Set([process.pid]);
  for (let pid = process.ppid; pid > 1 && STARTS_TRACEGATE.test(commandLineOf(pid)); ) {
    own.add(pid);
    pid = statOf(pid)?.ppid ?? 0;
  }
  return own;
}

/** The program of a login shell has a dash before its name. */
const programIn = (commandLine: string): string =>
  basename(commandLine.split('\0', 1)[0] ?? '').replace(/^-/, '');

/** The kernel marks the link of a program whose file is gone: fs/d_path.c, path_with_deleted(). */
const programAt = (pid: number): string =>
  basename((linkOf(`/proc/${pid}/exe`) ?? '').replace(/ \(deleted\)$/, ''));

function candidateFor(name: string, pid: number): Candidate | null {
  const stat = statOf(pid);
  if (stat === null) return null;
  const kind = kindOf(stat);
  const isRunning = kind === 'user' || kind === 'exiting';
  const hasName =
    stat.comm === name || (isRunning && (programAt(pid) === name || programIn(commandLineOf(pid)) === name));
  if (!hasName) return null;
  const words = commandLineOf(pid).replaceAll('\0', ' ');
  return { pid, isRunning, shown: printable(words === '' ? `[${stat.comm}]` : words) };
}

function pidHere(name: string): number {
  if (!showsOurPids())
    throw new UsageError(
      `${JSON.stringify(name)}: names are read from /proc, which is that of another pid namespace here: give a pid`,
    );
  const own = ownProcesses();
  const candidates = listedPids().flatMap(pid => (own.has(pid) ? [] : (candidateFor(name, pid) ?? [])));
  return theOne(name, candidates, 'here');
}

/** A snapshot has only the names in the kernel. */
function pidIn({ processes }: Snapshot, name: string): number {
  const candidates = processes.flatMap(({ pid, comm, kind, uids }) =>
    comm === name
      ? [
          {
            pid,
            isRunning: kind !== 'kernel-thread' && kind !== 'zombie',
            shown: `${printable(comm)}, uid ${uids.effective ?? 'not seen'}`,
          },
        ]
      : [],
  );
  return theOne(name, candidates, 'in the snapshot');
}

/**
 * The process that a word means: by its pid, or by its name in the kernel (comm), its program's file or its first word. Threads
 * have no names here, since /proc lists processes. Text output begins with the pid of a name.
 *
 * @param snapshot the processes; by default those of this host
 * @throws UsageError if the word is neither, or if several processes have the name
 * @throws Error `ESRCH` if no process has the name
 */
export function pidOf(word: string, { json, ndjson }: Values, snapshot?: Snapshot): number {
  if (!isName(word)) return parsePid(word);
  const pid = snapshot === undefined ? pidHere(word) : pidIn(snapshot, word);
  if (!json && !ndjson) console.log(`${printable(word)}, PID ${pid}`);
  return pid;
}
