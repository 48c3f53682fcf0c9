// The releases of the loaders: how the release is read from a tree, what differs between releases, and the answer where the
// release is not known. test/integration/sysctl.test.ts compares the same models with the real programs.
import { expect, it } from 'vitest';
import { type NextBoot, readSysctlConfig } from '../../lib/audit/sysctl/config.js';
import { loaderVersion, type SysctlLoader } from '../../lib/audit/sysctl/loads.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { VOID_SCRIPT } from '../helpers/void-script.js';
import { link, plantFiles } from '../sysctl/planted.js';

type Files = Parameters<typeof plantFiles>[0];
const KEY = 'kernel.yama.ptrace_scope';
const set = (value: string) => `${KEY}=${value}\n`;

const next = (files: Files, loader: SysctlLoader, version?: string): NextBoot =>
  readSysctlConfig(openFileTree(plantFiles(files)), {
    initial: '1',
    ...(version !== undefined && { releases: { [loader]: version } }),
  }).nextBoot[loader];

const value = (files: Files, loader: SysctlLoader, version?: string) => {
  const answer = next(files, loader, version);
  return answer.state === 'known' ? answer.value : answer.because.join();
};

it.each<[string, Files, SysctlLoader, string | null]>([
  ['its own bytes', { '/usr/sbin/sysctl': '\x7fELF procps-ng 4.0.2\0' }, 'procps', '4.0.2'],
  ['its own bytes', { '/lib/systemd/systemd-sysctl': 'libsystemd-shared-247.so\0' }, 'systemd-sysctl', '247'],
  [
    'its own bytes, with a release of the package',
    { '/usr/lib/systemd/systemd-sysctl': 'libsystemd-shared-257.6-1.fc42.so' },
    'systemd-sysctl',
    '257',
  ],
  ['its own bytes', { '/bin/busybox': 'BusyBox v1.35.0 (Debian 1:1.35.0-4)' }, 'busybox', '1.35.0'],
  ['patterns of 4.0 in a 3.3.17', { '/usr/sbin/sysctl': 'procps-ng 3.3.17\0dry-run\0' }, 'procps', '4.0.0'],
  [
    'dpkg',
    {
      '/var/lib/dpkg/status':
        'Package: procps\nStatus: install ok installed\nVersion: 2:3.3.17-5\n\nPackage: x\n',
    },
    'procps',
    '3.3.17',
  ],
  [
    'dpkg, of a removed package',
    { '/var/lib/dpkg/status': 'Package: procps\nStatus: deinstall ok config-files\nVersion: 2:3.3.17-5\n' },
    'procps',
    null,
  ],
  [
    'dpkg without a database of its own',
    { '/var/lib/dpkg/status.d/procps': 'Package: procps\nVersion: 2:4.0.4-9\n' },
    'procps',
    '4.0.4',
  ],
  [
    'apk',
    { '/lib/apk/db/installed': 'P:busybox\nV:1.36.1-r15\n\nP:musl\nV:1.2.4-r2\n' },
    'busybox',
    '1.36.1',
  ],
  ['pacman', { '/var/lib/pacman/local/systemd-258.1-1/desc': '' }, 'systemd-sysctl', '258.1'],
  [
    'xbps',
    { '/var/db/xbps/pkgdb-0.38.plist': '<key>pkgver</key>\n<string>procps-ng-4.0.4_2</string>' },
    'procps',
    '4.0.4',
  ],
  ['Portage', { '/var/db/pkg/sys-process/procps-4.0.5-r2/PF': '' }, 'procps', '4.0.5'],
  [
    'a Nix store',
    {
      '/nix/var/nix/profiles/system/systemd': link('/nix/store/abc-systemd-257.6'),
      '/nix/store/abc-systemd-257.6/lib/': '',
    },
    'systemd-sysctl',
    '257.6',
  ],
  ['nothing', {}, 'procps', null],
])('the release by %s', (_, files, loader, version) => {
  expect(loaderVersion(openFileTree(plantFiles(files)), loader)).toBe(version);
});

it.each<[string, SysctlLoader, string, Record<string, string>]>([
  ['a pattern', 'procps', 'kernel.yama.*=2\n', { '3.3.17': '1', '4.0.2': '2' }],
  ['a pattern', 'systemd-sysctl', 'kernel.yama.*=2\n', { '239': '1', '247': '2' }],
  ['an excluding pattern', 'procps', '-kernel.*\nkernel.yama.*=2\n', { '4.0.4': '2', '4.0.5': '1' }],
  ['an exclusion', 'systemd-sysctl', `${set('2')}-${KEY}\n`, { '239': '2', '252': '1' }],
  ['a dash', 'procps', `-${set('2')}`, { '3.3.15': '1', '3.3.16': '2' }],
  ['a line without a value', 'procps', `${set('2')}${KEY}\n`, { '3.3.17': '2', '4.0.2': '2' }],
  ['/.. at the beginning', 'systemd-sysctl', '/../kernel/yama/ptrace_scope=2\n', { '252': '1', '257': '2' }],
  ['a CR in a comment', 'systemd-sysctl', `# x\r${set('2')}`, { '239': '1', '247': '2' }],
])('%s, for %s', (_, loader, text, values) => {
  for (const [version, expected] of Object.entries(values))
    expect(value({ '/etc/sysctl.d/a.conf': text }, loader, version), version).toBe(expected);
});

it('/run has the higher priority for procps before 3.3.17', () => {
  const files = { '/etc/sysctl.d/a.conf': set('0'), '/run/sysctl.d/a.conf': set('2') };
  expect(['3.3.16', '3.3.17'].map(version => value(files, 'procps', version))).toEqual(['2', '0']);
});

it('a link that cannot be followed masks before systemd 262, and a link to nothing in each', () => {
  const masked = (target: string) => ({
    '/etc/sysctl.d/a.conf': link(target),
    '/usr/lib/sysctl.d/a.conf': set('2'),
  });
  const by = (target: string) =>
    ['257', '262'].map(version => value(masked(target), 'systemd-sysctl', version));
  expect(by('a.conf')).toEqual(['1', '2']);
  expect(by('/usr/lib/sysctl.d/a.conf/x')).toEqual(['1', '2']);
  expect(by('/nowhere/../x')).toEqual(['1', '2']);
  expect(by('/nowhere')).toEqual(['1', '1']);
});

it('a release between two that were read does as both, or the answer is unknown', () => {
  const split = { '/lib/sysctl.d/a.conf': set('2'), '/var/lib/dpkg/status': '' };
  expect(value(split, 'systemd-sysctl', '254.26')).toBe('2');
  expect(value(split, 'systemd-sysctl', '257')).toBe('1');
  expect(value(split, 'systemd-sysctl', '255')).toBe('systemd-sysctl 255: 252 to 254 gives 2, 257 gives 1');
  expect(value({ '/etc/sysctl.d/a.conf': set('2') }, 'systemd-sysctl', '255')).toBe('2');
});

it('where no release is known, all are compared', () => {
  expect(value({ '/etc/sysctl.d/a.conf': set('2') }, 'procps')).toBe('2');
  expect(value({ '/etc/sysctl.d/a.conf': 'kernel.yama.*=2\n' }, 'procps')).toBe(
    'the release of procps is not known: 3.3.15 gives 1, 3.3.16 gives 1, 3.3.17 gives 1, 4.0.0 to 4.0.4 gives 2, 4.0.5 to 4.0.7 gives 2',
  );
  expect(value({}, 'systemd-sysctl', '219')).toBe(
    'systemd-sysctl 219 is older than 239, the first that is modelled',
  );
});

it.each([
  ['a comment is part of the value', `${KEY}=2 # c\n`, '2'],
  ['no patterns', 'kernel.yama.*=2\n', '1'],
  ['a dash is part of the key', `-${set('2')}`, '1'],
  ['a refused write ends the program', `${KEY}=x\n${set('2')}`, '1'],
  ['an empty value is not written', `${KEY}= \n${set('2')}`, '2'],
  ['a backslash joins lines', `# c\\\n${set('2')}`, '1'],
  ['slashes first, then dots', 'kernel/yama.ptrace_scope=2\n', '2'],
  ['the whole path', '/proc/sys/kernel/yama/ptrace_scope=2\n', '2'],
])('busybox: %s', (_, text, expected) => {
  expect(value({ '/etc/sysctl.conf': text }, 'busybox', '1.35.0')).toBe(expected);
});

it('busybox: a text that another sysctl may refuse leaves the later lines unknown', () => {
  const files = (before: string) => ({ '/etc/sysctl.conf': `${before}\n${set('2')}` });
  expect(value(files('vm.swappiness=10'), 'busybox', '1.35.0')).toBe('2');
  expect(next(files('net.ipv4.ip_forward=yes'), 'busybox', '1.35.0').state).toBe('unknown');
});

it('Void: a dangling link does not mask, and a later pattern overrides the key itself', () => {
  const script = {
    '/etc/runit/core-services/08-sysctl.sh': VOID_SCRIPT,
    '/usr/bin/sysctl': 'procps-ng 4.0.4 dry-run',
  };
  const masked = { '/etc/sysctl.d/a.conf': link('/nowhere'), '/usr/lib/sysctl.d/a.conf': set('2') };
  expect(value({ ...script, ...masked }, 'void')).toBe('2');
  expect(
    value(
      { ...script, '/etc/sysctl.d/a.conf': set('2'), '/etc/sysctl.d/b.conf': 'kernel.yama.*=0\n' },
      'void',
    ),
  ).toBe('0');
  expect(
    value(
      {
        ...script,
        '/etc/runit/core-services/08-sysctl.sh': VOID_SCRIPT.replace('/etc/sysctl.conf', '/etc/mine'),
      },
      'void',
    ),
  ).toMatch('not a script that is modelled');
});

it('a script of another making is unknown, with the reason', () => {
  const files = {
    '/etc/init.d/sysctl': '#!/sbin/openrc-run\nstart() { sysctl -p /etc/mine; }\n',
    '/sbin/sysctl': '',
  };
  expect(value(files, 'openrc')).toBe('/etc/init.d/sysctl is not a script that is modelled');
});
