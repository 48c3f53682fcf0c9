// The value with which a kernel begins, by its release name and the distribution.
import { expect, it } from 'vitest';
import { kernelDefault } from '../../lib/audit/boot/kernel-default.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { type Files, rootTree } from '../helpers/root-tree.js';

const KEY = 'kernel/yama/ptrace_scope';
const ask = (files: Files, running: string | null = null) =>
  kernelDefault(openFileTree(rootTree({ '/etc/passwd': '', ...files })), KEY, running)?.value ?? null;
const host = (osRelease: string, ...releases: string[]): Files => ({
  '/usr/lib/os-release': osRelease,
  ...Object.fromEntries(releases.map(release => [`/boot/vmlinuz-${release}`, ''])),
});

it.each([
  ['ID=debian', '5.10.0-28-amd64', '0'],
  ['ID=debian', '6.1.0-47-cloud-amd64', '0'],
  ['ID=debian', '6.12.100+deb12-amd64', '0'],
  ['ID=debian', '6.1.0-0.deb11.13-arm64', '0'],
  ['ID=kicksecure\nID_LIKE="debian"', '6.1.0-18-amd64', '0'],
  ['ID=debian', '6.6.5-x64v3-xanmod1', null],
  ['ID=debian', '6.8.12-1-pve', null],
  ['ID=raspbian\nID_LIKE=debian', '6.1.0-rpi7-rpi-v8', null],
  ['ID=debian', '6.9.3', null],
  ['ID=ubuntu\nID_LIKE=debian', '6.8.0-31-generic', '1'],
  ['ID=ubuntu\nID_LIKE=debian', '5.15.0-1030-aws', '1'],
  ['ID=linuxmint\nID_LIKE="ubuntu debian"', '5.15.0-91-generic', '1'],
  ['ID=fedora', '6.8.5-301.fc40.x86_64', '1'],
  ['ID="rhel"', '5.14.0-427.13.1.el9_4.x86_64', '1'],
  ['ID="ol"', '5.15.0-205.149.5.1.el9uek.x86_64', '1'],
  ['ID=arch', '6.9.3-arch1-1', '1'],
  ['ID=arch', '6.6.30-1-lts', '1'],
  ['ID=alpine', '6.6.31-0-lts', '1'],
  ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', '6.9.1-1-default', '1'],
  ['ID="void"', '6.6.30_1', '1'],
  ['ID=photon', '6.1.83-1.ph5-esx', '1'],
  ['ID=gentoo', '6.6.30-gentoo', null],
])('%j with kernel %s: %s', (osRelease, release, value) => {
  expect(ask(host(osRelease, release))).toBe(value);
  expect(ask(host(osRelease), release)).toBe(value);
});

it('one kernel that is not known makes the value unknown', () => {
  expect(ask(host('ID=debian', '6.1.0-18-amd64', '6.1.0-17-amd64'))).toBe('0');
  expect(ask(host('ID=debian', '6.1.0-18-amd64', '6.9.3'))).toBe(null);
  expect(ask({ ...host('ID=debian', '6.1.0-18-amd64'), '/lib/modules/6.9.3/kernel/x.ko': '' })).toBe(null);
});

it('the kernel that runs counts too, since the next boot may get it from outside of the tree', () => {
  expect(ask(host('ID=debian', '6.1.0-18-amd64'), '6.18.44')).toBe(null);
  expect(ask(host('ID=debian', '6.1.0-18-amd64'), '6.1.0-17-amd64')).toBe('0');
});

it('a tree without kernels has no answer', () => {
  expect(ask({ '/usr/lib/os-release': 'ID=debian' })).toBe(null);
});
