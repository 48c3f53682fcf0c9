import { type Channel, closed } from './channel.js';

/** As a word of NODE_OPTIONS, whose own quoting takes blanks: lib/internal/options, ParseNodeOptionsEnvVar. */
const quoted = (word: string) => (/[\s"\\]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word);

const REGISTER = new URL('./register.js', import.meta.url).href;

/** Node's own switch, where this Node has it: it closes the time before the first line too. */
const SIGNAL = '--disable-sigusr1';

function wordsForChildren(): string[] {
  const allowed = process.allowedNodeEnvironmentFlags;
  return [quoted(`--import=${REGISTER}`), ...(allowed.has(SIGNAL) ? [SIGNAL] : [])];
}

/** A value of NODE_OPTIONS with these words too. */
function withWords(before: string | undefined, words: readonly string[]): string {
  const present = before?.split(/\s+/) ?? [];
  return [...(before ? [before] : []), ...words.filter(word => !present.includes(word))].join(' ');
}

/** A value of NODE_OPTIONS with which a Node denies from its first line. */
export const denyingNodeOptions = (before: string | undefined): string =>
  withWords(before, wordsForChildren());

/** A value of NODE_OPTIONS with which a Node loads a module before its program. */
export const importingNodeOptions = (before: string | undefined, module: URL): string =>
  withWords(before, [quoted(`--import=${module.href}`)]);

/**
 * `NODE_OPTIONS` of this process' environment, which the Nodes that it starts from now on inherit: they deny from their
 * first line. Other programs don't look at it, and are closed by spawnDenied() and `tracegate run --deny`. A Node of a
 * version that lacks an option of it refuses to start: `--disable-sigusr1` is there if this one has it.
 *
 * Node: nodejs.org/api/cli.html#node_optionsoptions
 */
export const children: Channel = {
  name: 'children',
  close() {
    const before = process.env.NODE_OPTIONS;
    const after = denyingNodeOptions(before);
    if (after === before) return closed('nothing');
    process.env.NODE_OPTIONS = after;
    const undo = () => {
      if (before === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = before;
    };
    return closed(undo, [
      'the Node programs that this process starts deny too, unless they get another environment',
    ]);
  },
};
