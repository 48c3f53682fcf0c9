import type { SysctlLoader } from '../sysctl/config.js';
import type { FileTree } from '../tree/file-tree.js';

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
