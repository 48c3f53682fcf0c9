import { type Command, type Option, PLACEHOLDERS, placeholdersIn, wordsOf } from '../command.js';
import { optionsOf } from '../parse.js';

export type Kind = (typeof PLACEHOLDERS)[keyof typeof PLACEHOLDERS];

/** What a shell offers in one place: words, and things of the machine. */
export interface Offer {
  words: readonly string[];
  kinds: readonly Kind[];
}

const kindsIn = (text: string): Kind[] => placeholdersIn(text).map(placeholder => PLACEHOLDERS[placeholder]);

export const offerOf = (option: Option): Offer => ({
  words: wordsOf(option),
  kinds: kindsIn(option.value ?? ''),
});

/** Whether another command stands after `--`. */
export const hasCommand = ({ operands }: Command): boolean => operands.startsWith('-- ');

export const operandsOf = (command: Command): Offer =>
  hasCommand(command)
    ? { words: ['--'], kinds: [] }
    : { words: command.words ?? [], kinds: kindsIn(command.operands) };

/** Options with a value. That of `--deny[=WAY]` stands after `=` only. */
export const valued = (command: Command) =>
  Object.entries(optionsOf(command)).filter(([, { type }]) => type === 'string');

/** A text in single quotes, for zsh. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The characters of the names that a script offers. A process may take any name, and a shell would run `$(…)` in one. */
export const SAFE_NAME = 'A-Za-z0-9._+-';
