import { parseArgs } from 'node:util';
import { isError } from '../is-error.js';
import { type Command, type Option, UsageError, type Values } from './command.js';

/** Options of every command. */
export const COMMON_OPTIONS: Record<string, Option> = {
  json: { type: 'boolean', help: 'the whole answer as one JSON object (schemas/)' },
  help: { type: 'boolean', help: 'this text' },
};

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

export async function parseCommandLine(command: Command, words: string[]): Promise<Parsed> {
  const options = { ...command.options, ...COMMON_OPTIONS };
  try {
    const { positionals, values } = parseArgs({
      args: withImplied(words, options),
      options: Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }])),
      allowPositionals: true,
      strict: true,
    });
    return { operands: positionals, values: values as Values };
  } catch (error) {
    if (!isUsageError(error)) throw error;
    const unknown = /Unknown option '(-[^']*)'/.exec(error.message)?.[1];
    if (unknown === undefined) throw new UsageError(error.message.split(/\.?\n|\. /)[0] ?? error.message);
    const known = Object.keys(options).map(name => `--${name}`);
    throw new UsageError(`${command.name} has no option ${unknown}${await suggestion(unknown, known)}`);
  }
}
