// The table of commands, which feeds the parser, the help, the man pages and the completion.
import { expect, it } from 'vitest';
import { placeholdersIn, wordsOf } from '../../lib/cli/command.js';
import { allCommands } from '../../lib/cli/commands.js';
import { optionsOf } from '../../lib/cli/parse.js';

const commands = await allCommands();

it.each(commands.map(command => [command.name, command] as const))(
  '%s lists an exit code for success, for wrong usage and for a failure, each once',
  (_, { exitCodes, failure = 3 }) => {
    const codes = exitCodes.map(([code]) => code);
    expect(codes).toEqual([...new Set(codes)]);
    expect(codes.some(code => code === '0' || code === 'N')).toBe(true);
    expect(codes).toEqual(expect.arrayContaining(['2', `${failure}`]));
  },
);

it('a value has a placeholder, and words without a character that a shell takes for more', () => {
  for (const command of commands) {
    for (const option of Object.values(optionsOf(command))) {
      for (const word of option.words ?? []) expect(word).toMatch(/^[a-z0-9-]+$/);
      if (option.type === 'boolean') expect([option.value, option.words]).toEqual([undefined, undefined]);
      else expect(option.value).toBeDefined();
    }
  }
});

it('the words and placeholders of a value are told apart', () => {
  const option = { type: 'string', value: 'self|stranger|USER[:GROUP]', help: '' } as const;
  expect(wordsOf(option)).toEqual(['self', 'stranger']);
  expect(placeholdersIn(option.value)).toEqual(['USER']);
  expect(wordsOf({ ...option, words: ['other'] })).toEqual(['other']);
});
