import { isGlob, matchesName, matchesPath, type PathMatch } from './glob.js';
import { type ParsedFile, type SysctlLine, simplified, slashed, withoutEnding } from './line.js';
import {
  type IdleSetting,
  idle,
  malformed,
  originOf,
  type PlannedWrite,
  planOf,
  type Setting,
  type SysctlProgram,
  settingsOf,
} from './plan.js';
import { opened } from './procps.js';

/** isspace(3) in the C locale. */
const leading = (text: string) => text.replace(/^[ \t\n\v\f\r]+/, '');
/** rstrip(), src/sysctl.c: it never takes the first character. */
const trailing = (text: string) => text.slice(0, 1) + withoutEnding(text.slice(1), ' \t\n\v\f\r');

/**
 * Parses a file. Only LF ends a line, and NUL hides the rest of its line.
 *
 * procps-ng 4.0: src/sysctl.c, Preload(), parse_setting_line(), setting_new()
 */
export function parseProcps4(text: string): ParsedFile {
  const lines = text.split('\n').map((content, index) => parseLine(`${content}\n`, index + 1));
  return { lines: lines.filter(line => line !== null), stoppedAt: null };
}

function parseLine(content: string, line: number): SysctlLine | null {
  const text = leading(content.replace(/\0.*/s, ''));
  if (text.length < 2 || text.startsWith('#') || text.startsWith(';')) return null;
  const equals = text.indexOf('=');
  const isMarked = text.startsWith('-');
  const kind = equals >= 0 ? 'assignment' : isMarked ? 'exclusion' : 'malformed';
  const spelled = trailing(text.slice(isMarked ? 1 : 0, equals >= 0 ? equals : undefined));
  // setting_new() removes one more dash.
  const key = slashed(spelled.replace(/^-/, ''));
  const value = equals >= 0 ? trailing(leading(text.slice(equals + 1))) : '';
  return { line, text: trailing(text), kind, key, value };
}

interface Procps4Rules {
  /** True if an exclusion may be a pattern: fnmatch(3) without flags, so `*` matches slashes too. Since 4.0.5 */
  excludesPatterns: boolean;
}

/**
 * One call writes every assignment of its files, in order. A pattern doesn't apply to a path that any line of the call,
 * assignment or exclusion, spells exactly as the pattern finds it. An exclusion has no other effect.
 *
 * procps-ng 4.0: src/sysctl.c, write_setting_list(), settinglist_findpath()
 */
export const procps4 = ({ excludesPatterns }: Procps4Rules): SysctlProgram => ({
  load(tree, reader, paths, key) {
    const files = paths
      .flatMap(path => opened(tree, reader, path))
      .map(({ path, via }) => reader.read(path, parseProcps4, via));
    const settings = settingsOf(files);
    const listed = settings.filter(({ kind }) => kind !== 'malformed');
    const writes: PlannedWrite[] = [];
    const unused: IdleSetting[] = malformed(settings, key);
    for (const setting of listed) {
      const found = matches(setting.key, key);
      if (found.matches === 'no') {
        if (setting.kind === 'exclusion' && excludesPatterns && excludes(setting, key) !== false)
          unused.push(idle(setting, 'exclusion'));
      } else if (setting.kind === 'exclusion') unused.push(idle(setting, 'exclusion'));
      else {
        const before = isGlob(setting.key) && found.matches === 'yes' ? firstOf(listed, found.as) : undefined;
        if (before?.isCertain)
          unused.push(
            idle(
              setting,
              before.setting.kind === 'exclusion' ? 'excluded' : 'overridden',
              originOf(before.setting),
            ),
          );
        else writes.push({ setting, isCertain: found.matches === 'yes' && before === undefined });
      }
    }
    return planOf(reader, files, writes, unused);

    /** settinglist_findpath(): the first line with that path, or the first exclusion that matches it. */
    function firstOf(settings: readonly Setting[], path: string) {
      for (const setting of settings) {
        if (setting.key === path) return { setting, isCertain: true };
        const isExcluded = excludesPatterns && setting.kind === 'exclusion' && excludes(setting, path);
        if (isExcluded !== false) return { setting, isCertain: isExcluded === true };
      }
      return undefined;
    }
  },
  parse: parseProcps4,
  concerns: (spelled, key) => matches(spelled, key).matches !== 'no',
});

const PROC_PATH = '/proc/sys/';
const excludes = ({ key }: Setting, path: string) => matchesName(PROC_PATH + key, PROC_PATH + path);

/** procps calls glob(3) without GLOB_BRACE for a pattern, and stat(2) for any other path. */
function matches(spelled: string, key: string): PathMatch {
  if (isGlob(spelled)) return matchesPath(spelled, key);
  return opensKey(spelled, key);
}

/** Whether the path below /proc/sys leads to the key, for stat(2) and open(2). */
export function opensKey(spelled: string, key: string): PathMatch {
  if (spelled.split('/').includes('..')) return matchesPath(spelled, key);
  // A slash after the name of a file gives ENOTDIR.
  const isKey = simplified(spelled).replace(/^\//, '') === key && !/\/\.?$/.test(spelled);
  return isKey ? { matches: 'yes', as: spelled } : { matches: 'no' };
}
