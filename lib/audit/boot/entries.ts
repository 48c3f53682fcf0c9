import type { FileTree } from '../tree/file-tree.js';

/** Files with the kernel command lines of later boots, and the text before the command line in each line. */
const ENTRIES: readonly [path: string, line: RegExp][] = [
  ['/etc/kernel/cmdline', /^/],
  ['/boot/grub/grub.cfg', /^\s*linux(?:efi|16)?\s+\S+/],
  ['/boot/grub2/grub.cfg', /^\s*linux(?:efi|16)?\s+\S+/],
];
const LOADER_ENTRIES = '/boot/loader/entries';

export interface BootEntry {
  file: string;
  line: number;
  commandLine: string;
}

/** The kernel command lines that a boot loader of this tree offers. */
export function bootEntries(tree: FileTree): BootEntry[] {
  const listed = tree.list(LOADER_ENTRIES);
  const entries = listed.kind === 'names' ? listed.names.filter(name => name.endsWith('.conf')).sort() : [];
  const files = [...ENTRIES, ...entries.map(name => [`${LOADER_ENTRIES}/${name}`, /^options\s/] as const)];
  return files.flatMap(([file, begin]) => {
    const content = tree.read(file);
    if (content.kind !== 'text') return [];
    return content.text.split('\n').flatMap((text, at) => {
      const [found] = begin.exec(text) ?? [];
      const commandLine = found === undefined ? '' : text.slice(found.length).trim();
      return commandLine === '' ? [] : [{ file, line: at + 1, commandLine }];
    });
  });
}
