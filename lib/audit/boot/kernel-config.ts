import { parameters } from '../sysctl/kernel-command-line.js';
import type { FileTree } from '../tree/file-tree.js';

/** The settings on Yama in a kernel's configuration. Distributions install it beside the kernel as /boot/config-RELEASE. */
export interface KernelConfig {
  file: string;
  /** CONFIG_SECURITY_YAMA. */
  isBuiltIn: boolean;
  /** True if CONFIG_LSM names Yama; without `lsm=` on the command line this list decides. Null: a kernel before 5.1 has no list. */
  isListed: boolean | null;
  /** CONFIG_CMDLINE, to which the boot loader adds its own; empty for none. */
  commandLine: string;
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
        commandLine: /^CONFIG_CMDLINE="(.*)"$/m.exec(content.text)?.[1] ?? '',
      },
    ];
  });
}

/**
 * True if the kernel runs with Yama. The last `lsm=` replaces the list in CONFIG_LSM. `security=` adds its module to that list,
 * and disables other major modules (SELinux, AppArmor, Smack, TOMOYO), but never Yama. A kernel before 5.1 always adds Yama.
 *
 * Kernel: security/security.c or, later, security/lsm_init.c: ordered_lsm_init(), ordered_lsm_parse()
 */
export function hasYama({ isBuiltIn, isListed }: KernelConfig, commandLine: string): boolean {
  if (!isBuiltIn || isListed === null) return isBuiltIn;
  const last = (name: string) =>
    parameters(commandLine).findLast(one => one.name === name && one.value !== null)?.value;
  const order = last('lsm');
  if (order !== undefined && order !== null) return order.split(',').includes('yama');
  return isListed || last('security') === 'yama';
}
