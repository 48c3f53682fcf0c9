// What a Node process has open, by its options and the signal masks in /proc.
import { expect, it } from 'vitest';
import { doorFlags, signalSets, sigusr1Of } from '../../lib/kernel/node-exposure.js';

const status = (blocked: string, ignored: string, caught: string) =>
  `SigBlk:\t${blocked}\nSigIgn:\t${ignored}\nSigCgt:\t${caught}\n`;

it.each([
  ['0000000000000000', '0000000000001000', '0000000000004602', 'handled'],
  ['0000000000000000', '0000000000001200', '0000000000004402', 'ignored'],
  ['0000000000000200', '0000000000001000', '0000000000004602', 'blocked'],
  ['0000000000000000', '0000000000001000', '0000000000004402', 'default'],
  ['x', '0000000000001000', '0000000000004602', null],
])('SIGUSR1 is bit 9 of SigBlk %s, SigIgn %s and SigCgt %s: %s', (blocked, ignored, caught, expected) => {
  expect(sigusr1Of(signalSets(status(blocked, ignored, caught)))).toBe(expected);
});

it('flags are those of Node, which stand before the program', () => {
  const words = [
    'node',
    '--max-old-space-size=9',
    '--inspect-brk=0.0.0.0:1',
    '--report-on-signal',
    'app.js',
    '--inspect',
  ];
  expect(doorFlags(words.join('\0'))).toEqual(['--inspect-brk=0.0.0.0:1', '--report-on-signal']);
  expect(doorFlags(['node', '-r', './x', '--import', 'y', '--inspect', 'app.js'].join('\0'))).toEqual([
    '--inspect',
  ]);
  expect(doorFlags('node')).toEqual([]);
  expect(doorFlags('')).toEqual([]);
});
