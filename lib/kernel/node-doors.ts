import { basename } from 'node:path';
import { tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';

/** What a Node process has open, as anybody sees it in /proc without touching it. */
export interface NodeDoors {
  /**
   * What a SIGUSR1 does, which every process of its uid may send: `handled` opens the inspector, unless the program has a
   * listener of its own; `ignored` and `blocked` (`--disable-sigusr1`) do nothing; at `default` it ends.
   */
  sigusr1: 'handled' | 'ignored' | 'blocked' | 'default' | null;
  /** Words of its command line that open it from the start: `--inspect`, `--report-on-signal`, `--heapsnapshot-signal`… */
  flags: string[];
}

const SIGUSR1 = 1n << 9n;

/** The set, in hexadecimal, of a line of /proc/PID/status. */
function has(status: string, set: string): boolean | null {
  const mask = statusLine(status, set)?.trim();
  return mask === undefined || !/^[0-9a-f]+$/.test(mask) ? null : (BigInt(`0x${mask}`) & SIGUSR1) !== 0n;
}

/** fs/proc/array.c, task_sig() */
export function sigusr1Of(status: string): NodeDoors['sigusr1'] {
  const sets = {
    blocked: has(status, 'SigBlk'),
    ignored: has(status, 'SigIgn'),
    handled: has(status, 'SigCgt'),
  };
  if (Object.values(sets).includes(null)) return null;
  if (sets.blocked) return 'blocked';
  if (sets.ignored) return 'ignored';
  return sets.handled ? 'handled' : 'default';
}

const DOORS =
  /^--(inspect(-brk|-wait|-port|-publish-uid)?|report-(on-|uncaught|signal)[a-z-]*|heapsnapshot-signal|debug-port)(=|$)/;

/** Options whose value is the next word, which so is not the program. */
const WITH_VALUE =
  /^(-r|-C|-e|-p|-pe|--(require|import|loader|experimental-loader|conditions|eval|print|env-file|title|input-type|inspect-port|debug-port|heapsnapshot-signal|report-signal))$/;

/** Node's own options stand before the first word that is none, the program; a title that was set replaces them. */
export function doorFlags(commandLine: string): string[] {
  const [, ...words] = commandLine.split('\0');
  const isValue = (at: number) => WITH_VALUE.test(words[at - 1] ?? '');
  const end = words.findIndex((word, at) => !word.startsWith('-') && !isValue(at));
  return words.slice(0, end < 0 ? undefined : end).filter((word, at) => DOORS.test(word) && !isValue(at));
}

const isNode = (commandLine: string) => /^node(js)?$/.test(basename(commandLine.split('\0')[0] ?? ''));

/** Null: it is not seen to be a Node, by the first word of its command line. */
export function nodeDoors(pid: number): NodeDoors | null {
  const commandLine = tryProcFile(pid, 'cmdline');
  const status = tryProcFile(pid, 'status');
  if (commandLine.state !== 'read' || status.state !== 'read' || !isNode(commandLine.text)) return null;
  return { sigusr1: sigusr1Of(status.text), flags: doorFlags(commandLine.text) };
}
