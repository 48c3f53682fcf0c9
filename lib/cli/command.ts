import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';

/** 0 allowed, pass or done; 1 denied, fail or not done; 2 usage; 3 could not find out. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Option {
  type: 'boolean' | 'string';
  /** The letter of the short form. */
  short?: string;
  /** The placeholder for the value in the help: words and placeholders, separated by `|`. */
  value?: string;
  /** The words that the value may be. Others are refused, unless `value` has a placeholder of PLACEHOLDERS. */
  words?: readonly string[];
  /** Whether the option may be given several times. The value is then a list. Of another option the last value counts. */
  multiple?: true;
  /** The value of the option without `=`. Other values are accepted only as `--name=value`. */
  implied?: string;
  help: string;
}

export type Values = Record<string, string | boolean | string[] | undefined>;

/** The placeholders in the table whose values a shell can complete. */
export const PLACEHOLDERS = {
  PID: 'pid',
  NAME: 'process-name',
  FILE: 'file',
  PATH: 'file',
  SOCKET: 'file',
  DIR: 'directory',
  USER: 'user',
  PROGRAM: 'program',
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;

/** The placeholders in a text such as `PID|any` or `[PID]`. */
export const placeholdersIn = (text: string): Placeholder[] =>
  (text.match(/[A-Z]+/g) ?? []).filter(word => Object.hasOwn(PLACEHOLDERS, word)) as Placeholder[];

/** The words that an option takes: those of `words`, or the lower-case ones of `value`. */
export const wordsOf = ({ value = '', words }: Option): readonly string[] =>
  words ?? value.split('|').filter(word => /^[a-z][a-z-]*$/.test(word));

/** What the list of all commands shows of one. */
export interface CommandHeading {
  name: string;
  /** The positional arguments, as in the help. */
  operands: string;
  summary: string;
}

export interface CommandBody {
  /** The words that the first operand may be. */
  words?: readonly string[];
  /** Paragraphs of the command's own help. */
  details: readonly string[];
  /** Each exit code with its meaning. */
  exitCodes: readonly (readonly [code: string, meaning: string])[];
  /** The exit code where the command could not do its work: 3 by default. */
  failure?: number;
  /** Whether the command takes no --json, because it answers with no data. */
  isTextOnly?: true;
  options: Record<string, Option>;
  run(operands: string[], values: Values): Promise<number> | number;
}

/** A row of the one table that feeds the parser, the help, the man pages and the completion of shells. */
export type Command = CommandHeading & CommandBody;

export const NAMES =
  'A NAME is that of one running process: in the kernel (comm), of its program, or its first word (argv[0]).';
export const USAGE = ['2', 'the command line is wrong'] as const;
export const NOT_FOUND_OUT = ['3', 'the answer could not be found out'] as const;

/** The command line is wrong: exit code 2, and one line. `list` stands below that line, a row each. */
export class UsageError extends Error {
  readonly list: readonly string[];

  constructor(message: string, list: readonly string[] = []) {
    super(message);
    this.list = list;
  }
}

/** `a, b or c` */
export const either = (words: readonly string[]): string => words.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** A number in decimal digits. Other forms, such as `1e3` and ` 1`, are refused. */
export function parseNumber(text: string): number | null {
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

export function parsePid(text: string): number {
  const pid = parseNumber(text);
  if (pid === null || pid < 1 || pid > 2 ** 31 - 1) {
    throw new UsageError(
      `${JSON.stringify(text)} is not a pid: give a number from 1 to 2147483647, as ps shows it`,
    );
  }
  return pid;
}

export const SCOPES = ['0', '1', '2', '3'] as const;

export function parseScope(text: string): PtraceScopeValue {
  if (!SCOPES.some(scope => scope === text))
    throw new UsageError(`--scope ${JSON.stringify(text)}: use ${either(SCOPES)}`);
  return Number(text) as PtraceScopeValue;
}
