// @ts-check
// Writes dist/man: a page for tracegate, and one for each of its commands, from the table that feeds the help
// (lib/cli/commands.ts). Pages of man(7), which groff and mandoc read.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allCommands } from '../../build/modules/cli/commands.js';
import { optionsOf } from '../../build/modules/cli/parse.js';

const root = join(import.meta.dirname, '..', '..');
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [, date = ''] = /^## \d.* - (\S+)$/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')) ?? [];

/** A text as it is, for roff. @param {string} text */
const plain = text =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^[.']/gm, '\\&$&')
    .replace(
      /[^\x20-\x7e\n]/gu,
      character => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );

/** @param {string} text */
const bold = text => `\\fB${plain(text)}\\fR`;
/** @param {string} text */
const italic = text => `\\fI${plain(text)}\\fR`;

/** A sentence of the table has no full stop. @param {string} text */
const sentence = text => `${plain(text.replace(/\.$/, ''))}.`;

/** Words in bold, placeholders in italics: `PID|any`. @param {string} text */
const shown = text =>
  text.replace(/[A-Z]+|[^A-Z]+/g, part => (/[A-Z]/.test(part) ? italic(part) : bold(part)));

/** @param {string} title @param {readonly string[]} lines */
const section = (title, lines) => (lines.length === 0 ? [] : [`.SH ${title}`, ...lines]);

/** @param {readonly (readonly [tag: string, text: string])[]} rows */
const list = rows => rows.flatMap(([tag, text]) => ['.TP', tag, text]);

/** @param {readonly string[]} texts */
const paragraphs = texts => texts.flatMap((text, at) => [...(at > 0 ? ['.PP'] : []), plain(text)]);

/** @param {string} name @param {readonly string[]} lines */
const page = (name, lines) =>
  [
    `.\\" Written by scripts/build/man.mjs`,
    `.TH ${plain(name.toUpperCase())} 1 ${date} "tracegate ${version}" "User Commands"`,
    // No word is hyphenated: a path or an option would look like another one.
    '.nh',
    '.ad l',
    ...lines,
    '',
  ].join('\n');

/** @param {readonly string[]} names of pages, with their sections in brackets */
const references = names =>
  names.map((name, at) => {
    const [, title = '', number] = /^(.*)\((\d)\)$/.exec(name) ?? [];
    return `.BR ${plain(title)} (${number})${at < names.length - 1 ? ',' : ''}`;
  });

/** @param {[string, import('../../lib/cli/command.js').Option]} row @returns {[string, string]} */
function optionRow([name, { short, value, implied, help }]) {
  const long = bold(`--${name}`);
  const text =
    value === undefined
      ? long
      : implied === undefined
        ? `${long} ${shown(value)}`
        : `${long}[=${shown(value)}]`;
  return [short === undefined ? text : `${bold(`-${short}`)}, ${text}`, sentence(help)];
}

/** @param {import('../../lib/cli/command.js').Command} command */
const commandPage = command =>
  page(`tracegate-${command.name}`, [
    ...section('NAME', [`${plain(`tracegate-${command.name}`)} \\- ${plain(command.summary)}`]),
    ...section('SYNOPSIS', [
      `${bold(`tracegate ${command.name}`)} [${italic('options')}] ${shown(command.operands)}`.trimEnd(),
    ]),
    ...section(
      'DESCRIPTION',
      paragraphs([`tracegate ${command.name} ${command.summary}.`, ...command.details]),
    ),
    ...section('OPTIONS', list(Object.entries(optionsOf(command)).map(optionRow))),
    ...section(
      'EXIT STATUS',
      list(command.exitCodes.map(([code, meaning]) => [bold(code), sentence(meaning)])),
    ),
    ...section('SEE ALSO', references(['tracegate(1)'])),
  ]);

/** @param {readonly import('../../lib/cli/command.js').Command[]} commands */
const overview = commands =>
  page('tracegate', [
    ...section('NAME', [`tracegate \\- ${plain('who may trace this process?')}`]),
    ...section('SYNOPSIS', [`${bold('tracegate')} ${italic('COMMAND')} [${italic('options')}]`]),
    ...section('DESCRIPTION', paragraphs([description])),
    ...section(
      'COMMANDS',
      list(commands.map(({ name, summary }) => [`.BR ${plain(`tracegate-${name}`)} (1)`, sentence(summary)])),
    ),
    ...section(
      'OPTIONS',
      list([
        [
          `${bold('-h')}, ${bold('--help')}`,
          sentence('list the commands; after a command: its options and exit codes'),
        ],
        [`${bold('-v')}, ${bold('--version')}`, sentence('show the version')],
      ]),
    ),
    ...section(
      'EXIT STATUS',
      list(
        [
          ['0', 'allowed, pass, done'],
          ['1', 'denied, fail, not done, or no such process'],
          ['2', 'the command line is wrong'],
          ['3', 'the answer could not be found out'],
        ].map(([code = '', meaning = '']) => [bold(code), sentence(meaning)]),
      ),
    ),
    ...section(
      'ENVIRONMENT',
      list([
        [bold('NO_COLOR'), sentence('not empty: the output has no colour')],
        [bold('FORCE_COLOR'), sentence('the output has colour also where it is no terminal; 0: it has none')],
        [bold('COLUMNS'), sentence('the width of a terminal that does not say its own')],
      ]),
    ),
    ...section(
      'FILES',
      list([
        [italic('/etc/passwd'), sentence('the names of users')],
        [italic('/etc/group'), sentence('the names of groups')],
      ]),
    ),
    ...section('SEE ALSO', references(['ptrace(2)', 'prctl(2)', 'proc(5)', 'sysctl.d(5)'])),
  ]);

const commands = await allCommands();
const target = join(root, 'dist', 'man');
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'tracegate.1'), overview(commands));
for (const command of commands)
  writeFileSync(join(target, `tracegate-${command.name}.1`), commandPage(command));
