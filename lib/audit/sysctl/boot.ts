import type { FileTree } from '../tree/file-tree.js';
import type { SysctlLoader } from './config.js';

/** `at-boot`: the init system of this tree runs the loader. `by-hand`: the loader is installed, but init doesn't run it. */
export type LoaderUse = 'at-boot' | 'by-hand' | 'not-installed';

const isThere = (tree: FileTree, paths: readonly string[]) =>
  paths.some(path => tree.resolve(path).kind === 'file');

const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];
const SYSTEMD_SYSCTL = ['/usr/lib/systemd/systemd-sysctl', '/lib/systemd/systemd-sysctl'];
const PROCPS = ['/usr/sbin/sysctl', '/sbin/sysctl'];
const INIT_SCRIPT = '/etc/init.d/procps';

/** Finds the loaders that read sysctl.d at boot, by the programs that are installed. */
export function loaderUse(tree: FileTree): Record<SysctlLoader, LoaderUse> {
  const hasSystemd = isThere(tree, SYSTEMD);
  const isMasked = tree.resolve('/etc/systemd/system/systemd-sysctl.service').kind === 'null-device';
  const procps = isThere(tree, PROCPS);
  return {
    'systemd-sysctl': !isThere(tree, SYSTEMD_SYSCTL)
      ? 'not-installed'
      : hasSystemd && !isMasked
        ? 'at-boot'
        : 'by-hand',
    // Under systemd the init script doesn't run: Debian's procps.service is an alias of systemd-sysctl.service.
    procps: !procps ? 'not-installed' : !hasSystemd && isThere(tree, [INIT_SCRIPT]) ? 'at-boot' : 'by-hand',
  };
}

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
