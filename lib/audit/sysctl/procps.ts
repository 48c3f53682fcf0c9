import type { FileTree } from '../tree/file-tree.js';
import { bytewise, discover } from './directories.js';
import { expandBraces, isGlob, matchesName, matchesPath, type PathMatch } from './glob.js';
import { type ParsedFile, type SysctlLine, simplified, slashed, withoutEnding } from './line.js';
import {
  type ConfigurationFile,
  idle,
  malformed,
  originOf,
  PlanReader,
  type SysctlLoad,
  type SysctlPlan,
} from './plan.js';
import { SYSCTL_CONF } from './unread-settings.js';

const takes = (name: string) => name.endsWith('.conf');

/** isspace(3) in the C locale. */
const leading = (text: string) => text.replace(/^[ \t\n\v\f\r]+/, '');
/** rstrip(), src/sysctl.c: it never takes the first character. */
const trailing = (text: string) => text.slice(0, 1) + withoutEnding(text.slice(1), ' \t\n\v\f\r');

/**
 * Parses a file. Only LF ends a line, and NUL hides the rest of its line.
 *
 * procps-ng: src/sysctl.c, Preload(), parse_setting_line(), setting_new()
 */
export function parseProcpsSysctl(text: string): ParsedFile {
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

/**
 * The values that `sysctl --system` writes to `key`, a path below /proc/sys: every assignment, in order. A pattern doesn't apply
 * if any line, assignment or exclusion, spells the path exactly as the pattern finds it. An exclusion has no other effect.
 *
 * procps-ng 4.0.2: src/sysctl.c, PreloadSystem(), Preload(), write_setting_list()
 */
function plan(tree: FileTree, key: string): SysctlPlan {
  const reader = new PlanReader(tree);
  const found = discover(tree, reader, takes, directory => directory);
  const paths = found.used.flatMap(path => opened(tree, reader, path));
  // procps reads sysctl.conf only if it is a regular file: stat(2), S_ISREG().
  const last = tree.resolve(SYSCTL_CONF).kind;
  if (last === 'file' || last === 'unreadable') paths.push({ path: SYSCTL_CONF, via: null });
  return { ...planProcpsFiles(reader, paths, key), masked: found.masked, ignored: found.ignored };
}

/** Plans the writes of `sysctl -p` or `sysctl --system`, which treat the lines of all files as one list. */
export function planProcpsFiles(reader: PlanReader, paths: Opened[], key: string): SysctlPlan {
  const files: ConfigurationFile[] = paths.map(({ path, via }) => reader.read(path, parseProcpsSysctl, via));
  const settings = files.flatMap(({ path, lines }) => lines.map(line => ({ ...line, file: path })));
  const made: SysctlPlan = {
    files,
    masked: [],
    ignored: [],
    writes: [],
    idle: malformed(settings, key),
    unreadable: reader.unreadable,
  };
  const listed = settings.filter(({ kind }) => kind !== 'malformed');
  for (const setting of listed) {
    const found = matches(setting.key, key);
    if (found.matches === 'no') continue;
    if (setting.kind === 'exclusion') {
      made.idle.push(idle(setting, 'exclusion'));
      continue;
    }
    // settinglist_findpath() takes the first line with that path.
    const before =
      isGlob(setting.key) && found.matches === 'yes'
        ? listed.find(other => other.key === found.as)
        : undefined;
    if (before === undefined) made.writes.push({ setting, isCertain: found.matches === 'yes' });
    else
      made.idle.push(
        idle(setting, before.kind === 'exclusion' ? 'excluded' : 'overridden', originOf(before)),
      );
  }
  return made;
}

/** procps calls glob(3) without GLOB_BRACE for a pattern, and stat(2) for any other path. */
function matches(spelled: string, key: string): PathMatch {
  if (isGlob(spelled) || spelled.split('/').includes('..')) return matchesPath(spelled, key);
  // A slash after the name of a file gives ENOTDIR.
  const isKey = simplified(spelled).replace(/^\//, '') === key && !/\/\.?$/.test(spelled);
  return isKey ? { matches: 'yes', as: spelled } : { matches: 'no' };
}

type Opened = Pick<ConfigurationFile, 'path' | 'via'>;

/**
 * Preload() treats the file's own name as a pattern. `[ab].conf` opens `a.conf` and `b.conf`; it opens the file `[ab].conf` only
 * if no other file matches. The first file that can't be opened ends the list.
 */
export function opened(tree: FileTree, reader: PlanReader, path: string): Opened[] {
  if (!/[*?[{\\]/.test(path)) return [{ path, via: null }];
  const at = path.lastIndexOf('/') + 1;
  const [directory, name] = [path.slice(0, at), path.slice(at)];
  const names = reader.names(directory).sort(bytewise);
  const find = (pattern: string) =>
    names.filter(other => {
      const matches = matchesName(pattern, other);
      if (matches === null) reader.unreadable.push({ path, cause: `as a pattern it is not modelled` });
      return matches === true;
    });
  const patterns = expandBraces(name);
  if (patterns === null) reader.unreadable.push({ path, cause: 'as a pattern its braces are too many' });
  const alternatives = (patterns ?? []).flatMap(find);
  const found = alternatives.length > 0 ? alternatives : find(name);
  if (found.length === 0) return [{ path, via: null }];
  const paths = found.map(other => ({ path: directory + other, via: path }));
  const failing = paths.findIndex(other =>
    ['missing', 'loop', 'socket'].includes(tree.resolve(other.path).kind),
  );
  return failing < 0 ? paths : paths.slice(0, failing + 1);
}

export const PROCPS_SYSCTL: SysctlLoad = {
  plan,
  parse: parseProcpsSysctl,
  concerns: (spelled, key) => matches(spelled, key).matches !== 'no',
};
