import type { TreeReader } from '../../tree/tree-reader.js';
import type { BootEntry } from './boot-entry.js';

/** The directories of EXTLINUX, SYSLINUX and ISOLINUX; also of U-Boot, which reads an extlinux.conf. */
const DIRECTORIES = [
  '/boot',
  '/boot/extlinux',
  '/boot/syslinux',
  '/boot/isolinux',
  '/extlinux',
  '/syslinux',
  '/isolinux',
];
const NAME = /^(?:extlinux|syslinux|isolinux)\.(?:conf|cfg)$/;

/**
 * The command lines of `append`. A label without one has that of the lines before the first label. All files of a directory of the
 * boot loader count, since `include` may name each.
 *
 * SYSLINUX: doc/syslinux.txt, APPEND; U-Boot: boot/pxe_utils.c
 */
export function syslinuxEntries(reader: TreeReader): BootEntry[] {
  return DIRECTORIES.flatMap(directory => {
    const names = reader.names(directory);
    const isOwn = names.some(name => NAME.test(name));
    return names
      .filter(name => (directory === '/boot' ? NAME.test(name) : isOwn && /\.(?:conf|cfg)$/.test(name)))
      .flatMap(name => entriesOf(reader, `${directory}/${name}`));
  });
}

function entriesOf(reader: TreeReader, file: string): BootEntry[] {
  return (reader.text(file) ?? '').split('\n').flatMap((text, at) => {
    const value = /^\s*append\s+(.*?)\s*$/i.exec(text)?.[1];
    if (value === undefined || value === '-') return [];
    if (value.includes('$')) reader.add(`${file}:${at + 1}`, 'it has a variable of the boot loader');
    return [{ file, line: at + 1, commandLine: value }];
  });
}
