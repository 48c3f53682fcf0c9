import { type Channel, closed, failed, openByNature } from './channel.js';
import { openingStartOptions, startOptions } from './start-options.js';

/** Options by which Node reads further options from a file, which tracegate doesn't read. */
const BY_FILE = /^--(experimental-(default-)?)?config-file(=|$)/;

/**
 * Reports files that Node's start options make it write. Neighbours find keys in these files, or the addresses of this
 * process's code. A program can't stop Node from writing them.
 *
 * Node: doc/api/cli.md; lib/kernel/node-flags.ts lists the options
 */
export const diagnosticFiles: Channel = {
  name: 'diagnostic-files',
  close() {
    const opening = openingStartOptions('diagnostic-files');
    if (opening.length > 0) {
      const why = opening.map(({ word, does }) => `${word} ${does}`).join('; ');
      return failed(why, `start Node without ${opening.map(({ word }) => word).join(', ')}`);
    }
    const byFile = startOptions.find(word => BY_FILE.test(word));
    if (byFile === undefined) return closed('nothing');
    return openByNature(
      `${byFile} may give options that write files, and is not read`,
      'give the options on the command line',
    );
  },
};
