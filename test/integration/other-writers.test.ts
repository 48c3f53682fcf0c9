// What the real systemd-tmpfiles writes into the file of the key, against the model of tmpfiles.d.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { otherWriters } from '../../lib/audit/boot/other-writers/other-writers.js';
import { audit } from '../../lib/audit/index.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';

const KEY = 'kernel.yama.ptrace_scope';
const FILE = '/proc/sys/kernel/yama/ptrace_scope';
const UNTOUCHED = '';

/** What systemd-tmpfiles leaves in the file. */
function realValue(files: Files): string {
  const root = rootTree(files);
  mkdirSync(`${root}/proc/sys/kernel/yama`, { recursive: true });
  writeFileSync(`${root}${FILE}`, UNTOUCHED);
  try {
    execFileSync('systemd-tmpfiles', ['--create', '--boot', `--root=${root}`], { stdio: 'pipe' });
  } catch {
    // It reports lines that it refuses by its exit code, and goes on.
  }
  return readFileSync(`${root}${FILE}`, 'latin1').trim();
}

const modelled = (files: Files) =>
  otherWriters(openFileTree(rootTree(files)), KEY.replaceAll('.', '/'), null).writers;

const line = (text: string): Files => ({ '/etc/tmpfiles.d/a.conf': `${text}\n` });

it.each([
  line(`w ${FILE} - - - - 1`),
  line(`w+ ${FILE} - - - - 2`),
  line(`w! ${FILE} - - - - 0`),
  line(`w-! ${FILE} - - - - 0`),
  line(`w ${FILE} - - - - 1\\n`),
  line(`w  "${FILE}"  -  -  -  -  1`),
  line('w /proc/sys/kernel/y*/ptrace_scope - - - - 2'),
  line(`f+ ${FILE} - - - - 1`),
  line(`F ${FILE} - - - - 1`),
  line(`f ${FILE} - - - - 1`),
  line(`  w ${FILE} - - - - 1`),
  line(`#w ${FILE} - - - - 1`),
  line('w /proc/sys/kernel/yama - - - - 1'),
  line(`d ${FILE} - - - - 1`),
  { '/usr/lib/tmpfiles.d/a.conf': `w ${FILE} - - - - 1\n`, '/etc/tmpfiles.d/a.conf': '' },
  { '/usr/lib/tmpfiles.d/a.conf': `w ${FILE} - - - - 1\n`, '/etc/tmpfiles.d/a.conf': '-> /dev/null' },
  { '/usr/lib/tmpfiles.d/b.conf': `w ${FILE} - - - - 2\n`, '/etc/tmpfiles.d/a.txt': `w ${FILE} - - - - 1\n` },
])('tmpfiles.d: %j', files => {
  const real = realValue(files);
  const values = modelled(files).map(({ value }) => value);
  expect(values).toEqual(real === UNTOUCHED ? [] : [real]);
});

it('an argument that only systemd-tmpfiles can tell is no known value', () => {
  const files = { '/etc/tmpfiles.d/a.conf': `w ${FILE} - - - - %b\n` };
  expect(realValue(files)).not.toBe(UNTOUCHED);
  expect(modelled(files)).toMatchObject([{ value: null }]);
});

it('a line beside the loader has a row, and the value after the next boot is unknown', async () => {
  const files = { ...SYSTEMD, '/etc/sysctl.d/a.conf': `${KEY} = 1\n`, ...line(`w ${FILE} - - - - 0`) };
  const { rows, nextBoot, verdict } = await audit({ root: rootTree(files) });
  expect(rows.find(({ id }) => id === 'other-writer')).toMatchObject({
    verdict: 'unknown',
    file: '/etc/tmpfiles.d/a.conf',
    line: 1,
    title: 'tmpfiles.d writes kernel.yama.ptrace_scope',
  });
  expect(nextBoot).toMatchObject({ state: 'unknown' });
  expect(verdict).toBe('unknown');
});

it('a line with the same value changes nothing', async () => {
  const files = { ...SYSTEMD, '/etc/sysctl.d/a.conf': `${KEY} = 1\n`, ...line(`w ${FILE} - - - - 1`) };
  const { rows, verdict } = await audit({ root: rootTree(files) });
  expect(rows.find(({ id }) => id === 'other-writer')).toMatchObject({ verdict: 'pass' });
  expect(verdict).toBe('pass');
});

it('without such a line one row says so', async () => {
  const { rows } = await audit({ root: rootTree({ ...SYSTEMD, '/etc/sysctl.d/a.conf': `${KEY} = 1\n` }) });
  const own = rows.filter(({ id }) => id.startsWith('other-writer'));
  expect(own).toMatchObject([{ verdict: 'pass', found: 'none' }]);
});

it('a stock Debian tree without a line has the value of its kernel', async () => {
  const kernel = { '/boot/vmlinuz-6.1.0-18-amd64': '', '/etc/os-release': 'ID=debian\n' };
  const { nextBoot, verdict } = await audit({ root: rootTree({ ...SYSTEMD, ...kernel }) });
  expect(nextBoot).toMatchObject({ state: 'known', value: '0', file: null });
  expect(verdict).toBe('fail');
});
