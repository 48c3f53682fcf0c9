import { readSysctlConfig } from '../../sysctl/config.js';
import { SYSCTL_CONF } from '../../sysctl/unread-settings.js';
import type { TreeReader } from '../../tree/tree-reader.js';
import type { WritingLine } from './other-writer.js';

const SCRIPT = '#!';
/** Larger scripts are programs with a data part. */
const LONGEST_SCRIPT = 2 ** 18;
/** sysctl(8) with an option that loads files. */
const LOADS = /(?:^|[\s;&|(/'"`@-])sysctl((?:\s+-{1,2}[\w-]+(?:=\S+)?|\s+["']?[\w./*${}-]+["']?)*)/g;
const SYSTEM = /\s--system\b/;
const FROM_FILE = /\s(?:-[a-z]*[pf]|--load)(?:[=\s]+(?!-)["']?([^\s;&|'"]+))?/;
/** Words that only look at a file. */
const READS = /(?:\b(?:cat|grep|head|stat|ls|test|read)\s|\[\s|\bsysctl\s+(?:-\w+\s+)*[\w./]+\s*(?:$|[|;)]))/;

const escaped = (key: string) => key.split('/').join('[./]');

/**
 * The value that a command or a line of a configuration gives to the key: `sysctl -w KEY=V`, `KEY = V`, `echo V > FILE`, `echo V |
 * tee FILE`. `value` is null if only a shell can tell. Null: the line doesn't write the key.
 */
export function writtenBy(line: string, key: string): { value: string | null } | null {
  if (!line.includes(key.slice(key.lastIndexOf('/') + 1)) || /^\s*(?:#|;|\/\/|\*)/.test(line)) return null;
  const name = escaped(key);
  if (!new RegExp(name).test(line)) return null;
  const assigned = new RegExp(`${name}["']?[}]?["']?\\s*[=:]\\s*(["']?)([^"'\\s;,&|)]*)\\1`).exec(line);
  if (assigned !== null) return { value: plain(assigned[2]) };
  const redirected = new RegExp(`(?:>|\\btee\\b(?:\\s+-\\w+)*)\\s*["']?/proc/sys/${name}`).test(line);
  if (redirected) {
    const echoed = /\b(?:echo|printf)\s+(?:-\w+\s+)*(["']?)([^"'\s;|>]*?)(?:\\n)?\1\s*(?:>|\|)/.exec(line);
    return { value: plain(echoed?.[2]) };
  }
  return READS.test(line) ? null : { value: null };
}

const plain = (value: string | undefined) => (value !== undefined && /^\d+$/.test(value) ? value : null);

/** The lines of a text that write the key, also by `sysctl -p FILE` and `sysctl --system`, and those of the scripts they run. */
export function writingLines(
  reader: TreeReader,
  key: string,
  file: string,
  text: string,
  follows = true,
): WritingLine[] {
  return text.split('\n').flatMap((line, at) => {
    const origin = { file, line: at + 1, text: line.trim() };
    const written = writtenBy(line, key);
    if (written !== null) return [{ ...origin, ...written }];
    if (/^\s*#/.test(line)) return [];
    const loaded = loadedBy(reader, key, line).map(value => ({ ...origin, value }));
    return follows ? [...loaded, ...scriptsIn(reader, key, line, file)] : loaded;
  });
}

/** The values that files give which sysctl(8) loads in this line. */
function loadedBy(reader: TreeReader, key: string, line: string): (string | null)[] {
  if (!line.includes('sysctl')) return [];
  return [...line.matchAll(LOADS)].flatMap(([, options = '']) => {
    if (SYSTEM.test(options)) {
      const next = readSysctlConfig(reader.tree, { key }).nextBoot.procps;
      if (next.state === 'unknown') return isSet(reader, key) ? [null] : [];
      return next.file === null ? [] : [next.value];
    }
    const found = FROM_FILE.exec(options);
    if (found === null) return [];
    const [, path = SYSCTL_CONF] = found;
    if (!path.startsWith('/')) return [null];
    const lines = (reader.text(path) ?? '').split('\n').flatMap(one => writtenBy(one, key) ?? []);
    return lines.slice(-1).map(({ value }) => value);
  });
}

/** True if a line of sysctl.d is on the key. */
const isSet = (reader: TreeReader, key: string) =>
  readSysctlConfig(reader.tree, { key }).assignments.length > 0;

/** The writing lines of the scripts whose absolute paths are in this line. */
function scriptsIn(reader: TreeReader, key: string, line: string, from: string): WritingLine[] {
  return [...new Set(line.match(/\/[\w./@+-]+/g) ?? [])].flatMap(path =>
    path === from ? [] : scriptLines(reader, key, path),
  );
}

/** The writing lines of a script; none if the file is no script. */
export function scriptLines(reader: TreeReader, key: string, path: string): WritingLine[] {
  const { tree } = reader;
  if (tree.resolve(path).kind !== 'file') return [];
  const begin = tree.read(path, { from: 0, length: SCRIPT.length });
  if (begin.kind !== 'text' || begin.text !== SCRIPT) return [];
  const content = tree.read(path, { from: 0, length: LONGEST_SCRIPT });
  return content.kind === 'text' ? writingLines(reader, key, path, content.text, false) : [];
}
