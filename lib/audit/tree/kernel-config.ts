import type { FileTree } from './file-tree.js';

/** The settings on Yama in a kernel's configuration. Distributions install it beside the kernel as /boot/config-RELEASE. */
export interface KernelConfig {
  file: string;
  /** CONFIG_SECURITY_YAMA. */
  isBuiltIn: boolean;
  /** True if CONFIG_LSM names Yama; without `lsm=` on the command line this list decides. Null: a kernel before 5.1 has no list. */
  isListed: boolean | null;
}

const DIRECTORY = '/boot';

/** Reads the configuration of each kernel that the tree could boot. Kernel: security/Kconfig, LSM; security/yama/Kconfig */
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

/** True if a kernel of the tree runs with Yama. An `lsm=` of the boot entries replaces the list in CONFIG_LSM. */
export function hasYama({ isBuiltIn, isListed }: KernelConfig, commandLines: readonly string[]): boolean {
  const named = commandLines.flatMap(line => /(?:^|\s)lsm=(\S*)/.exec(line)?.[1] ?? []);
  if (named.length > 0) return isBuiltIn && named.every(list => list.split(',').includes('yama'));
  return isBuiltIn && isListed !== false;
}
