import type { FileTree } from './file-tree.js';

/** A program whose release can be told from a tree. */
export interface Program {
  /** Where it may be, the first first. */
  paths: readonly string[];
  /** What its own bytes say, the release as the first group. */
  mark: RegExp;
  /** The names of its package: Debian's, Alpine's, Arch's, Void's, Gentoo's. */
  packages: readonly string[];
  /** A path that leads to its directory in a Nix store, whose name has the release. */
  nix?: string;
}

const readText = (tree: FileTree, path: string): string => {
  const content = tree.read(path);
  return content.kind === 'text' ? content.text : '';
};

const listed = (tree: FileTree, path: string): string[] => {
  const listing = tree.list(path);
  return listing.kind === 'names' ? listing.names : [];
};

/** The paragraphs that have the line: dpkg's status, and apk's installed, have one for each package. */
const paragraphsWith = (text: string, line: string) =>
  text.split(/\n{2,}/).filter(one => one.startsWith(`${line}\n`) || one.includes(`\n${line}\n`));

function dpkg(tree: FileTree, name: string): string | undefined {
  const own = ['/var/lib/dpkg/status', `/var/lib/dpkg/status.d/${name}`]
    .flatMap(path => paragraphsWith(readText(tree, path), `Package: ${name}`))
    .find(one => !/^Status: .* (not-installed|config-files)$/m.test(one));
  return /^Version: (?:\d+:)?(.*)$/m.exec(own ?? '')?.[1];
}

function apk(tree: FileTree, name: string): string | undefined {
  const text = readText(tree, '/lib/apk/db/installed') || readText(tree, '/usr/lib/apk/db/installed');
  const [own = ''] = paragraphsWith(text, `P:${name}`);
  return /^V:(.*)$/m.exec(own)?.[1];
}

const PKGVER = /<key>pkgver<\/key>\s*<string>([^<]*)</g;

/** pacman's directories, Gentoo's of all categories, and Void's list: each has NAME-VERSION. */
function byName(tree: FileTree, name: string): string | undefined {
  const gentoo = '/var/db/pkg';
  const names = [
    ...listed(tree, '/var/lib/pacman/local'),
    ...listed(tree, gentoo).flatMap(category => listed(tree, `${gentoo}/${category}`)),
    ...[...readText(tree, '/var/db/xbps/pkgdb-0.38.plist').matchAll(PKGVER)].map(([, one = '']) => one),
  ];
  return names
    .filter(one => one.startsWith(`${name}-`))
    .map(one => one.slice(name.length + 1))
    .find(rest => /^\d/.test(rest));
}

const release = (text: string | undefined) => /^\d+(?:\.\d+)*/.exec(text ?? '')?.[0] ?? null;

/**
 * The release of a program, without epoch and package revision. The program's own bytes come first, and then the databases of
 * dpkg, apk, pacman, xbps and Portage. Null if none of them says it.
 */
export function programVersion(tree: FileTree, { paths, mark, packages, nix }: Program): string | null {
  for (const path of paths) {
    const found = tree.resolve(path);
    if (found.kind !== 'file') continue;
    const own =
      mark.exec(readText(tree, path))?.[1] ?? /^\/nix\/store\/[^/]*?-(\d[\d.]*)/.exec(found.path)?.[1];
    if (own !== undefined) return own;
    break;
  }
  const store = nix === undefined ? undefined : tree.resolve(nix);
  if (store?.kind === 'directory') {
    const own = /^\/nix\/store\/[^/]*?-(\d[\d.]*)/.exec(store.path)?.[1];
    if (own !== undefined) return own;
  }
  for (const name of packages) {
    const found = release(dpkg(tree, name) ?? apk(tree, name) ?? byName(tree, name));
    if (found !== null) return found;
  }
  return null;
}
