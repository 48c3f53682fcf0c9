import { parameters } from '../sysctl/kernel-command-line.js';
import type { FileTree, Unreadable } from '../tree/file-tree.js';
import { TreeReader } from '../tree/tree-reader.js';
import type { BootEntry } from './entries/boot-entry.js';
import { grubMenus } from './entries/grub.js';
import { loaderEntries } from './entries/loader-specification.js';
import { firmwareEntries, legacyMenuEntries, sourceEntries } from './entries/plain-command-lines.js';
import { syslinuxEntries } from './entries/syslinux.js';
import { unifiedImageEntries } from './entries/unified-kernel-image.js';
import { kernelConfigs } from './kernel-config.js';

export interface BootEntries {
  entries: BootEntry[];
  /** What may hold further command lines, or other words of these. */
  unreadable: Unreadable[];
}

/** Scripts and maps of boot loaders that are not modelled: their command lines are unknown. */
const NOT_MODELLED: readonly [path: string, what: string][] = [
  ['/boot/boot.scr', "U-Boot's script"],
  ['/boot/boot.scr.uimg', "U-Boot's script"],
  ['/etc/zipl.conf', "zipl's boot map"],
  ['/etc/lilo.conf', "LILO's boot map"],
];

/** Parameters that may change the value, or leave Yama out. */
const MATTERS = /^(?:lsm|security|bootconfig|sysctl[./].*)$/;

/** The kernel command lines that the boot loaders of this tree offer. */
export function bootEntries(tree: FileTree): BootEntries {
  const reader = new TreeReader(tree);
  const { unreadable } = reader;
  const boot = tree.list('/boot');
  if (boot.kind === 'unreadable') return { entries: [], unreadable: [{ path: '/boot', cause: boot.cause }] };
  const menus = grubMenus(reader);
  const entries = [
    ...menus.entries,
    ...loaderEntries(reader, menus),
    ...unifiedImageEntries(reader),
    ...syslinuxEntries(reader),
    ...firmwareEntries(reader),
    ...legacyMenuEntries(reader),
  ];
  for (const { file, line, commandLine } of entries)
    if (parameters(commandLine).some(({ name }) => name === 'bootconfig'))
      reader.add(`${file}:${line}`, 'the bootconfig of the initrd may add parameters');
  for (const { file, commandLine } of kernelConfigs(tree))
    if (parameters(commandLine).some(({ name }) => MATTERS.test(name)))
      reader.add(file, `the kernel has parameters of its own (CONFIG_CMDLINE): ${commandLine}`);
  if (entries.length === 0)
    for (const [path, what] of NOT_MODELLED)
      if (tree.resolve(path).kind === 'file') reader.add(path, `${what} is not modelled`);
  if (entries.length > 0 || unreadable.length > 0) return { entries, unreadable };
  return { entries: sourceEntries(reader), unreadable };
}
