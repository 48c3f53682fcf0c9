import { packageUrl } from '../package-files.js';
import { type Channel, closed } from './channel.js';

/** Quotes a word for NODE_OPTIONS if the word has blanks, quotes or backslashes. Node: ParseNodeOptionsEnvVar(). */
const quoted = (word: string) => (/[\s"\\]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word);

const REGISTER = packageUrl('dist/deny.js').href;

/** Node's own option, in newer versions: SIGUSR1 is closed from the start, before `--import` runs. */
const SIGNAL = '--disable-sigusr1';

function wordsForChildren(): string[] {
  const allowed = process.allowedNodeEnvironmentFlags;
  return [quoted(`--import=${REGISTER}`), ...(allowed.has(SIGNAL) ? [SIGNAL] : [])];
}

/** Adds the words that a value of NODE_OPTIONS lacks. */
function withWords(before: string | undefined, words: readonly string[]): string {
  const present = before?.split(/\s+/) ?? [];
  return [...(before ? [before] : []), ...words.filter(word => !present.includes(word))].join(' ');
}

/** Adds the options with which a Node runs denyTracing() before its program. */
export const denyingNodeOptions = (before: string | undefined): string =>
  withWords(before, wordsForChildren());

/** Adds the option with which a Node loads `module` before its program. */
export const importingNodeOptions = (before: string | undefined, module: URL): string =>
  withWords(before, [quoted(`--import=${module.href}`)]);

/**
 * Changes `NODE_OPTIONS` in the environment of this process. Node programs that this process starts later inherit the
 * variable and run denyTracing() before their own code. Other programs ignore NODE_OPTIONS; spawnDenied() and
 * `tracegate run --deny` close those.
 *
 * A Node refuses to start if NODE_OPTIONS has an option that its version lacks. The channel adds `--disable-sigusr1` if
 * the running Node has that option, so a child of an older version may fail to start.
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
