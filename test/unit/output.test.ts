// Text that is printed to a terminal.
import { expect, it, onTestFinished, vi } from 'vitest';
import { printable, table, textWidth, wrapped } from '../../lib/cli/output.js';

it('control characters are shown, and not sent to the terminal', () => {
  expect(printable('\u001b]0;owned\u0007')).toBe('\\u{1b}]0;owned\\u{7}');
  expect(printable('a\u202eb\u2028c\u009b')).toBe('a\\u{202e}b\\u{2028}c\\u{9b}');
  expect(printable('naïve ünïcode ✓')).toBe('naïve ünïcode ✓');
});

it('a column is as wide as its widest cell, colour not counted', () => {
  expect(
    table([
      ['a', 'b'],
      ['\u001b[31mccc\u001b[39m', 'd'],
    ]),
  ).toBe('a    b\n\u001b[31mccc\u001b[39m  d');
});

it('the last column is broken at the width, beside the other columns', () => {
  expect(
    table(
      [
        ['a', 'one two three four five six'],
        ['bb', 'seven'],
      ],
      24,
    ),
  ).toBe('a   one two three four\n    five six\nbb  seven');
});

it('a line is broken at the width, without counting colour, and goes on below its beginning', () => {
  const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
  expect(wrapped(`  ${red('one two three four')} five six\n\nend`, 24)).toBe(
    `  ${red('one two three four')}\n  five six\n\nend`,
  );
  expect(wrapped('one  two', Number.POSITIVE_INFINITY)).toBe('one  two');
});

it.each([
  { isTTY: true, columns: 50, env: '70', is: 50 },
  { isTTY: true, columns: 0, env: '70', is: 70 },
  { isTTY: true, columns: undefined, env: undefined, is: 80 },
  { isTTY: true, columns: undefined, env: 'wide', is: 80 },
  { isTTY: false, columns: undefined, env: '70', is: Number.POSITIVE_INFINITY },
])('the width of $isTTY, $columns, COLUMNS=$env is $is', ({ isTTY, columns, env, is }) => {
  vi.stubEnv('COLUMNS', env);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(textWidth(undefined, { isTTY, columns } as NodeJS.WriteStream)).toBe(is);
});
