import type { FileTree } from './file-tree.js';

/** Who brings a configuration file. */
export interface Provenance {
  file: string;
  /** By the package manager's own list; null where that has no such file, or isn't to be read. */
  package: string | null;
  /** What is known of a file of this name; null: nothing. */
  known: string | null;
}

/** Files that set ptrace_scope, as distributions bring them: by the end of their path. */
const KNOWN: readonly [end: string, what: string][] = [
  [
    '/10-default-yama-scope.conf',
    'elfutils-default-yama-scope (Fedora, RHEL, SUSE), which sets 0 for debuggers',
  ],
  ['/10-ptrace.conf', 'procps of Ubuntu, which sets 1'],
  ['/etc/sysctl.d/99-sysctl.conf', "systemd's or procps' link to /etc/sysctl.conf"],
];

const INFO = '/var/lib/dpkg/info';

/** dpkg's lists have the path as the package has it, which may be without the /usr of a merged tree. */
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

/** What package or distribution stands behind each of these files, as far as dpkg's lists or their names tell. */
export function provenanceOf(tree: FileTree, files: readonly string[]): Provenance[] {
  const packages = files.length === 0 ? new Map<string, string>() : owners(tree, files);
  return files.map(file => ({
    file,
    package: packages.get(file) ?? null,
    known: KNOWN.find(([end]) => file.endsWith(end))?.[1] ?? null,
  }));
}
