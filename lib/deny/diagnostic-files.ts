import { type Channel, closed, failed, openByNature } from './channel.js';
import { openingStartOptions, startOptions } from './start-options.js';

/** A file may give options that show nowhere else. */
const BY_FILE = /^--(experimental-(default-)?)?config-file(=|$)/;

/**
 * Files that Node was told to write, in which others of the uid find keys, or where the code of this process lies. It
 * goes on writing them, whatever a program says.
 *
 * Node: doc/api/cli.md; lib/kernel/node-flags.ts says which, and which are none
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
      `${byFile} may give options that have files written, and is not looked into`,
      'give the options on the command line',
    );
  },
};
