import { openingOptions } from './node-flags.js';
import { isNodeProgram } from './node-internals.js';
import { tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';

/** The ways into a Node process that everybody sees in /proc, without touching the process. */
export interface NodeExposure {
  /**
   * The effect of SIGUSR1, which every process of the uid may send. `handled`: it opens the inspector, unless the
   * program has a listener of its own. `ignored` and `blocked` (`--disable-sigusr1`): no effect. `default`: it ends the
   * process.
   */
  sigusr1: 'handled' | 'ignored' | 'blocked' | 'default' | null;
  /**
   * Options of the command line that open the process from its start, or write its data to files: `--inspect`,
   * `--report-on-signal`, `--tls-keylog=F`…
   */
  flags: string[];
}

/** The bit of SIGUSR1 in the sets of signals. */
const SIGUSR1 = 1 << 9;

/** The lower 32 bits of the signal sets. A negative set isn't seen. */
export interface SignalSets {
  blocked: number;
  ignored: number;
  handled: number;
}

/** The signal set in one line of /proc/PID/status, which has it in hexadecimal. */
function signalSet(status: string, name: string): number {
  const mask = statusLine(status, name)?.trim();
  return mask === undefined || !/^[0-9a-f]+$/.test(mask) ? -1 : Number.parseInt(mask.slice(-8), 16);
}

/** Kernel: fs/proc/array.c, task_sig() */
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

/** Options whose value may be the next word. Such a value is not the program. */
const WITH_VALUE = new RegExp(
  `^(-[rCep]|-pe|--(${[
    'require|(experimental-)?(loader|policy|package-map)|import|conditions|eval|print|env-file(-if-exists)?|title|input-type',
    'allow-fs-(read|write)|run|watch-(path|kill-signal)|disable-(proto|warning)|dns-result-order|unhandled-rejections',
    'experimental-(default-type|sea-config|(default-)?config-file)|config-file|build-(sea|snapshot-config)|snapshot-blob|vfs-(load|mount)',
    '(inspect|debug)-port|inspect-publish-uid|heapsnapshot-(signal|near-heap-limit)|report-(signal|dir|directory|filename)',
    '(cpu|heap)-prof-(dir|interval|name)|diagnostic-dir|redirect-warnings|trace-event-(categories|file-pattern)|trace-require-module',
    'tls-(cipher-list|keylog)|openssl-config|secure-heap(-min)?|icu-data-dir|localstorage-file|policy-integrity|use-largepages',
    'max-(http-header-size|old-space-size-percentage)|network-family-autoselection-attempt-timeout|process-timeout|v8-pool-size',
    '(test|experimental-test|bench)-[a-z-]+',
  ].join('|')}))$`,
);

/**
 * Node's own options stand before the program, which is the first other word. A title that was set replaces the options.
 */
export function doorFlags(commandLine: string): string[] {
  const [, ...words] = commandLine.split('\0');
  const isValue = (at: number) => WITH_VALUE.test(words[at - 1] ?? '');
  const end = words.findIndex((word, at) => !word.startsWith('-') && !isValue(at));
  const options = words.slice(0, end < 0 ? undefined : end).filter((_, at) => !isValue(at));
  return openingOptions(options).map(({ word }) => word);
}

export const exposureOf = (commandLine: string, signals: SignalSets): NodeExposure | null =>
  isNodeProgram(commandLine.split('\0')[0] ?? '')
    ? { sigusr1: sigusr1Of(signals), flags: doorFlags(commandLine) }
    : null;

/**
 * The exposure of a process. Null: the first word of its command line doesn't name Node, or the process has one thread.
 * Node always has more threads, so a process with a single thread is no Node, or none yet. One thread is for delayed
 * tasks (node_platform.cc, WorkerThreadsTaskRunner), whatever --v8-pool-size says. Another waits for SIGUSR1 before Node
 * handles the signal (inspector_agent.cc, StartDebugSignalHandler).
 */
export function nodeExposure(pid: number): NodeExposure | null {
  const commandLine = tryProcFile(pid, 'cmdline');
  const status = tryProcFile(pid, 'status');
  if (commandLine.state !== 'read' || status.state !== 'read') return null;
  if (statusLine(status.text, 'Threads') === '1') return null;
  return exposureOf(commandLine.text, signalSets(status.text));
}
