// The columns of a row that the addon gives.
import { expect, it } from 'vitest';
import { placesOf } from '../../lib/kernel/process-columns.js';

it('a column is where the addon has it, whatever the order', () => {
  expect(placesOf(['pid', 'ppid', 'comm'], ['comm', 'pid', 'ppid'])).toEqual({ comm: 0, pid: 1, ppid: 2 });
});

it.each([
  ['lacks', ['pid', 'ppid'], ['pid']],
  ['has besides', ['pid'], ['pid', 'ppid']],
  ['has twice', ['pid', 'ppid'], ['pid', 'pid']],
])('a column that the addon %s is an error, and no number of another column', (_, wanted, given) => {
  expect(() => placesOf(wanted, given)).toThrow("The addon's columns are");
});
