import { posix } from 'node:path';
import { readSysctlConfig } from '../../sysctl/config.js';
import { SYSCTL_DIRECTORIES } from '../../sysctl/directories.js';
import { SYSCTL_CONF } from '../../sysctl/unread-settings.js';
import { kernelWrite } from '../../sysctl/value.js';
import type { FilePart, FileTree } from '../../tree/file-tree.js';
import { overlay } from '../../tree/overlay.js';
import type { TreeReader } from '../../tree/tree-reader.js';
import { bootDirectories } from '../entries/boot-entry.js';
import { peSections } from '../entries/unified-kernel-image.js';
import { writingLines } from './commands.js';
import { initrdEntries } from './initrd-archive.js';
import type { OtherWriter } from './other-writer.js';

/** dracut packs systemd-sysctl and files of sysctl.d: modules.d/*systemd-sysctl, before 052 modules.d/00systemd. */
const DRACUT = '/usr/lib/dracut/modules.d';
/** initramfs-tools and mkinitcpio, which pack no loader. */
const WITHOUT_LOADER = ['/usr/sbin/mkinitramfs', '/usr/bin/mkinitcpio'];
const IMAGE = /^(?:initrd|initramfs)\b(?!.*kdump)/;
const MODULES = ['/usr/lib/modules', '/lib/modules'];
const IN_MODULES = ['initramfs.img', 'initrd'];
const LARGEST = 2 ** 29;
const PACKED =
  /^(?:\/(?:etc|usr\/lib|usr\/local\/lib|lib)\/sysctl\.d\/[^/]+|\/etc\/sysctl\.conf|(?:\/usr)?\/lib\/systemd\/systemd-sysctl|.*squash(?:fs)?-root\.img)$/;
/** Scripts that are packed by initramfs-tools, mkinitcpio and dracut. None of their own scripts writes a sysctl. */
const SCRIPTS = [
  '/etc/initramfs-tools/hooks',
  '/etc/initcpio/hooks',
  '/etc/initcpio/install',
  ...['init-top', 'init-premount', 'local-top', 'local-premount', 'local-bottom', 'init-bottom'].map(
    stage => `/etc/initramfs-tools/scripts/${stage}`,
  ),
];
const STRICTEST = '3';

/** An initrd, or its part of a unified kernel image. */
interface Initrd {
  file: string;
  part: FilePart;
}

/**
 * What an initrd may write before the loader. A write of 3 in the initrd can't be lowered later. If nothing of sysctl.d has changed
 * since the initrd was made, then its lines are lines of the tree: all of them, or without /etc those of a generic initrd. Else it
 * is looked into. If this isn't possible, then the lines that it may have are unknown; but a running value other than 3 shows that it
 * has no 3.
 *
 * @param running the value that runs now; null for a tree that doesn't run
 */
export function initrdWriters(reader: TreeReader, key: string, running: string | null): OtherWriter[] {
  const scripts = SCRIPTS.flatMap(directory =>
    reader.names(directory).flatMap(name => {
      const file = `${directory}/${name}`;
      return writingLines(reader, key, file, reader.text(file) ?? '');
    }),
  ).map(line => ({ kind: 'initrd' as const, when: 'before-loader' as const, ...line }));
  const isThere = (path: string) => reader.tree.resolve(path).kind !== 'missing';
  if (!isThere(DRACUT) && WITHOUT_LOADER.some(isThere)) return scripts;
  const { assignments } = readSysctlConfig(reader.tree, { key });
  const isSet = assignments.some(({ fate, writer }) => fate === 'effective' && writer === 'loader');
  const write = kernelWrite(key);
  const packable = assignments.filter(({ value }) => {
    const written = value === null ? null : write('0', value);
    return written?.accepted === true && (!isSet || written.value === STRICTEST);
  });
  const changed = lastChange(reader);
  const found = initrds(reader).flatMap(({ file, part }): OtherWriter[] => {
    const about = { kind: 'initrd', when: 'before-loader', file, line: null } as const;
    const made = reader.tree.changedAt(file);
    if (made !== null && made >= changed)
      return [...new Map(packable.map(one => [one.value, one])).values()].map(
        ({ file: from, line, value }) => ({
          ...about,
          text: `it may have ${from}:${line}`,
          value,
        }),
      );
    const packed = packedConfig(reader, file, part);
    if (packed === null) return [];
    if (typeof packed === 'string') {
      if (running !== null && running !== STRICTEST && isSet) return [];
      return [{ ...about, text: `it is older than files of sysctl.d, and ${packed}`, value: null }];
    }
    const next = readSysctlConfig(packed, { key, initial: '' }).nextBoot['systemd-sysctl'];
    if (next.state === 'known' && next.file === null) return [];
    const text = next.state === 'known' ? `it has ${next.file}:${next.line}` : next.because.join('; ');
    return [{ ...about, text, value: next.state === 'known' ? next.value : null }];
  });
  return [...scripts, ...found];
}

function initrds(reader: TreeReader): Initrd[] {
  const whole = (file: string): Initrd => ({ file, part: { from: 0, length: LARGEST } });
  const inBoot = bootDirectories.flatMap(directory =>
    reader.names(directory).flatMap(name => {
      const path = `${directory}/${name}`;
      if (IMAGE.test(name)) return [path];
      // kernel-install: /boot/MACHINE-ID/RELEASE/initrd
      if (!/^[0-9a-f]{32}$/.test(name)) return [];
      return reader.names(path).map(release => `${path}/${release}/initrd`);
    }),
  );
  const inModules = MODULES.flatMap(directory =>
    reader.names(directory).flatMap(release => IN_MODULES.map(name => `${directory}/${release}/${name}`)),
  );
  const files = [...inBoot, ...inModules].filter(path => reader.tree.resolve(path).kind === 'file');
  const images = bootDirectories.flatMap(directory =>
    reader
      .names(`${directory}/EFI/Linux`)
      .filter(name => name.toLowerCase().endsWith('.efi'))
      .flatMap(name => {
        const file = `${directory}/EFI/Linux/${name}`;
        const sections = peSections(reader, file) ?? [];
        return sections.filter(one => one.name === '.initrd').map(part => ({ file, part }));
      }),
  );
  return [...files.map(whole), ...images];
}

/** The last change in the directories of sysctl.d: a file that is removed or renamed changes its directory. */
function lastChange({ tree }: TreeReader): number {
  const paths = SYSCTL_DIRECTORIES.filter(directory => !directory.startsWith('/run')).flatMap(directory => {
    const listing = tree.list(directory);
    const names = listing.kind === 'names' ? listing.names : [];
    return [directory, ...names.map(name => `${directory}/${name}`)];
  });
  return Math.max(0, ...[...paths, SYSCTL_CONF].map(path => tree.changedAt(path) ?? 0));
}

/** The files of sysctl.d in an initrd; null if it has no systemd-sysctl, and a text if it can't be looked into. */
function packedConfig(reader: TreeReader, file: string, part: FilePart): FileTree | string | null {
  const content = reader.tree.read(file, part);
  if (content.kind !== 'text') return content.kind === 'unreadable' ? content.cause : null;
  const entries = initrdEntries(Buffer.from(content.text, 'latin1'), path => PACKED.test(path));
  if (typeof entries === 'string') return entries;
  if (entries.some(({ path }) => path.endsWith('.img'))) return 'it has its files in a squashfs';
  if (!entries.some(({ path }) => path.endsWith('/systemd-sysctl'))) return null;
  const texts = new Map(entries.filter(({ isLink }) => !isLink).map(({ path, text }) => [path, text]));
  // A link that leads to no packed file masks, as an empty file does.
  for (const { path, isLink, text } of entries)
    if (isLink) texts.set(path, texts.get(posix.resolve(posix.dirname(path), text)) ?? '');
  return overlay(EMPTY, texts);
}

const EMPTY: FileTree = {
  resolve: () => ({ kind: 'missing' }),
  list: () => ({ kind: 'nothing' }),
  read: () => ({ kind: 'nothing', because: 'missing' }),
  readLink: () => null,
  changedAt: () => null,
};
