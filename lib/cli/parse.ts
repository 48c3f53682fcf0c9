import { parseArgs } from 'node:util';
import { isError } from '../is-error.js';
import { type Command, either, type Option, placeholdersIn, UsageError, type Values } from './command.js';

const JSON_OPTION: Option = { type: 'boolean', help: 'the whole answer as one JSON object (schemas/)' };
const HELP_OPTION: Option = { type: 'boolean', short: 'h', help: 'show this help' };

/** The options of a command, with those that others have too. */
export const optionsOf = ({ options, isTextOnly }: Command): Record<string, Option> => ({
  ...options,
  ...(!isTextOnly && { json: JSON_OPTION }),
  help: HELP_OPTION,
});

/** `; did you mean X?`, if a known word is similar. */
export async function suggestion(word: string, known: readonly string[]): Promise<string> {
  if (known.length === 0) return '';
  const { closest, distance } = await import('fastest-levenshtein');
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.max(1, Math.floor(word.length / 3))
    ? `; did you mean ${nearest}?`
    : '';
}

export interface Parsed {
  operands: string[];
  values: Values;
}

function isUsageError(error: unknown): error is Error & { code: string } {
  return (
    isError(error) &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('ERR_PARSE_ARGS_')
  );
}

/** Turns `--deny` alone into `--deny=sealed`. Words after `--` belong to the command and stay unchanged. */
function withImplied(words: string[], options: Record<string, Option>): string[] {
  const end = words.indexOf('--');
  return words.map((word, at) => {
    const implied = end >= 0 && at > end ? undefined : options[word.slice(2)]?.implied;
    return implied !== undefined && word.startsWith('--') ? `${word}=${implied}` : word;
  });
}

/** Refuses a second value of an option that takes one: the first would be lost without a word. */
function single(options: Record<string, Option>, given: Record<string, (string | boolean)[]>): Values {
  const values: Values = {};
  for (const [name, list] of Object.entries(given)) {
    const [first, second] = list;
    const isMany = options[name]?.multiple === true;
    if (!isMany && typeof second === 'string')
      throw new UsageError(
        `--${name} is given twice: ${JSON.stringify(first)} and ${JSON.stringify(second)}`,
      );
    values[name] = isMany ? (list as string[]) : first;
  }
  return values;
}

/** Refuses a value that is none of the words that its option takes. */
async function checkWords(options: Record<string, Option>, values: Values): Promise<void> {
  for (const [name, { words, value: shown = '' }] of Object.entries(options)) {
    if (words === undefined || placeholdersIn(shown).length > 0) continue;
    const value = [values[name]].flat().find(one => typeof one === 'string' && !words.includes(one));
    if (typeof value !== 'string') continue;
    const wanted = `use ${either(words)}${await suggestion(value, words)}`;
    throw new UsageError(`--${name} ${JSON.stringify(value)}: ${wanted}`);
  }
}

/** The option as it was written: of `-json` the error of parseArgs() names only the first letter. */
const asWritten = (option: string, words: readonly string[]): string =>
  words.find(word => word !== option && /^-[^-]/.test(option) && word.startsWith(option)) ?? option;

export async function parseCommandLine(command: Command, words: string[]): Promise<Parsed> {
  const options = optionsOf(command);
  const args = withImplied(words, options);
  try {
    const { positionals, values: given } = parseArgs({
      args,
      options: Object.fromEntries(
        Object.entries(options).map(([name, { type, short }]) => [
          name,
          { type, multiple: true, ...(short !== undefined && { short }) },
        ]),
      ),
      allowPositionals: true,
      strict: true,
    });
    const values = single(options, given as Record<string, (string | boolean)[]>);
    await checkWords(options, values);
    return { operands: positionals, values };
  } catch (error) {
    if (!isUsageError(error)) throw error;
    const found = /Unknown option '(-[^']*)'/.exec(error.message)?.[1];
    if (found === undefined) throw new UsageError(error.message.split(/\.?\n|\. /)[0] ?? error.message);
    const unknown = asWritten(found, args);
    const known = Object.keys(options).map(name => `--${name}`);
    const similar = await suggestion(unknown.replace(/^-+/, '--'), known);
    throw new UsageError(`${command.name} has no option ${unknown}${similar}`);
  }
}
