import type { FileTree } from './file-tree.js';

/** The operating system of a tree. */
export interface OperatingSystem {
  /** `ID`, such as `debian`; `linux` if the file has none. */
  id: string;
  /** `VERSION_ID`, such as `12` or `9.4`; null for a rolling release. */
  version: string | null;
  /** `PRETTY_NAME`. */
  name: string;
}

/** The values are those of a shell's assignment: os-release(5). */
const unquoted = (value: string): string =>
  /^".*"$|^'.*'$/.test(value) ? value.slice(1, -1).replace(/\\(["'$`\\])/g, '$1') : value;

/** Reads os-release(5). Null if the tree has no such file, or the file can't be read. */
export function osRelease(tree: FileTree): OperatingSystem | null {
  const contents = ['/etc/os-release', '/usr/lib/os-release'].map(path => tree.read(path));
  const content = contents.find(({ kind }) => kind === 'text');
  if (content?.kind !== 'text') return null;
  const text = Buffer.from(content.text, 'latin1').toString();
  const fields = new Map(
    [...text.matchAll(/^([A-Z_]+)=(.*?)\s*$/gm)].map(([, name, value = '']) => [name, unquoted(value)]),
  );
  return {
    id: fields.get('ID') ?? 'linux',
    version: fields.get('VERSION_ID') ?? null,
    name: fields.get('PRETTY_NAME') ?? 'Linux',
  };
}

/** True if a version of VERSION_ID is the wanted one, or a minor one of it. */
const isVersion = (version: string | null, wanted: string): boolean =>
  version === wanted || version?.startsWith(`${wanted}.`) === true;

/** True if an entry for `wanted` is for this system. An entry for null is for every system. */
export const isFor = (
  wanted: { id: string; version: string | null } | null,
  os: OperatingSystem | null,
): boolean =>
  wanted === null ||
  (os !== null && os.id === wanted.id && (wanted.version === null || isVersion(os.version, wanted.version)));
