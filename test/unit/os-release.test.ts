// os-release(5): which file, quotes, and which entries of a profile are for a system.
import { expect, it } from 'vitest';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { isFor, osRelease } from '../../lib/audit/tree/os-release.js';
import { type Files, rootTree } from '../helpers/root-tree.js';

const read = (files: Files) => osRelease(openFileTree(rootTree(files)));

it.each([
  [
    'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    ['debian', '12', 'Debian GNU/Linux 12 (bookworm)'],
  ],
  ["ID='arch'\nPRETTY_NAME='Arch Linux'\n", ['arch', null, 'Arch Linux']],
  ['PRETTY_NAME="a \\"b\\" \\$c"\n', ['linux', null, 'a "b" $c']],
  ['# ID=no\n ID=no\nNOT_ID=no\nID=void\r\n', ['void', null, 'Linux']],
  ['PRETTY_NAME="caf\u00c3\u00a9"\n', ['linux', null, 'café']],
])('reads %j', (text, [id, version, name]) => {
  expect(read({ '/etc/os-release': text as string })).toEqual({ id, version, name });
});

it('takes the file in /usr only without one in /etc, and null without any', () => {
  const files = { '/usr/lib/os-release': 'ID=b\n', '/etc/os-release': 'ID=a\n' };
  expect(read(files)?.id).toBe('a');
  expect(read({ '/usr/lib/os-release': 'ID=b\n' })?.id).toBe('b');
  expect(read({ '/etc/os-release': '-> ../usr/lib/os-release', '/usr/lib/os-release': 'ID=b\n' })?.id).toBe(
    'b',
  );
  expect(read({ '/etc/passwd': '' })).toBeNull();
});

it.each([
  [null, 'debian', '12', true],
  [{ id: 'debian', version: '12' }, 'debian', '12', true],
  [{ id: 'debian', version: '1' }, 'debian', '12', false],
  [{ id: 'rhel', version: '9' }, 'rhel', '9.4', true],
  [{ id: 'rhel', version: '9' }, 'rhel', '90', false],
  [{ id: 'rhel', version: '9' }, 'centos', '9', false],
  [{ id: 'fedora', version: null }, 'fedora', '44', true],
  [{ id: 'debian', version: '12' }, 'debian', null, false],
])('an entry for %j, on %s %s: %s', (wanted, id, version, answer) => {
  expect(isFor(wanted, { id, version, name: '' })).toBe(answer);
});

it('an entry for one system is not for an unknown one', () => {
  expect(isFor({ id: 'debian', version: null }, null)).toBe(false);
});
