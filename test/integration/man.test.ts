// The man pages that scripts/build/man.mjs writes. scripts/setup.sh installs mandoc.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allCommands, COMMAND_NAMES } from '../../lib/cli/commands.js';
import { optionsOf } from '../../lib/cli/parse.js';
import { ROOT } from '../helpers/processes.js';

const DIRECTORY = join(ROOT, 'dist', 'man');
const pages = readdirSync(DIRECTORY).sort();
const pathOf = (page: string) => join(DIRECTORY, page);

/** mandoc strikes a character twice for bold, and over a line for italics. */
const STRUCK = new RegExp(`.${String.fromCharCode(8)}`, 'gu');

/** The page as a reader sees it, without bold and underlining, in one line. */
const shown = (page: string) =>
  execFileSync('mandoc', ['-T', 'utf8', pathOf(page)])
    .toString()
    .replace(STRUCK, '')
    .replace(/\s+/g, ' ');

it('there is one for tracegate and one for each command, and package.json lists each', () => {
  const names = ['tracegate', ...COMMAND_NAMES.map(name => `tracegate-${name}`)].map(name => `${name}.1`);
  expect(pages).toEqual(names.sort());
  const { man } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { man: string[] };
  expect(man.toSorted()).toEqual(pages.map(page => `dist/man/${page}`).sort());
});

it.each(pages)('mandoc and groff have nothing against %s', page => {
  const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', pathOf(page)], { encoding: 'utf8' });
  expect([lint.status, lint.stdout + lint.stderr]).toEqual([0, '']);
  const groff = spawnSync('groff', ['-man', '-ww', '-z', pathOf(page)], { encoding: 'utf8' });
  expect([groff.status, groff.stdout + groff.stderr]).toEqual([0, '']);
});

it('the page of a command has its operands, and each option and exit code with its text', async () => {
  for (const command of await allCommands()) {
    const text = shown(`tracegate-${command.name}.1`);
    expect(text).toContain(`tracegate ${command.name} [options] ${command.operands}`.trimEnd());
    for (const [name, { help }] of Object.entries(optionsOf(command))) {
      expect(text).toContain(`--${name}`);
      expect(text).toContain(help);
    }
    for (const [code, meaning] of command.exitCodes) expect(text).toContain(`${code} ${meaning}.`);
    for (const detail of command.details) expect(text).toContain(detail.replace(/\.$/, ''));
  }
});

it('the page of tracegate has each command', async () => {
  const text = shown('tracegate.1');
  for (const { name, summary } of await allCommands())
    expect(text).toContain(`tracegate-${name}(1) ${summary}.`);
});
