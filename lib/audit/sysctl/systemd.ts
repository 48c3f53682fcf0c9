import type { FileTree } from '../tree/file-tree.js';
import { discover, SYSCTL_DIRECTORIES } from './directories.js';
import { expandBraces, isGlob, matchesPath } from './glob.js';
import { type ParsedFile, type SysctlLine, simplified, slashed, withoutEnding } from './line.js';
import {
  idle,
  malformed,
  originOf,
  PlanReader,
  planOf,
  type Setting,
  type SysctlLoad,
  type SysctlPlan,
  settingsOf,
} from './plan.js';
import { opensKey } from './procps-4.js';
import { CREDENTIALS } from './unread-settings.js';

/** What differs between the releases of systemd-sysctl. */
export interface SystemdRules {
  /** A line ends at a CR too. 239 has read_line() without it: src/basic/fileio.c */
  endsLinesAtCr: boolean;
  /**
   * A key may be a pattern, `-KEY` is an exclusion, and a key loses its empty and `.` components: src/sysctl/sysctl.c,
   * sysctl_normalize().
   */
  hasPatterns: boolean;
  /** A path with `..` is refused: sysctl_write(), path_is_normalized() */
  refusesDotDot: boolean;
  /** `/..` at the beginning of a key is dropped: path_simplify_full(), src/basic/path-util.c */
  dropsLeadingDotDot: boolean;
  /** The credential sysctl.extra is read last: read_credential_lines() */
  readsCredential: boolean;
  /** /lib/sysctl.d is read, also where it is not /usr/lib/sysctl.d: `-Dsplit-usr=true`, which 255 dropped. */
  readsLib: boolean;
  /** A link that can't be followed masks. Since a release after 257, conf_file_chase_and_verify() leaves it out. */
  masksByBrokenLink: boolean;
}

/** LONG_LINE_MAX, src/basic/fileio.h */
const LONGEST_LINE = 2 ** 20;
/** FOREACH_DIRENT skips hidden files. It also skips backup files, but their suffixes differ from `.conf`: hidden_or_backup_file() */
const takes = (name: string) => name.endsWith('.conf') && !name.startsWith('.');

/** strstrip(), src/basic/string-util.c: WHITESPACE has no \v or \f. */
const strip = (text: string) => withoutEnding(text, ' \t\n\r').replace(/^[ \t\n\r]+/, '');
/** sysctl_normalize(), src/basic/sysctl-util.c */
function normalize(key: string, { hasPatterns, dropsLeadingDotDot }: SystemdRules): string {
  const path = slashed(key);
  if (!hasPatterns) return path;
  const simple = simplified(path);
  return (dropsLeadingDotDot ? simple.replace(/^(\/\.\.(?=\/|$))+/, '') : simple).replace(/^\/(?=.)/s, '');
}

/** read_line_full(): any of these, or any two of them that differ. */
const LINE = /([^\n\r\0]*)(?:\n\r?\0?|\r\n?\0?|\0|$)/g;
const LINE_239 = /([^\n\0]*)(?:\n|\0|$)/g;

/**
 * Parses a file. CR and NUL end a line as LF does, also in a comment. A line of 1 MiB or more ends the file.
 *
 * systemd: src/sysctl/sysctl.c, parse_file(); src/basic/fileio.c, read_line_full()
 */
function parse(text: string, rules: SystemdRules): ParsedFile {
  const lines: SysctlLine[] = [];
  let line = 1;
  for (const [whole, content = ''] of text.matchAll(rules.endsLinesAtCr ? LINE : LINE_239)) {
    if (content.length >= LONGEST_LINE) return { lines, stoppedAt: line };
    const parsed = parseLine(content, line, rules);
    if (parsed !== null) lines.push(parsed);
    if (whole.includes('\n')) line++;
  }
  return { lines, stoppedAt: null };
}

function parseLine(content: string, line: number, rules: SystemdRules): SysctlLine | null {
  const text = strip(content);
  if (text === '' || text.startsWith('#') || text.startsWith(';')) return null;
  const equals = text.indexOf('=');
  const isMarked = text.startsWith('-');
  const kind = equals >= 0 ? 'assignment' : isMarked && rules.hasPatterns ? 'exclusion' : 'malformed';
  const spelled = text.slice(isMarked ? 1 : 0, equals >= 0 ? equals : undefined);
  // 239 strips the key before it drops the dash.
  const stripped = rules.hasPatterns ? strip(spelled) : withoutEnding(spelled, ' \t\n\r');
  const value = equals >= 0 ? strip(text.slice(equals + 1)) : '';
  return { line, text, kind, key: normalize(stripped, rules), value };
}

/**
 * The values that systemd-sysctl writes to `key`, a path below /proc/sys. systemd-sysctl reads all files before it writes, and
 * keeps one line for each spelling of a key:
 *
 * - A line with another value, or an exclusion, replaces the earlier line and goes to the end.
 * - A line with the same value has no effect: the earlier line stays.
 *
 * A pattern doesn't apply to a key that any line spells exactly.
 *
 * systemd: src/sysctl/sysctl.c, run(), parse_file(), apply_all(); src/basic/conf-files.c, files_add()
 */
function plan(tree: FileTree, key: string, rules: SystemdRules): SysctlPlan {
  const reader = new PlanReader(tree);
  const found = discover(tree, reader, {
    directories: rules.readsLib ? SYSCTL_DIRECTORIES : SYSCTL_DIRECTORIES.slice(0, -1),
    takes,
    nameOf: directory => nameOf(tree, directory),
    counts: path => rules.masksByBrokenLink || !isBroken(tree, path),
  });
  const credential = rules.readsCredential
    ? CREDENTIALS.find(path => tree.resolve(path).kind !== 'missing')
    : undefined;
  const read = credential === undefined ? found.used : [...found.used, credential];

  const files = read.map(path => reader.read(path, text => parse(text, rules)));
  const settings = settingsOf(files);
  const made = { ...planOf(reader, files, [], malformed(settings, key)), ...found };
  for (const { file, line, kind, key: spelled } of settings) {
    if (!rules.hasPatterns || kind === 'malformed' || !isGlob(spelled) || expandBraces(spelled) !== null)
      continue;
    if (mayBegin(spelled, key))
      made.unreadable.push({
        path: file,
        cause: `line ${line}: its pattern is too long to follow, or its braces stand for too many`,
      });
  }
  apply(keepFirst(settings, key, made, rules), key, made, rules);
  return made;
}

/** path_strv_resolve(), src/basic/path-util.c: systemd drops a directory whose path can't be resolved, but not a missing one. */
function nameOf(tree: FileTree, directory: string): string | null {
  const found = tree.resolve(directory);
  if (found.kind === 'directory') return found.path;
  return found.kind === 'missing' || found.kind === 'unreadable' ? directory : null;
}

/** chaseat() with CHASE_NONEXISTENT, src/basic/chase.c: a missing file is no error, but a loop is, or a path through a file. */
function isBroken(tree: FileTree, path: string): boolean {
  const found = tree.resolve(path);
  return found.kind === 'loop' || (found.kind === 'missing' && found.isUnreachable === true);
}

/** Models the ordered hash map of parse_file(). */
function keepFirst(
  settings: Setting[],
  key: string,
  plan: SysctlPlan,
  rules: SystemdRules,
): Map<string, Setting> {
  const kept = new Map<string, Setting>();
  for (const setting of settings) {
    if (setting.kind === 'malformed' || matches(setting.key, key, rules) === 'no') continue;
    const earlier = kept.get(setting.key);
    if (earlier?.kind === setting.kind && earlier.value === setting.value) {
      const fate = setting.kind === 'exclusion' ? 'exclusion' : 'overridden';
      plan.idle.push(idle(setting, fate, originOf(earlier), 'an earlier line sets this value'));
      continue;
    }
    if (earlier !== undefined) {
      const fate = setting.kind === 'exclusion' ? 'excluded' : 'overridden';
      plan.idle.push(idle(earlier, fate, originOf(setting)));
      // A line with another value goes to the end.
      kept.delete(setting.key);
    }
    kept.set(setting.key, setting);
  }
  return kept;
}

function apply(kept: Map<string, Setting>, key: string, plan: SysctlPlan, rules: SystemdRules) {
  const explicit = kept.get(key);
  for (const setting of kept.values()) {
    const isCertain = matches(setting.key, key, rules) === 'yes';
    const climbs = setting.key.split('/').includes('..');
    if (setting.kind === 'exclusion') plan.idle.push(idle(setting, 'exclusion'));
    else if (rules.refusesDotDot && climbs)
      plan.idle.push(idle(setting, 'refused', null, 'the path has a ..'));
    else if (rules.hasPatterns && isGlob(setting.key) && !climbs && explicit !== undefined) {
      const fate = explicit.kind === 'exclusion' ? 'excluded' : 'overridden';
      plan.idle.push(idle(setting, fate, originOf(explicit)));
    } else plan.writes.push({ setting, isCertain });
  }
}

/** systemd calls glob_extend() with GLOB_BRACE for patterns. sysctl_write() refuses a path that isn't normalized. */
function matches(spelled: string, key: string, rules: SystemdRules): 'yes' | 'no' | 'uncertain' {
  if (!rules.hasPatterns || !isGlob(spelled)) {
    if (spelled === key) return 'yes';
    return rules.refusesDotDot ? 'no' : opensKey(spelled, key).matches;
  }
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

export const systemdSysctl = (rules: SystemdRules): SysctlLoad => ({
  plan: (tree, key) => plan(tree, key, rules),
  parse: text => parse(text, rules),
  concerns: (spelled, key) => matches(spelled, key, rules) !== 'no',
});
