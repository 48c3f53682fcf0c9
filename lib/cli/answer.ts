import { inspect } from 'node:util';
import { isError } from '../is-error.js';
import { packageVersion } from '../package-files.js';
import { printable } from '../printable.js';
import { type ExitCode, UsageError } from './command.js';
import { findCommand, unknownCommand } from './commands.js';
import { parseCommandLine } from './parse.js';

async function printHelp(name?: string): Promise<void> {
  const { helpOf } = await import('./help.js');
  console.log(await helpOf(name));
}

async function run([word, ...rest]: readonly string[]): Promise<number> {
  if (word === '--version' || word === '-v') {
    console.log(packageVersion());
    return 0;
  }
  if (word === undefined || word === '--help' || word === '-h') {
    await printHelp();
    return word === undefined ? 2 : 0;
  }
  const command = await findCommand(word);
  if (command === undefined) {
    if (word.startsWith('-'))
      throw new UsageError(`options stand after the command: tracegate COMMAND ${word}`);
    throw await unknownCommand(word);
  }
  const { operands, values } = await parseCommandLine(command, rest);
  if (values.help) {
    await printHelp(word);
    return 0;
  }
  try {
    return await command.run(operands, values);
  } catch (error) {
    const code = report(error);
    return code === 3 ? (command.failure ?? 3) : code;
  }
}

/** One line: what failed, why, what to do. */
export function report(error: unknown): ExitCode {
  const isSystemic = isError(error) && 'code' in error;
  const isUsage = error instanceof UsageError;
  const message = isUsage || isSystemic ? printable((error as Error).message) : inspect(error);
  console.error(`tracegate: ${message}`);
  if (isUsage) for (const line of error.list) console.error(line);
  if (isUsage || (isSystemic && error.code === 'ERR_TRACEGATE_INVALID_OPTION')) return 2;
  return isSystemic && (error.code === 'ESRCH' || error.code === 'ERR_TRACEGATE_CONSENT') ? 1 : 3;
}

/** Runs a command line without the program's own name. It writes the answer and returns the exit code. */
export const answer = (words: readonly string[]): Promise<number> => run(words).catch(report);
