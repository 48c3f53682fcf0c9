import { type OpeningOption, openingOptions, splitNodeOptions } from '../kernel/node-flags.js';
import { textOf } from '../kernel/proc-files.js';

/** NODE_OPTIONS as Node read it at its start; the program may have changed process.env since. */
function nodeOptions(): string {
  const [, found] = /(?:^|\0)NODE_OPTIONS=([^\0]*)/.exec(textOf('/proc/self/environ') ?? '') ?? [];
  return found ?? process.env.NODE_OPTIONS ?? '';
}

/**
 * The start options of this Node from NODE_OPTIONS and the command line; in a worker, with the worker's own options. The
 * options are read when this module is loaded, since a closed process can't open its own environ.
 */
export const startOptions: readonly string[] = [...splitNodeOptions(nodeOptions()), ...process.execArgv];

export const openingStartOptions = (opens: OpeningOption['opens']) =>
  openingOptions(startOptions).filter(option => option.opens === opens);
