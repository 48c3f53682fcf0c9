import { type ParsedFile, type SysctlLine, withoutEnding } from './line.js';
import {
  type IdleSetting,
  idle,
  malformed,
  type PlannedWrite,
  planOf,
  type SysctlProgram,
  settingsOf,
} from './plan.js';

interface BusyboxRules {
  /** `a.b/c` is `a/b.c`, and an empty value is no error. Since 1.31 */
  swapsSeparators: boolean;
}

/** trim(), libbb/trim.c */
const trim = (text: string) => withoutEnding(text, ' \t\n\v\f\r').replace(/^[ \t\n\v\f\r]+/, '');

/** A backslash at the end of a line, also of a comment, joins the next line: get_line_with_continuation(), libbb/parse_config.c */
function joinedLines(text: string): { content: string; line: number }[] {
  const pieces = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const joined: { content: string; line: number }[] = [];
  for (let at = 0; at < pieces.length; at++) {
    const line = at + 1;
    let content = (pieces[at] ?? '').replace(/\n$/, '');
    while (content.endsWith('\\')) {
      content = content.slice(0, -1);
      const next = pieces[at + 1];
      if (next === undefined) break;
      at++;
      content += next.replace(/\n$/, '');
    }
    joined.push({ content: content.replace(/\0.*/s, ''), line });
  }
  return joined;
}

/**
 * Parses a line. Nothing but blanks may precede `#` or `;` of a comment. A value that begins with `#` is no value, and any other
 * `#` is part of the value.
 *
 * busybox: procps/sysctl.c, sysctl_handle_preload_file(); libbb/parse_config.c, config_read()
 */
function parseLine(content: string, line: number): SysctlLine | null {
  const text = trim(content);
  if (text === '' || text.startsWith('#') || text.startsWith(';')) return null;
  const equals = content.indexOf('=');
  const rest = content.slice(equals + 1);
  const key = trim(equals >= 0 ? content.slice(0, equals) : content);
  if (equals < 0 || key === '' || rest === '' || rest.startsWith('#'))
    return { line, text, kind: 'malformed', key, value: '' };
  return { line, text, kind: 'assignment', key, value: trim(rest) };
}

const parse = (text: string): ParsedFile => ({
  lines: joinedLines(text)
    .map(({ content, line }) => parseLine(content, line))
    .filter(line => line !== null),
  stoppedAt: null,
});

type Match = 'yes' | 'no' | 'uncertain';

/** The names of a path below /proc/sys; null for a path elsewhere. busybox opens the key from there, so `/proc/sys/` works too. */
function namesOf(path: string): string[] | null {
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  if (!path.startsWith('/')) return names;
  return names[0] === 'proc' && names[1] === 'sys' ? names.slice(2) : null;
}

/**
 * The path that busybox opens for a name: as few dots as possible become slashes, so that the path exists.
 *
 * busybox: procps/sysctl.c, sysctl_dots_to_slashes()
 */
function pathOf(name: string, key: string, { swapsSeparators }: BusyboxRules): string {
  // Whether such a path exists depends on other directories.
  if (name.split('/').includes('..')) return name;
  if (swapsSeparators && /^[^/]*\.[^/]*\//.test(name))
    return name.replace(/[./]/g, separator => (separator === '.' ? '/' : '.'));
  const letters = [...name, '.'];
  let lastGood = -1;
  for (let at = name.length; at > lastGood; at--) {
    if (letters[at] !== '.' || !exists(letters.slice(0, at).join(''), key)) continue;
    letters[at] = '/';
    lastGood = at;
    at = name.length + 1;
  }
  return letters.slice(0, name.length).join('');
}

/** access(2), as far as it matters for the key: the directories on the way to the key exist, and the key does. */
function exists(path: string, key: string): boolean {
  const names = namesOf(path);
  if (path === '' || names === null) return /^\/+(proc\/*)?$/.test(path);
  const wanted = key.split('/');
  const isOnTheWay = names.every((name, at) => name === wanted[at]);
  return isOnTheWay && (names.length < wanted.length || !/\/\.?$/.test(path));
}

function matches(name: string, key: string, rules: BusyboxRules): Match {
  const path = pathOf(name, key, rules);
  if (path.split('/').includes('..'))
    return path.endsWith(key.slice(key.lastIndexOf('/') + 1)) ? 'uncertain' : 'no';
  const isKey = namesOf(path)?.join('/') === key && !/\/\.?$/.test(path);
  return isKey ? 'yes' : 'no';
}

/** Numbers, and the keys that take any text. A text of another kind may be refused, which ends busybox. */
const isHarmless = ({ key, value }: SysctlLine) =>
  /^-?\d+(?:[ \t,-]+\d+)*$/.test(value) ||
  /^kernel[./](core_pattern|hostname|domainname|modprobe|hotplug|printk)$/.test(key);

/**
 * Writes each assignment when it is read. A refused write ends the call, so that the later lines of its files count no more:
 * xwrite_str(). There are no patterns and no exclusions, and a dash is part of the key.
 *
 * busybox: procps/sysctl.c, sysctl_handle_preload_file(), sysctl_act_on_setting()
 */
export const busybox = (rules: BusyboxRules): SysctlProgram => ({
  load(_tree, reader, paths, key) {
    const files = paths.map(path => reader.read(path, parse));
    const settings = settingsOf(files);
    const call = {};
    const writes: PlannedWrite[] = [];
    const unused: IdleSetting[] = malformed(settings, key);
    let mayHaveEnded = false;
    for (const setting of settings) {
      if (setting.kind === 'malformed') continue;
      const found = matches(setting.key, key, rules);
      if (found === 'no') mayHaveEnded ||= !isHarmless(setting);
      else if (setting.value === '') unused.push(idle(setting, 'malformed', null, 'nothing is written'));
      else writes.push({ setting, isCertain: found === 'yes' && !mayHaveEnded, call });
    }
    return planOf(reader, files, writes, unused);
  },
  parse,
  concerns: (spelled, key) => matches(spelled, key, rules) !== 'no',
});
