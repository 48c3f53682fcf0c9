// What writes ptrace_scope beside the loader, by the files of each writer.

import { utimesSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { OtherWriter } from '../../lib/audit/boot/other-writers/other-writer.js';
import { judge, otherWriters } from '../../lib/audit/boot/other-writers/other-writers.js';
import type { NextBoot } from '../../lib/audit/sysctl/config.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { type Files, rootTree } from '../helpers/root-tree.js';

const KEY = 'kernel/yama/ptrace_scope';
const NAME = 'kernel.yama.ptrace_scope';
const FILE = '/proc/sys/kernel/yama/ptrace_scope';

const writersOf = (files: Files, running: string | null = null) => {
  const { writers, unreadable } = otherWriters(openFileTree(rootTree(files)), KEY, running);
  expect(unreadable).toEqual([]);
  return writers;
};
/** Kind, file with line, and value. */
const brief = (files: Files) =>
  writersOf(files).map(({ kind, file, line, value }) => [kind, `${file}:${line}`, value]);

const unit = (exec: string) =>
  `[Service]\nType=oneshot\nExecStart=${exec}\n[Install]\nWantedBy=multi-user.target\n`;
const WANTS = '/etc/systemd/system/multi-user.target.wants';

it.each([
  [`w ${FILE} - - - - 1`, '1'],
  [`w+! ${FILE} - - - - 2\\n`, '2'],
  [`w- "${FILE}" - - - - 0`, '0'],
  ['w /proc/sys/kernel/*/ptrace_scope - - - - 0', '0'],
  [`f+ ${FILE} - - - - 1`, '1'],
  [`w ${FILE} - - - - %m`, null],
])('tmpfiles.d: %s', (line, value) => {
  expect(brief({ '/etc/tmpfiles.d/a.conf': `# c\n${line}\n` })).toEqual([
    ['tmpfiles', '/etc/tmpfiles.d/a.conf:2', value],
  ]);
});

it.each([
  `# w ${FILE} - - - - 1`,
  `f ${FILE} - - - - 1`,
  'w /proc/sys/kernel/sysrq - - - - 1',
  'd /run/x 0755 root root -',
])('tmpfiles.d, no write: %s', line => {
  expect(brief({ '/etc/tmpfiles.d/a.conf': line })).toEqual([]);
});

it('a file of tmpfiles.d masks that of its name in /usr', () => {
  const line = `w ${FILE} - - - - 0`;
  expect(brief({ '/usr/lib/tmpfiles.d/a.conf': line, '/etc/tmpfiles.d/a.conf': '-> /dev/null' })).toEqual([]);
  expect(brief({ '/usr/lib/tmpfiles.d/a.conf': line })).toEqual([
    ['tmpfiles', '/usr/lib/tmpfiles.d/a.conf:1', '0'],
  ]);
});

it.each([
  [`sysctl -w ${NAME}=0`, '0'],
  [`/sbin/sysctl -q ${NAME}=2 || true`, '2'],
  [`echo 0 > ${FILE}`, '0'],
  [`echo "1" | sudo tee ${FILE} >/dev/null`, '1'],
  [`printf '2\\n' >${FILE}`, '2'],
  [`sysctl -w ${NAME}="$SCOPE"`, null],
  [`echo $x > ${FILE}`, null],
])('rc.local: %s', (line, value) => {
  expect(brief({ '/etc/rc.local': `#!/bin/sh\n${line}\n` })).toEqual([
    ['init-script', '/etc/rc.local:2', value],
  ]);
});

it.each([
  `# sysctl -w ${NAME}=0`,
  `cat ${FILE}`,
  `[ -f ${FILE} ] && exit`,
  `sysctl -n ${NAME}`,
  'sysctl -w kernel.sysrq=0',
])('rc.local, no write: %s', line => {
  expect(brief({ '/etc/rc.local': `#!/bin/sh\n${line}\n` })).toEqual([]);
});

it('a script that may not be executed is not run', () => {
  expect(brief({ '/etc/rc.local': `echo 0 > ${FILE}\n` })).toEqual([]);
});

it('sysctl -p writes what its file says, and sysctl --system what procps would', () => {
  const script = (line: string) => ({ '/etc/rc.local': `#!/bin/sh\n${line}\n` });
  const conf = { '/etc/sysctl.conf': `${NAME} = 0\n` };
  expect(brief({ ...script('sysctl -p'), ...conf })).toEqual([['init-script', '/etc/rc.local:2', '0']]);
  expect(brief({ ...script('sysctl -p /etc/x.conf'), ...conf, '/etc/x.conf': `${NAME}=2` })).toEqual([
    ['init-script', '/etc/rc.local:2', '2'],
  ]);
  expect(brief(script('sysctl -p'))).toEqual([]);
  expect(brief({ ...script('sysctl -q -p "$file"'), ...conf })).toEqual([
    ['init-script', '/etc/rc.local:2', null],
  ]);
});

it('Void’s script that loads sysctl.d is the loader, and another of its scripts may write', () => {
  const directory = '/etc/runit/core-services';
  const files = {
    [`${directory}/08-sysctl.sh`]: 'for i in /etc/sysctl.conf; do sysctl -p "$i"; done\n',
    '/etc/sysctl.conf': `${NAME} = 1\n`,
  };
  expect(brief(files)).toEqual([]);
  expect(brief({ ...files, [`${directory}/99-x.sh`]: `echo 0 > ${FILE}\n` })).toEqual([
    ['init-script', `${directory}/99-x.sh:1`, '0'],
  ]);
});

it('a unit counts if something starts it', () => {
  const files = { '/etc/systemd/system/harden.service': unit(`/sbin/sysctl -w ${NAME}=0`) };
  expect(brief(files)).toEqual([]);
  const link = '-> ../harden.service';
  const found = [['unit', '/etc/systemd/system/harden.service:3', '0']];
  expect(brief({ ...files, [`${WANTS}/harden.service`]: link })).toEqual(found);
  expect(brief({ ...files, '/etc/systemd/system/harden.timer': '[Timer]\nOnBootSec=1\n' })).toEqual(found);
  expect(brief({ ...files, '/etc/systemd/system/x.target': '[Unit]\nWants=harden.service\n' })).toEqual(
    found,
  );
  expect(brief({ ...files, '/etc/systemd/system/harden.service': '-> /dev/null' })).toEqual([]);
});

it('a unit’s script is looked into', () => {
  const files = {
    '/etc/systemd/system/harden.service': unit('/usr/local/sbin/harden --all'),
    [`${WANTS}/harden.service`]: '-> ../harden.service',
    '/usr/local/sbin/harden': `#!/bin/bash\nset -e\necho 2 > ${FILE}\n`,
  };
  expect(brief(files)).toEqual([['unit', '/usr/local/sbin/harden:3', '2']]);
});

it('the loader’s own unit is no other writer', () => {
  const name = 'systemd-sysctl.service';
  const files = {
    [`/usr/lib/systemd/system/${name}`]: unit('/usr/lib/systemd/systemd-sysctl'),
    [`/usr/lib/systemd/system/sysinit.target.wants/${name}`]: `-> ../${name}`,
    '/etc/sysctl.d/a.conf': `${NAME} = 1`,
  };
  expect(brief(files)).toEqual([]);
});

it('rules of udev, tables of cron, scripts of networks, cloud-init', () => {
  expect(brief({ '/etc/udev/rules.d/9.rules': `ACTION=="add", RUN+="/sbin/sysctl -w ${NAME}=0"` })).toEqual([
    ['udev', '/etc/udev/rules.d/9.rules:1', '0'],
  ]);
  expect(brief({ '/usr/lib/udev/rules.d/9.rules': `ACTION=="add", SYSCTL{${NAME}}="2"` })).toEqual([
    ['udev', '/usr/lib/udev/rules.d/9.rules:1', '2'],
  ]);
  expect(brief({ '/etc/cron.d/x': `@reboot root sysctl -w ${NAME}=0\n` })).toEqual([
    ['cron', '/etc/cron.d/x:1', '0'],
  ]);
  expect(brief({ '/etc/network/interfaces': `iface a\n up echo 0 > ${FILE}\n` })).toEqual([
    ['network-script', '/etc/network/interfaces:2', '0'],
  ]);
  const cloud = { '/etc/cloud/cloud.cfg.d/9.cfg': `bootcmd:\n - [ sysctl, -w, ${NAME}=0 ]\n` };
  expect(brief(cloud)).toEqual([]);
  const installed = { ...cloud, '/usr/bin/cloud-init': '' };
  expect(brief(installed)).toEqual([['cloud-init', '/etc/cloud/cloud.cfg.d/9.cfg:2', '0']]);
  expect(brief({ ...installed, '/etc/cloud/cloud-init.disabled': '' })).toEqual([]);
});

it('the active profile of tuned, and the profiles that it includes', () => {
  const files = {
    '/etc/tuned/active_profile': 'mine\n',
    '/etc/tuned/mine/tuned.conf': '[main]\ninclude=base\n[sysctl]\nvm.swappiness=1\n',
    '/usr/lib/tuned/base/tuned.conf': `[sysctl]\n${NAME}=0\n`,
    '/usr/lib/tuned/other/tuned.conf': `[sysctl]\n${NAME}=2\n`,
  };
  expect(brief(files)).toEqual([]);
  const enabled = { ...files, [`${WANTS}/tuned.service`]: '-> /usr/lib/systemd/system/tuned.service' };
  expect(brief({ ...enabled, '/usr/lib/systemd/system/tuned.service': '' })).toEqual([
    ['tuned', '/usr/lib/tuned/base/tuned.conf:2', '0'],
  ]);
});

it('extensions: a directory is read, an image makes the value unknown', () => {
  const enabled = { '/etc/systemd/system/sysinit.target.wants/systemd-confext.service': '-> /x', '/x': '' };
  const files = { ...enabled, '/var/lib/confexts/a/etc/sysctl.d/a.conf': `${NAME}=0` };
  expect(brief(files)).toEqual([['extension', '/var/lib/confexts/a/etc/sysctl.d/a.conf:1', '0']]);
  expect(brief({ ...enabled, '/var/lib/confexts/b.raw': '' })).toEqual([
    ['extension', '/var/lib/confexts/b.raw:null', null],
  ]);
  expect(brief({ '/var/lib/confexts/b.raw': '' })).toEqual([]);
});

it('SUSE’s file of the kernel', () => {
  expect(brief({ '/boot/sysctl.conf-6.9.1-1-default': `${NAME} = 3\n` })).toEqual([
    ['boot-sysctl', '/boot/sysctl.conf-6.9.1-1-default:1', '3'],
  ]);
});

/** An archive as cpio -o -H newc makes it. */
function cpio(files: Record<string, string>): Buffer {
  const entry = (name: string, mode: number, text: string) => {
    const fields = [1, mode, 0, 0, 1, 0, text.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    const pad = (part: string) => part + '\0'.repeat((4 - (part.length % 4)) % 4);
    return pad(head) + pad(text);
  };
  const all = Object.entries(files).map(([name, text]) => entry(name, 0o100644, text));
  return Buffer.from([...all, entry('TRAILER!!!', 0, '')].join(''), 'latin1');
}

const DRACUT: Files = { '/usr/lib/dracut/modules.d/01systemd-sysctl/module-setup.sh': '' };
const SYSCTL = 'usr/lib/systemd/systemd-sysctl';
const IMAGE = '/boot/initramfs-6.8.img';
const early = cpio({ 'kernel/x86/microcode/GenuineIntel.bin': 'x' });

/** The writers of a tree whose initrd is older (or newer) than its files of sysctl.d. */
function withInitrd(
  bytes: Buffer,
  files: Files,
  isOlder = true,
  running: string | null = null,
): OtherWriter[] {
  const root = rootTree({ ...DRACUT, ...files, [IMAGE]: bytes.toString('latin1') });
  const year = isOlder ? 2001 : 2100;
  utimesSync(`${root}${IMAGE}`, new Date(year, 0), new Date(year, 0));
  return otherWriters(openFileTree(root), KEY, running).writers;
}

it.each([
  ['plain', (bytes: Buffer) => bytes],
  ['gzip', gzipSync],
])('an initrd that is older than sysctl.d is looked into: %s', (_name, pack) => {
  const packed = cpio({ [SYSCTL]: 'x', 'etc/sysctl.d/50.conf': `${NAME} = 3\n` });
  const bytes = Buffer.concat([early, Buffer.alloc(512), pack(packed)]);
  const files = { '/etc/sysctl.d/50.conf': `${NAME} = 1\n` };
  expect(withInitrd(bytes, files)).toMatchObject([
    {
      kind: 'initrd',
      when: 'before-loader',
      file: IMAGE,
      value: '3',
      text: 'it has /etc/sysctl.d/50.conf:1',
    },
  ]);
  const without = cpio({ 'etc/sysctl.d/50.conf': `${NAME} = 3\n` });
  expect(withInitrd(Buffer.concat([early, pack(without)]), files)).toEqual([]);
});

it('an initrd that can’t be looked into is unknown, unless the running value shows that it has no 3', () => {
  const bytes = Buffer.concat([early, Buffer.from('fd377a585a0000', 'hex')]);
  const files = { '/etc/sysctl.d/50.conf': `${NAME} = 1\n` };
  expect(withInitrd(bytes, files)).toMatchObject([
    { value: null, text: "it is older than files of sysctl.d, and this Node can't read xz" },
  ]);
  expect(withInitrd(bytes, files, true, '3')).toMatchObject([{ value: null }]);
  expect(withInitrd(bytes, files, true, '1')).toEqual([]);
  // Without a line in the tree a line of the initrd would decide.
  expect(withInitrd(bytes, { '/etc/sysctl.d/50.conf': '' }, true, '1')).toMatchObject([{ value: null }]);
});

it('an initrd that is newer than sysctl.d has lines of the tree', () => {
  const bytes = Buffer.from('fd377a585a0000', 'hex');
  expect(withInitrd(bytes, { '/etc/sysctl.d/50.conf': `${NAME} = 1\n` }, false)).toEqual([]);
  const masked = { '/usr/lib/sysctl.d/50.conf': `${NAME} = 3\n`, '/etc/sysctl.d/60.conf': `${NAME} = 1\n` };
  expect(withInitrd(bytes, masked, false)).toMatchObject([
    { value: '3', text: 'it may have /usr/lib/sysctl.d/50.conf:1' },
  ]);
});

it.each([
  ['an initrd that initramfs-tools makes has no loader', { '/usr/sbin/mkinitramfs': '' }, 0],
  ['an initrd of an unknown maker may have one', {}, 1],
])('%s', (_, maker, count) => {
  const files = {
    '/boot/initrd.img-6.1.0-18-amd64': '\xfd7zXZ\0',
    '/etc/sysctl.d/50.conf': `${NAME} = 3\n`,
  };
  expect(brief({ ...files, ...maker })).toHaveLength(count);
});

const known = (value: string, file: string | null = '/etc/sysctl.d/a.conf'): NextBoot => ({
  state: 'known',
  value,
  file,
  line: file === null ? null : 1,
});
const writer = (when: OtherWriter['when'], value: string | null): OtherWriter => ({
  kind: 'unit',
  when,
  file: '/x',
  line: 1,
  text: 'x',
  value,
});

it.each([
  [known('1'), writer('any-time', '1'), '1'],
  [known('1'), writer('any-time', '0'), null],
  [known('1'), writer('any-time', '7'), '1'],
  [known('1'), writer('after-loader', null), null],
  [known('3'), writer('after-loader', '0'), '3'],
  [known('1'), writer('before-loader', '0'), '1'],
  [known('1'), writer('before-loader', '3'), null],
  [known('3'), writer('before-loader', '3'), '3'],
  [known('1', null), writer('before-loader', '0'), null],
  [known('1', '/proc/cmdline'), writer('before-loader', '0'), null],
] as const)('%j with %j: %s', (before, other, expected) => {
  const { next } = judge(before, { writers: [other], unreadable: [] }, KEY);
  expect(next.state === 'known' ? next.value : null).toBe(expected);
});

it('a writer that can’t be read makes the value unknown', () => {
  const { next } = judge(known('1'), { writers: [], unreadable: [{ path: '/x', cause: 'EACCES' }] }, KEY);
  expect(next).toEqual({ state: 'unknown', because: ['/x: EACCES'] });
});
