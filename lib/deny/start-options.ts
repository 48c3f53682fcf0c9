import { type OpeningOption, openingOptions, splitNodeOptions } from '../kernel/node-flags.js';
import { textOf } from '../kernel/proc-files.js';

/** As Node read it at its start: a program may have changed it since. */
function nodeOptions(): string {
  const [, found] = /(?:^|\0)NODE_OPTIONS=([^\0]*)/.exec(textOf('/proc/self/environ') ?? '') ?? [];
  return found ?? process.env.NODE_OPTIONS ?? '';
}

/**
 * What this Node was started with, as far as NODE_OPTIONS and its command line show it; of a worker with its own options.
 * Read when this is loaded: once it is closed, a process may not open its own environ any more.
 */
export const startOptions: readonly string[] = [...splitNodeOptions(nodeOptions()), ...process.execArgv];

export const openingStartOptions = (opens: OpeningOption['opens']) =>
  openingOptions(startOptions).filter(option => option.opens === opens);
