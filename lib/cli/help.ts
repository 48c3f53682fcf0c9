import { type Command, type CommandBody, NOT_FOUND_OUT, type Option, USAGE, UsageError } from './command.js';
import { COMMAND_NAMES, findCommand, HEADINGS, unknownCommand } from './commands.js';
import { fold, table, textWidth } from './output.js';
import { optionsOf } from './parse.js';

export const GENERAL = 'tracegate COMMAND --help shows its options; --json gives data.';

export const EXIT_CODES =
  'Exit codes: 0 allowed, pass, done; 1 denied, fail, not done; 2 usage; 3 could not find out. run and grant --exec end as their command ends.';

/** `-h, --help`, `--scope N`, `--deny[=sealed]` */
export function optionName([name, { short, value, implied }]: readonly [string, Option]): string {
  const shown = value === undefined ? '' : implied === undefined ? ` ${value}` : `[=${value}]`;
  return `${short === undefined ? '' : `-${short}, `}--${name}${shown}`;
}

export const usage = ({ name, operands }: Command): string =>
  `tracegate ${name} [options]${operands && ` ${operands}`}`;

/** The columns of a paragraph where there is no terminal. */
const COLUMNS = 120;

/** A longer name has its text below it, as in the help of GNU's programs. */
const LONGEST = 40;

function optionsTable(command: Command): string {
  const rows = Object.entries(optionsOf(command)).map(row => [`  ${optionName(row)}`, row[1].help] as const);
  const column = Math.max(...rows.map(([name]) => name.length).filter(length => length <= LONGEST));
  return rows
    .map(([name, help]) =>
      name.length > LONGEST
        ? `${name}\n${table([[' '.repeat(column), help]], textWidth())}`
        : table([[name.padEnd(column), help]], textWidth()),
    )
    .join('\n');
}

export function commandHelp(command: Command): string {
  const width = textWidth(COLUMNS);
  return [
    `usage: ${usage(command)}`,
    '',
    ...[`${command.name}: ${command.summary}.`, ...command.details].map(text => fold(text, 0, width)),
    '',
    optionsTable(command),
    '',
    'Exit codes:',
    table(
      command.exitCodes.map(([code, meaning]) => [`  ${code}`, meaning]),
      textWidth(),
    ),
  ].join('\n');
}

function overview(): string {
  const width = textWidth(COLUMNS);
  return [
    'tracegate: who may trace this process?',
    '',
    'usage: tracegate COMMAND [options]',
    '',
    table(
      HEADINGS.map(({ name, operands, summary }) => [`  ${name} ${operands}`, summary]),
      textWidth(),
    ),
    '',
    fold(`${GENERAL} -v, --version shows the version.`, 0, width),
    fold(EXIT_CODES, 0, width),
  ].join('\n');
}

/** The help of a command, or without a name the list of all. */
export async function helpOf(name: string | undefined): Promise<string> {
  if (name === undefined) return overview();
  const command = await findCommand(name);
  if (command === undefined) throw await unknownCommand(name);
  return commandHelp(command);
}

async function run(operands: string[]): Promise<number> {
  if (operands.length > 1) throw new UsageError('help takes one COMMAND: tracegate help COMMAND');
  console.log(await helpOf(operands[0]));
  return 0;
}

export const helpCommand: CommandBody = {
  words: COMMAND_NAMES,
  details: [],
  exitCodes: [['0', 'done'], USAGE, NOT_FOUND_OUT],
  isTextOnly: true,
  options: {},
  run,
};
