// The kernel command lines of boot entries, by the files of each boot loader.
import { expect, it } from 'vitest';
import { bootEntries } from '../../lib/audit/boot/entries.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { type Files, rootTree } from '../helpers/root-tree.js';

const read = (files: Files) => bootEntries(openFileTree(rootTree(files)));
const linesOf = (files: Files) => {
  const { entries, unreadable } = read(files);
  expect(unreadable).toEqual([]);
  return entries.map(({ commandLine }) => commandLine);
};
const grub = (text: string, more: Files = {}) => linesOf({ '/boot/grub/grub.cfg': text, ...more });

// Each script was given to grub-emu 2.06 of Debian 12, where a function `linux` printed its arguments. Of an unquoted test the model
// takes both branches, and of a loop the empty value too.
it.each([
  ['linux /k a #b', ['a']],
  [`set a="q r"\nlinux /k x#y $a z"$a"w '$a' \${a}t $none "$none"`, ['x#y q r "zq rw" $a q rt ']],
  ['linux /k "a\\"b" a\\ b "c\\d" \'f\\g\'', ['a\\"b "a b" c\\\\d f\\\\g']],
  ['set a="q r"\nlinux /k $a $"i18n" {x}', ['q r i18n {x}']],
  ['b=c\nlinux /k $b; linux /k2 # z', ['c', '']],
  ['linux /k a\\\nb c', ['ab c']],
  ['set b="y z"\nset c=x$b\nlinux /k $c', ['xy']],
  ['if [ -n $b ]; then\nlinux /k one\nelse\nlinux /k two\nfi', ['one', 'two']],
  ['if [ -n "$b" ]; then\nlinux /k one\nelse\nlinux /k two\nfi', ['two']],
  ['set a="2 3"\nfor x in 1 $a; do\nlinux /k x=$x\ndone', ['x=', 'x=1', 'x=2', 'x=3']],
])('GRUB: %j', (script, expected) => {
  expect(grub(script)).toEqual(expected);
});

it('GRUB: entries in submenus, and a variable with the value of each branch', () => {
  const script = `
set base="ro quiet"
if [ "\${x}" = y ]; then set more=lsm=yama; else set more=lsm=apparmor; fi
submenu 'Advanced' $menuentry_id_option 'a' {
  menuentry 'one' { linux /vmlinuz-1 root=UUID=1 $base $more
    initrd /initrd }
  menuentry 'two' {
    set base=single
    linuxefi /vmlinuz-2 $base
  }
}`;
  expect(grub(script)).toEqual([
    'root=UUID=1 ro quiet lsm=yama',
    'root=UUID=1 ro quiet lsm=apparmor',
    'single',
  ]);
});

it('GRUB: a device that search finds has no blanks, and can be no setting', () => {
  expect(grub('search --fs-uuid --set=drive1 X\nlinux ($drive1)//kernels/x root=$drive1 init=/x')).toEqual([
    'root=? init=/x',
  ]);
});

it('GRUB: Xen’s first module is the kernel of dom0', () => {
  const script = `menuentry 'Xen' {
  multiboot2 /boot/xen.gz placeholder lsm=none
  module2 /boot/vmlinuz placeholder root=/dev/sda1 lsm=yama
  module2 --nounzip /boot/initrd.img
}`;
  expect(grub(script)).toEqual(['placeholder root=/dev/sda1 lsm=yama']);
});

it('GRUB: grubenv decides over the fallback in grub.cfg', () => {
  const entry = {
    '/boot/loader/entries/a.conf': 'title A\nlinux /vmlinuz\noptions $kernelopts $tuned_params\n',
  };
  const script = `load_env\nif [ -z "\${kernelopts}" ]; then\n  set kernelopts="ro "\nfi\nblscfg\n`;
  const block = '# GRUB Environment Block\nkernelopts=root=x sysctl.kernel.yama.ptrace_scope=3\n####';
  expect(linesOf({ ...entry, '/boot/grub2/grub.cfg': script, '/boot/grub2/grubenv': block })).toEqual([
    'root=x sysctl.kernel.yama.ptrace_scope=3',
  ]);
  expect(linesOf({ ...entry, '/boot/grub2/grub.cfg': script })).toEqual(['ro']);
});

it('an entry with a variable is unknown without a grub.cfg, and with an unreadable grubenv', () => {
  const entry = { '/boot/loader/entries/a.conf': 'linux /vmlinuz\noptions $kernelopts\n' };
  expect(read(entry).unreadable).toMatchObject([{ path: '/boot/loader/entries/a.conf:2' }]);
  const files = { ...entry, '/boot/grub2/grub.cfg': 'blscfg', '/boot/grub2/grubenv': '-> grubenv' };
  expect(read(files).unreadable).toEqual([]);
});

it('GRUB: what a script computes at boot is unknown', () => {
  const { unreadable } = read({ '/boot/grub/grub.cfg': 'read opts\nlinux /k $opts' });
  expect(unreadable).toEqual([{ path: '/boot/grub/grub.cfg:2', cause: 'GRUB computes $opts at boot' }]);
});

it('GRUB: what a loop leaves for its next run is unknown', () => {
  const { unreadable } = read({ '/boot/grub/grub.cfg': 'for x in 1 2; do\nset a=$a$x\ndone\nlinux /k $a' });
  expect(unreadable).toEqual([{ path: '/boot/grub/grub.cfg:4', cause: 'a loop of GRUB sets $a' }]);
});

it('GRUB: a sourced file is part of the script', () => {
  const files = { '/boot/grub/custom.cfg': 'linux /k $a' };
  expect(
    grub(
      `set a=b\nif [ -f \${config_directory}/custom.cfg ]; then\nsource \${config_directory}/custom.cfg\nfi`,
      files,
    ),
  ).toEqual(['b']);
});

it.each(['/boot/efi/EFI/redhat/grub.cfg', '/boot/grub2/grub.cfg', '/boot/EFI/fedora/grub.cfg'])(
  '%s',
  path => {
    expect(linesOf({ [path]: 'linux /k a' })).toEqual(['a']);
  },
);

it.each(['/boot/loader/entries', '/boot/efi/loader/entries', '/efi/loader/entries'])('%s', directory => {
  const text = '# c\ntitle x\nlinux /k\noptions a=1  b\noptions c\n';
  expect(linesOf({ [`${directory}/x.conf`]: text, [`${directory}/y.txt`]: text })).toEqual(['a=1  b c']);
});

it.each(['/boot/extlinux/extlinux.conf', '/boot/extlinux.conf', '/isolinux/isolinux.cfg'])('%s', path => {
  const text =
    'DEFAULT l0\nLABEL l0\n  LINUX ../vmlinuz\n  APPEND root=/dev/sda lsm=yama\nlabel m\n append -\n';
  expect(linesOf({ [path]: text })).toEqual(['root=/dev/sda lsm=yama']);
});

it('the files that the firmware of a Raspberry Pi reads', () => {
  expect(
    linesOf({
      '/boot/firmware/cmdline.txt': 'console=tty1 lsm=yama\n',
      '/boot/cmdline.txt': 'DO NOT EDIT THIS FILE\n\nIt has moved.\n',
    }),
  ).toEqual(['console=tty1 lsm=yama']);
  expect(linesOf({ '/boot/config.txt': '[all]\ncmdline=other.txt\n', '/boot/other.txt': 'a' })).toEqual([
    'a',
  ]);
});

it('/etc/kernel/cmdline is the source of later entries, and counts only without an entry', () => {
  const source = { '/etc/kernel/cmdline': 'root=x lsm=yama\n' };
  expect(linesOf(source)).toEqual(['root=x lsm=yama']);
  expect(linesOf({ ...source, '/boot/loader/entries/x.conf': 'linux /k\noptions a\n' })).toEqual(['a']);
});

it('a U-Boot script is unknown', () => {
  expect(read({ '/boot/boot.scr': 'x' }).unreadable).toMatchObject([{ path: '/boot/boot.scr' }]);
});

/** A PE file with these sections, each filled up with NUL to a multiple of 512. */
function pe(sections: [name: string, text: string][]): string {
  const headers = Buffer.alloc(1024);
  headers.write('MZ');
  headers.writeUInt32LE(0x80, 0x3c);
  headers.write('PE\0\0', 0x80);
  headers.writeUInt16LE(sections.length, 0x86);
  headers.writeUInt16LE(0x70, 0x94);
  let from = headers.length;
  const bodies = sections.map(([name, text], at) => {
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    body.write(text);
    const row = 0x80 + 24 + 0x70 + at * 40;
    headers.write(name, row);
    headers.writeUInt32LE(text.length, row + 8);
    headers.writeUInt32LE(body.length, row + 16);
    headers.writeUInt32LE(from, row + 20);
    from += body.length;
    return body;
  });
  return Buffer.concat([headers, ...bodies]).toString('latin1');
}

it.each(['/boot/EFI/Linux', '/boot/efi/EFI/Linux', '/efi/EFI/Linux'])(
  'a unified kernel image in %s',
  directory => {
    const image = pe([
      ['.osrel', 'ID=x\n'],
      ['.cmdline', 'root=x lsm=yama\n'],
    ]);
    expect(linesOf({ [`${directory}/a.efi`]: image })).toEqual(['root=x lsm=yama']);
    const addon = pe([['.cmdline', 'sysctl.kernel.yama.ptrace_scope=0']]);
    const files = { [`${directory}/a.efi`]: image, [`${directory}/a.efi.extra.d/b.addon.efi`]: addon };
    expect(linesOf(files)).toEqual(['root=x lsm=yama sysctl.kernel.yama.ptrace_scope=0']);
  },
);

it('an image that is no PE file is unknown', () => {
  expect(read({ '/efi/EFI/Linux/a.efi': 'x' }).unreadable).toMatchObject([{ path: '/efi/EFI/Linux/a.efi' }]);
});

it('a kernel with parameters of its own, and a bootconfig, are unknown', () => {
  const config = (text: string) => read({ '/boot/config-6.1': `CONFIG_CMDLINE="${text}"\n` }).unreadable;
  expect(config('console=ttyS0')).toEqual([]);
  expect(config('console=ttyS0 lsm=apparmor')).toMatchObject([{ path: '/boot/config-6.1' }]);
  const entry = { '/boot/grub/grub.cfg': 'linux /k root=x bootconfig' };
  expect(read(entry).unreadable).toMatchObject([{ path: '/boot/grub/grub.cfg:1' }]);
});
