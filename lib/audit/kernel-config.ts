import type { FileTree } from './file-tree.js';

/** What a kernel's own configuration says of Yama: /boot/config-RELEASE, as distributions put it beside the kernel. */
export interface KernelConfig {
  file: string;
  /** CONFIG_SECURITY_YAMA. */
  isBuiltIn: boolean;
  /** Whether CONFIG_LSM, the list that holds without lsm= on the command line, has it; null: a kernel before 5.1 has none. */
  isListed: boolean | null;
}

const DIRECTORY = '/boot';

/** Of each kernel that the tree could boot. Kernel: security/Kconfig, LSM; security/yama/Kconfig */
export function kernelConfigs(tree: FileTree): KernelConfig[] {
  const listing = tree.list(DIRECTORY);
  const names =
    listing.kind === 'names' ? listing.names.filter(name => name.startsWith('config-')).sort() : [];
  return names.flatMap(name => {
    const file = `${DIRECTORY}/${name}`;
    const content = tree.read(file);
    if (content.kind !== 'text') return [];
    const list = /^CONFIG_LSM="([^"]*)"$/m.exec(content.text)?.[1];
    return [
      {
        file,
        isBuiltIn: /^CONFIG_SECURITY_YAMA=y$/m.test(content.text),
        isListed: list === undefined ? null : list.split(',').includes('yama'),
      },
    ];
  });
}

/** Whether a kernel of the tree runs with Yama, by that and the lsm= of the boot entries, which takes the list's place. */
export function hasYama({ isBuiltIn, isListed }: KernelConfig, commandLines: readonly string[]): boolean {
  const named = commandLines.flatMap(line => /(?:^|\s)lsm=(\S*)/.exec(line)?.[1] ?? []);
  if (named.length > 0) return isBuiltIn && named.every(list => list.split(',').includes('yama'));
  return isBuiltIn && isListed !== false;
}
