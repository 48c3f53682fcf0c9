import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';

/** 0 allowed, pass or done; 1 denied, fail or not done; 2 usage; 3 could not find out. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Option {
  type: 'boolean' | 'string';
  /** The placeholder for the value in the help. */
  value?: string;
  /** The value of the option without `=`. Other values are accepted only as `--name=value`. */
  implied?: string;
  help: string;
}

export type Values = Record<string, string | boolean | undefined>;

/** A row of the one table that feeds the parser, the help and the README. */
export interface Command {
  name: string;
  /** The positional arguments, as in the help. */
  operands: string;
  summary: string;
  /** Lines of the command's own help. */
  details: readonly string[];
  options: Record<string, Option>;
  run(operands: string[], values: Values): Promise<ExitCode> | ExitCode;
}

/** The command line is wrong: one line, exit code 2. */
export class UsageError extends Error {}

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

export function parseScope(text: string): PtraceScopeValue {
  if (!/^[0-3]$/.test(text)) throw new UsageError(`--scope ${JSON.stringify(text)}: use 0, 1, 2 or 3`);
  return Number(text) as PtraceScopeValue;
}
