import type { FileTree } from './file-tree.js';

/** The package or distribution that a configuration file comes from. */
export interface Provenance {
  file: string;
  /** The package by the package manager's lists; null if no list has the file, or the lists can't be read. */
  package: string | null;
  /** A description of files with this name, if tracegate knows one. */
  known: string | null;
}

/** Files of distributions that set ptrace_scope, by the end of the path. */
const KNOWN: readonly [end: string, what: string][] = [
  [
    '/10-default-yama-scope.conf',
    'elfutils-default-yama-scope (Fedora, RHEL, SUSE), which sets 0 for debuggers',
  ],
  ['/10-ptrace.conf', 'procps of Ubuntu, which sets 1'],
  ['/etc/sysctl.d/99-sysctl.conf', "systemd's or procps' link to /etc/sysctl.conf"],
];

const INFO = '/var/lib/dpkg/info';

/** Finds files in dpkg's lists. The lists have the paths of the packages, which may lack the /usr of a merged tree. */
function owners(tree: FileTree, files: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const listing = tree.list(INFO);
  if (listing.kind !== 'names') return found;
  for (const name of listing.names.filter(one => one.endsWith('.list'))) {
    const content = tree.read(`${INFO}/${name}`);
    if (content.kind !== 'text') continue;
    const paths = new Set(content.text.split('\n'));
    for (const file of files)
      if (paths.has(file) || paths.has(file.replace(/^\/usr/, '')))
        found.set(file, name.replace(/(:\w+)?\.list$/, ''));
  }
  return found;
}

/** Finds the package or distribution of each file, by dpkg's lists and by the file's name. */
export function provenanceOf(tree: FileTree, files: readonly string[]): Provenance[] {
  const packages = files.length === 0 ? new Map<string, string>() : owners(tree, files);
  return files.map(file => ({
    file,
    package: packages.get(file) ?? null,
    known: KNOWN.find(([end]) => file.endsWith(end))?.[1] ?? null,
  }));
}
