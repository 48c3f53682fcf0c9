// Texts of ptrace_scope, and their meaning.
import { expect, it } from 'vitest';
import { parsePtraceScope } from '../../lib/kernel/ptrace-scope.js';

it.each([
  ['0\n', 0, 'classic'],
  ['1\n', 1, 'restricted'],
  ['2\n', 2, 'admin-only'],
  ['3\n', 3, 'no-attach'],
])('%j is scope %d', (text, value, name) => {
  expect(parsePtraceScope(text)).toEqual({ state: 'present', value, name });
});

it.each(['', '4\n', '-1\n', '01\n', '1 0\n', '0x1', 'one', '\0'])('%j is unknown, never permissive', text => {
  expect(parsePtraceScope(text)).toMatchObject({ state: 'unknown' });
});
