import { posix } from 'node:path';
import type { SysctlLoader } from '../sysctl/config.js';
import type { FileTree } from '../tree/file-tree.js';
import { type Loading, loads, nothingLoads, unknownLoading } from './loading.js';

const SYSTEMD_SYSCTL = ['/usr/lib/systemd/systemd-sysctl', '/lib/systemd/systemd-sysctl'];
const SYSCTL = ['/usr/sbin/sysctl', '/sbin/sysctl', '/usr/bin/sysctl', '/bin/sysctl'];

/** The name of the program behind a path: `busybox` for a link to busybox. Null if the path is no file. */
function programName(tree: FileTree, path: string): string | null {
  const found = tree.resolve(path);
  return found.kind === 'file' ? posix.basename(found.path) : null;
}

/** The loaders that are installed, whether or not init runs them. */
export function installedLoaders(tree: FileTree): SysctlLoader[] {
  const isThere = (paths: readonly string[], name: string) =>
    paths.some(path => programName(tree, path) === name);
  return [
    ...(isThere(SYSTEMD_SYSCTL, 'systemd-sysctl') ? (['systemd-sysctl'] as const) : []),
    ...(isThere(SYSCTL, 'sysctl') ? (['procps'] as const) : []),
    ...(isThere(SYSCTL, 'busybox') ? (['busybox'] as const) : []),
  ];
}

/** What `sysctl --system` loads, when a script or a unit runs it. */
export function sysctlSystem(
  tree: FileTree,
  program: string,
  at: { file: string; line?: number | null },
): Loading {
  const paths = program.includes('/') ? [program] : SYSCTL;
  const path = paths.find(one => programName(tree, one) !== null);
  const because = `${at.file} runs sysctl --system`;
  if (path === undefined) return nothingLoads(`${because}, but there is no ${paths.join(' or ')}`, at);
  const name = programName(tree, path);
  if (name === 'sysctl') return loads('procps', because, at);
  return unknownLoading(`${because}, and ${path} is ${name}`, at);
}
