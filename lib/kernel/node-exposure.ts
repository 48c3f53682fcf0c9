import { basename } from 'node:path';
import { openingOptions } from './node-flags.js';
import { tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';

/** What a Node process has open, as anybody sees it in /proc without touching it. */
export interface NodeExposure {
  /**
   * What a SIGUSR1 does, which every process of its uid may send: `handled` opens the inspector, unless the program has a
   * listener of its own; `ignored` and `blocked` (`--disable-sigusr1`) do nothing; at `default` it ends.
   */
  sigusr1: 'handled' | 'ignored' | 'blocked' | 'default' | null;
  /** Words of its command line that open it from the start, or write down what it holds: `--inspect`, `--report-on-signal`, `--tls-keylog=F`… */
  flags: string[];
}

/** Its bit in the sets of signals. */
const SIGUSR1 = 1 << 9;

/** Sets of signals, of which the lower 32 are enough; what is negative isn't seen. */
export interface SignalSets {
  blocked: number;
  ignored: number;
  handled: number;
}

/** The set, in hexadecimal, of a line of /proc/PID/status. */
function signalSet(status: string, name: string): number {
  const mask = statusLine(status, name)?.trim();
  return mask === undefined || !/^[0-9a-f]+$/.test(mask) ? -1 : Number.parseInt(mask.slice(-8), 16);
}

/** fs/proc/array.c, task_sig() */
export const signalSets = (status: string): SignalSets => ({
  blocked: signalSet(status, 'SigBlk'),
  ignored: signalSet(status, 'SigIgn'),
  handled: signalSet(status, 'SigCgt'),
});

export function sigusr1Of({ blocked, ignored, handled }: SignalSets): NodeExposure['sigusr1'] {
  if (Math.min(blocked, ignored, handled) < 0) return null;
  if (blocked & SIGUSR1) return 'blocked';
  if (ignored & SIGUSR1) return 'ignored';
  return handled & SIGUSR1 ? 'handled' : 'default';
}

/** Options whose value may be the next word, which so is not the program. */
const WITH_VALUE = new RegExp(
  `^(-[rCep]|-pe|--(${[
    'require|(experimental-)?(loader|policy|package-map)|import|conditions|eval|print|env-file(-if-exists)?|title|input-type',
    'allow-fs-(read|write)|run|watch-(path|kill-signal)|disable-(proto|warning)|dns-result-order|unhandled-rejections',
    'experimental-(default-type|sea-config|(default-)?config-file)|config-file|build-(sea|snapshot-config)|snapshot-blob|vfs-load',
    '(inspect|debug)-port|inspect-publish-uid|heapsnapshot-(signal|near-heap-limit)|report-(signal|dir|directory|filename)',
    '(cpu|heap)-prof-(dir|interval|name)|diagnostic-dir|redirect-warnings|trace-event-(categories|file-pattern)|trace-require-module',
    'tls-(cipher-list|keylog)|openssl-config|secure-heap(-min)?|icu-data-dir|localstorage-file|policy-integrity|use-largepages',
    'max-(http-header-size|old-space-size-percentage)|network-family-autoselection-attempt-timeout|process-timeout|v8-pool-size',
    '(test|experimental-test|bench)-[a-z-]+',
  ].join('|')}))$`,
);

/** Node's own options stand before the first word that is none, the program; a title that was set replaces them. */
export function doorFlags(commandLine: string): string[] {
  const [, ...words] = commandLine.split('\0');
  const isValue = (at: number) => WITH_VALUE.test(words[at - 1] ?? '');
  const end = words.findIndex((word, at) => !word.startsWith('-') && !isValue(at));
  const options = words.slice(0, end < 0 ? undefined : end).filter((_, at) => !isValue(at));
  return openingOptions(options).map(({ word }) => word);
}

const isNode = (commandLine: string) => /^node(js)?$/.test(basename(commandLine.split('\0')[0] ?? ''));

export const exposureOf = (commandLine: string, signals: SignalSets): NodeExposure | null =>
  isNode(commandLine) ? { sigusr1: sigusr1Of(signals), flags: doorFlags(commandLine) } : null;

/**
 * Null: it is not seen to be a Node, by the first word of its command line. A Node has a thread for delayed tasks
 * (node_platform.cc, WorkerThreadsTaskRunner), whatever --v8-pool-size says, and one that waits for SIGUSR1 before it handles
 * it (inspector_agent.cc, StartDebugSignalHandler): what has a single thread is none, or is none yet.
 */
export function nodeExposure(pid: number): NodeExposure | null {
  const commandLine = tryProcFile(pid, 'cmdline');
  const status = tryProcFile(pid, 'status');
  if (commandLine.state !== 'read' || status.state !== 'read') return null;
  if (statusLine(status.text, 'Threads') === '1') return null;
  return exposureOf(commandLine.text, signalSets(status.text));
}
