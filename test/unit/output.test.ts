// Text that is printed to a terminal.
import { expect, it } from 'vitest';
import { printable, table } from '../../lib/cli/output.js';

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
