import { inspect } from 'node:util';
import { isError } from '../is-error.js';
import { printable } from '../printable.js';
import { type ExitCode, UsageError } from './command.js';
import { allCommands, COMMAND_NAMES, findCommand } from './commands.js';
import { parseCommandLine, suggestion } from './parse.js';
import { version } from './version.js';

async function run([word, ...rest]: readonly string[]): Promise<ExitCode> {
  if (word === '--version') {
    console.log(version());
    return 0;
  }
  if (word === undefined || word === '--help' || word === 'help') {
    const { overview } = await import('./help.js');
    console.log(overview(await allCommands()));
    return word === undefined ? 2 : 0;
  }
  const command = await findCommand(word);
  if (command === undefined) {
    throw new UsageError(
      `there is no command ${JSON.stringify(word)}${await suggestion(word, COMMAND_NAMES)} (tracegate --help lists them)`,
    );
  }
  const { operands, values } = await parseCommandLine(command, rest);
  if (values.help) {
    const { commandHelp } = await import('./help.js');
    console.log(commandHelp(command));
    return 0;
  }
  return command.run(operands, values);
}

/** One line: what failed, why, what to do. */
export function report(error: unknown): ExitCode {
  const isSystemic = isError(error) && 'code' in error;
  const message = error instanceof UsageError || isSystemic ? (error as Error).message : inspect(error);
  console.error(`tracegate: ${isSystemic || error instanceof UsageError ? printable(message) : message}`);
  if (error instanceof UsageError || (isSystemic && error.code === 'ERR_TRACEGATE_INVALID_OPTION')) return 2;
  return isSystemic && (error.code === 'ESRCH' || error.code === 'ERR_TRACEGATE_CONSENT') ? 1 : 3;
}

/** Runs a command line without the program's own name. It writes the answer and returns the exit code. */
export const answer = (words: readonly string[]): Promise<ExitCode> => run(words).catch(report);
