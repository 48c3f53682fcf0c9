import type { FileTree } from '../tree/file-tree.js';
import { discover } from './directories.js';
import { expandBraces, isGlob, matchesPath } from './glob.js';
import { type ParsedFile, type SysctlLine, simplified, slashed, withoutEnding } from './line.js';
import {
  idle,
  malformed,
  originOf,
  PlanReader,
  type Setting,
  type SysctlLoad,
  type SysctlPlan,
} from './plan.js';
import { CREDENTIALS } from './unread-settings.js';

/** LONG_LINE_MAX, src/basic/fileio.h */
const LONGEST_LINE = 2 ** 20;
/** FOREACH_DIRENT skips hidden files. It also skips backup files, but their suffixes differ from `.conf`: hidden_or_backup_file() */
const takes = (name: string) => name.endsWith('.conf') && !name.startsWith('.');

/** strstrip(), src/basic/string-util.c: WHITESPACE has no \v or \f. */
const strip = (text: string) => withoutEnding(text, ' \t\n\r').replace(/^[ \t\n\r]+/, '');
/** sysctl_normalize(), src/basic/sysctl-util.c */
const normalize = (key: string) => simplified(slashed(key)).replace(/^\/(?=.)/s, '');

/**
 * Parses a file. CR and NUL end a line as LF does, also in a comment. A line of 1 MiB or more ends the file.
 *
 * systemd: src/sysctl/sysctl.c, parse_file(); src/basic/fileio.c, read_line_full()
 */
export function parseSystemdSysctl(text: string): ParsedFile {
  const lines: SysctlLine[] = [];
  let line = 1;
  for (const [whole, content = ''] of text.matchAll(/([^\n\r\0]*)(?:\n\r?\0?|\r\n?\0?|\0|$)/g)) {
    if (content.length >= LONGEST_LINE) return { lines, stoppedAt: line };
    const parsed = parseLine(content, line);
    if (parsed !== null) lines.push(parsed);
    if (whole.includes('\n')) line++;
  }
  return { lines, stoppedAt: null };
}

function parseLine(content: string, line: number): SysctlLine | null {
  const text = strip(content);
  if (text === '' || text.startsWith('#') || text.startsWith(';')) return null;
  const equals = text.indexOf('=');
  const isMarked = text.startsWith('-');
  const kind = equals >= 0 ? 'assignment' : isMarked ? 'exclusion' : 'malformed';
  const key = normalize(strip(text.slice(isMarked ? 1 : 0, equals >= 0 ? equals : undefined)));
  return { line, text, kind, key, value: equals >= 0 ? strip(text.slice(equals + 1)) : '' };
}

/**
 * The values that systemd-sysctl writes to `key`, a path below /proc/sys. systemd-sysctl reads all files before it writes, and
 * keeps one line for each spelling of a key:
 *
 * - A line with another value, or an exclusion, replaces the earlier line and goes to the end.
 * - A line with the same value stays at the place of the earlier line.
 *
 * A pattern doesn't apply to a key that any line spells exactly.
 *
 * systemd 252: src/sysctl/sysctl.c, run(), parse_file(), apply_all(); src/basic/conf-files.c, files_add()
 */
function plan(tree: FileTree, key: string): SysctlPlan {
  const reader = new PlanReader(tree);
  const found = discover(tree, reader, takes, directory => nameOf(tree, directory));
  const credential = CREDENTIALS.find(path => tree.resolve(path).kind !== 'missing');
  const read = credential === undefined ? found.used : [...found.used, credential];

  const files = read.map(path => reader.read(path, parseSystemdSysctl));
  const made: SysctlPlan = {
    files,
    masked: found.masked,
    ignored: found.ignored,
    writes: [],
    idle: [],
    unreadable: reader.unreadable,
  };
  const settings = files.flatMap(({ path, lines }) => lines.map(line => ({ ...line, file: path })));
  made.idle.push(...malformed(settings, key));
  for (const { file, line, kind, key: spelled } of settings) {
    if (kind === 'malformed' || !isGlob(spelled) || expandBraces(spelled) !== null) continue;
    if (mayBegin(spelled, key))
      made.unreadable.push({
        path: file,
        cause: `line ${line}: its pattern is too long to follow, or its braces stand for too many`,
      });
  }
  apply(keepLast(settings, key, made), key, made);
  return made;
}

/** path_strv_resolve(), src/basic/path-util.c: systemd drops a directory whose path can't be resolved, but not a missing one. */
function nameOf(tree: FileTree, directory: string): string | null {
  const found = tree.resolve(directory);
  if (found.kind === 'directory') return found.path;
  return found.kind === 'missing' || found.kind === 'unreadable' ? directory : null;
}

/** Models the ordered hash map of parse_file(). */
function keepLast(settings: Setting[], key: string, plan: SysctlPlan): Map<string, Setting> {
  const kept = new Map<string, Setting>();
  for (const setting of settings) {
    if (setting.kind === 'malformed' || matches(setting.key, key) === 'no') continue;
    const earlier = kept.get(setting.key);
    if (earlier !== undefined) {
      const isSame = earlier.kind === setting.kind && earlier.value === setting.value;
      const fate = setting.kind === 'exclusion' && earlier.kind === 'assignment' ? 'excluded' : 'overridden';
      plan.idle.push(idle(earlier, fate, originOf(setting)));
      // A line with another value goes to the end.
      if (!isSame) kept.delete(setting.key);
    }
    kept.set(setting.key, setting);
  }
  return kept;
}

function apply(kept: Map<string, Setting>, key: string, plan: SysctlPlan) {
  const explicit = kept.get(key);
  for (const setting of kept.values()) {
    const isCertain = matches(setting.key, key) === 'yes';
    if (setting.kind === 'exclusion') plan.idle.push(idle(setting, 'exclusion'));
    else if (setting.key.split('/').includes('..'))
      plan.idle.push(idle(setting, 'refused', null, 'the path has a ..'));
    else if (explicit !== undefined && setting !== explicit) {
      const fate = explicit.kind === 'exclusion' ? 'excluded' : 'overridden';
      plan.idle.push(idle(setting, fate, originOf(explicit)));
    } else plan.writes.push({ setting, isCertain });
  }
}

/** systemd calls glob_extend() with GLOB_BRACE for patterns. sysctl_write() refuses a path that isn't normalized. */
function matches(spelled: string, key: string): 'yes' | 'no' | 'uncertain' {
  if (!isGlob(spelled)) return spelled === key ? 'yes' : 'no';
  const patterns = expandBraces(spelled);
  if (patterns === null) return mayBegin(spelled, key) ? 'uncertain' : 'no';
  const all = patterns.map(pattern => matchesPath(pattern, key));
  const found =
    all.find(({ matches }) => matches === 'yes') ?? all.find(({ matches }) => matches === 'uncertain');
  if (found === undefined) return 'no';
  return found.matches === 'yes' && simplified(found.as) !== found.as ? 'uncertain' : found.matches;
}

/** True if the key begins with the text before the first special letter of the pattern. */
const mayBegin = (spelled: string, key: string) => key.startsWith(/^[^*?[{\\]*/.exec(spelled)?.[0] ?? '');

export const SYSTEMD_SYSCTL: SysctlLoad = {
  plan,
  parse: parseSystemdSysctl,
  concerns: (spelled, key) => matches(spelled, key) !== 'no',
};
