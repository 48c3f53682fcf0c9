import type { Command, Option } from './command.js';
import { table } from './output.js';
import { COMMON_OPTIONS } from './parse.js';

function optionRow([name, { value, implied, help }]: [string, Option]): string[] {
  const shown = value === undefined ? '' : implied === undefined ? ` ${value}` : `[=${value}]`;
  return [`  --${name}${shown}`, help];
}

export function commandHelp(command: Command): string {
  return [
    `usage: tracegate ${command.name}${command.operands && ` ${command.operands}`} [options]`,
    '',
    `${command.name}: ${command.summary}.`,
    ...command.details,
    '',
    table(Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(optionRow)),
  ].join('\n');
}

export function overview(commands: readonly Command[]): string {
  return [
    'tracegate: who may trace this process?',
    '',
    'usage: tracegate COMMAND [options]',
    '',
    table(commands.map(({ name, operands, summary }) => [`  ${name} ${operands}`, summary])),
    '',
    'tracegate COMMAND --help shows its options; --version shows the version; --json gives data.',
    'Exit codes: 0 allowed, pass, done; 1 denied, fail, not done; 2 usage; 3 could not find out.',
  ].join('\n');
}
