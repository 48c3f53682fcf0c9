// Texts that the kernel takes as a value of a sysctl, or refuses.
import { expect, it } from 'vitest';
import { writePtraceScope, writeSuidDumpable } from '../../lib/audit/sysctl/value.js';

const write = (current: string, text: string) => {
  const written = writePtraceScope(current, text);
  return written.accepted ? written.value : written.because;
};

// Each as the lab's kernel has it: test/sysctl draws from these texts and more.
it.each([
  ['0', '0'],
  ['3', '3'],
  ['02', '2'],
  ['0x2', '2'],
  ['-0', '0'],
  [' \t\v\xa02', '2'],
  ['2 # comment', '2'],
  ['2 1', '2'],
  ['2\n', '2'],
  ['0000000000000000002', '2'],
])('%j is taken as %s', (text, value) => {
  expect(write('1', text)).toBe(value);
});

it.each([
  '',
  ' ',
  '4',
  '-1',
  '+1',
  '08',
  '0x',
  '"1"',
  '2#',
  '1,2',
  '2\v',
  '2\xa0',
  '4294967297',
  '000000000000000000002',
])('%j is refused', text => {
  expect(write('1', text)).toMatch(/^EINVAL: /);
});

it('a value of 3 stays until the next boot', () => {
  expect(write('3', '1')).toMatch(/can't be lowered/);
  expect(write('3', '3')).toBe('3');
});

it.each([
  ['0', true],
  ['01', true],
  ['0x2', true],
  ['3', false],
  ['-1', false],
  ['yes', false],
])('fs.suid_dumpable: %j is taken: %s', (text, accepted) => {
  expect(writeSuidDumpable('0', text).accepted).toBe(accepted);
});
