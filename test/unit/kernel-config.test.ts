// Whether Yama runs, by the kernel's configuration and its command line.
import { expect, it } from 'vitest';
import { hasYama } from '../../lib/audit/boot/kernel-config.js';

const kernel = (isListed: boolean | null, isBuiltIn = true) => ({
  file: '',
  isBuiltIn,
  isListed,
  commandLine: '',
});

// Each was given to Debian's linux.uml 6.1, whose CONFIG_LSM names Yama.
it.each([
  ['', true],
  ['lsm=apparmor', false],
  ['lsm=', false],
  ['lsm', true],
  ['lsm=yama', true],
  ['lsm=apparmor lsm=yama', true],
  ['lsm=yama lsm=apparmor', false],
  ['lsm="apparmor,yama"', true],
  ['"lsm=apparmor,yama"', true],
  ['lsm="yama "', false],
  ["lsm='yama'", false],
  ['lsm=x"yama,yama"', false],
  ['security=apparmor', true],
  ['security=smack security=apparmor', true],
  ['lsm=selinux security=yama', false],
  ['security=none', true],
  ['security=yama lsm=apparmor', false],
  ['init="/x lsm=apparmor"', true],
  ['-- lsm=apparmor', true],
])('%s', (commandLine, expected) => {
  expect(hasYama(kernel(true), commandLine)).toBe(expected);
});

it('security= adds a module that CONFIG_LSM does not name', () => {
  expect(hasYama(kernel(false), 'security=apparmor')).toBe(false);
  expect(hasYama(kernel(false), 'security=yama')).toBe(true);
});

it('a kernel before 5.1 has no lsm=, and always adds a Yama that is built in', () => {
  expect(hasYama(kernel(null), 'lsm=apparmor')).toBe(true);
  expect(hasYama(kernel(null, false), 'lsm=yama')).toBe(false);
});
