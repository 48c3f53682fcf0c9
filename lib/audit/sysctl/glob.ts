/** Both loaders take these characters for a pattern, but no braces: GLOB_CHARS in systemd's string-util.h, procps' sysctl.c. */
export const isGlob = (text: string) => /[*?[]/.test(text);

/** Braces multiply patterns, so there are limits. A pattern beyond these limits is not followed; real systems have none. */
const MOST_PATTERNS = 1000;
const LONGEST_PATTERN = 1024;

/**
 * GLOB_BRACE: `a{b,c}` is `ab`, `ac`. Unpaired braces stay as they are. `null`: there are too many patterns.
 *
 * glibc: posix/glob.c, next_brace_sub()
 */
export function expandBraces(pattern: string): string[] | null {
  if (pattern.length > LONGEST_PATTERN) return null;
  const expanded: string[] = [];
  // A stack: the next pattern is the last element.
  const left = [pattern];
  for (let steps = 0; left.length > 0; steps++) {
    if (steps + left.length > MOST_PATTERNS) return null;
    const next = left.pop() ?? '';
    const alternatives = firstBrace(next);
    if (alternatives === null) expanded.push(next);
    else left.push(...alternatives.reverse());
  }
  return expanded;
}

/** Replaces the first pair of braces by each of its parts. */
function firstBrace(pattern: string): string[] | null {
  const open = unescapedAt(pattern, '{');
  if (open < 0 || pattern[open + 1] === '}') return null;
  const parts: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = from; at < pattern.length; at++) {
    const letter = pattern[at];
    if (letter === '\\') at++;
    else if (letter === '{') depth++;
    else if ((letter === ',' || letter === '}') && depth === 0) {
      parts.push(pattern.slice(from, at));
      from = at + 1;
      if (letter === '}') return parts.map(part => `${pattern.slice(0, open)}${part}${pattern.slice(from)}`);
    } else if (letter === '}') depth--;
  }
  return null;
}

function unescapedAt(text: string, letter: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === letter) return at;
    if (text[at] === '\\') at++;
  }
  return -1;
}

const CLASSES: Record<string, string> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9a-fA-F',
};

const literal = (letter: string) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** A part of a pattern, which matches one letter of a name. `*` matches any number of letters. */
type Part = '*' | RegExp | string;

/** Parses a pattern. `null`: the pattern has an element that is not modelled. */
function partsOf(pattern: string): Part[] | null {
  if (pattern.length > LONGEST_PATTERN) return null;
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at] ?? '';
    if (letter === '*') parts.push('*');
    else if (letter === '?') parts.push(/^.$/s);
    else if (letter === '\\') parts.push(at + 1 < pattern.length ? exactly(pattern[++at] ?? '') : NOTHING);
    else if (letter === '[') {
      const bracket = readBracket(pattern, at);
      if (bracket === null) return null;
      parts.push(new RegExp(`^${bracket.source}$`, 's'));
      at = bracket.last;
    } else parts.push(letter);
  }
  return parts;
}

/** A backslash at the end of a pattern quotes nothing, so fnmatch(3) matches no name. */
const NOTHING = /(?!)/;

/** A part that matches only this letter. A `*` needs a regular expression, since the string `*` is the wildcard. */
const exactly = (letter: string) => (letter === '*' ? /^\*$/ : letter);

const isOne = (part: Part | undefined, letter: string) =>
  part !== undefined && part !== '*' && (typeof part === 'string' ? part === letter : part.test(letter));

/**
 * Matches a name against one component of a pattern, as fnmatch(3) with FNM_PERIOD in the C locale. `null`: the pattern has
 * an element that is not modelled (`[.x.]`, `[=x=]`). If a letter doesn't match, the last `*` takes one letter more. Earlier
 * `*` never need another try.
 */
export function matchesName(pattern: string, name: string): boolean | null {
  if (name.startsWith('.') && !/^\\?\./.test(pattern)) return false;
  const parts = partsOf(pattern);
  if (parts === null) return null;
  let [at, next] = [0, 0];
  let star: { next: number; at: number } | null = null;
  while (at < name.length) {
    if (parts[next] === '*') star = { next: ++next, at };
    else if (isOne(parts[next], name[at] ?? '')) {
      at++;
      next++;
    } else if (star !== null) {
      at = ++star.at;
      next = star.next;
    } else return false;
  }
  return parts.slice(next).every(part => part === '*');
}

/** Parses the bracket expression that begins at `open`. A `[` without a `]` stands for itself. */
function readBracket(pattern: string, open: number): { source: string; last: number } | null {
  const unclosed = { source: literal('['), last: open };
  if (pattern.indexOf(']', open) < 0) return unclosed;
  let at = open + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const first = at;
  let source = '';
  for (; at < pattern.length; at++) {
    let letter = pattern[at] ?? '';
    if (letter === ']' && at > first) {
      // A set may be empty, after a reversed range for example; an empty set matches no letter.
      const set = negated ? `[^${source}]` : `[${source}]`;
      return { source: set, last: at };
    }
    if (letter === '[' && /^[.=]/.test(pattern.slice(at + 1))) return null;
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(at));
    if (named?.[1] !== undefined) {
      const members = CLASSES[named[1]];
      if (members === undefined) return null;
      source += members;
      at += named[0].length - 1;
      continue;
    }
    if (letter === '\\' && at + 1 < pattern.length) letter = pattern[++at] ?? '';
    if (pattern[at + 1] === '-' && pattern[at + 2] !== undefined && pattern[at + 2] !== ']') {
      at += 2;
      let end = pattern[at] ?? '';
      if (end === '[') return null;
      if (end === '\\' && at + 1 < pattern.length) end = pattern[++at] ?? '';
      if (letter <= end) source += `${literal(letter)}-${literal(end)}`;
    } else source += literal(letter);
  }
  return unclosed;
}

/** `as`: the path as glob(3) spells it, with the slashes of the pattern. */
export type PathMatch = { matches: 'yes'; as: string } | { matches: 'no' | 'uncertain' };

const NO: PathMatch = { matches: 'no' };

/**
 * Answers whether glob(3) finds the file at the relative path `target` for a pattern without braces. The answer is `uncertain`
 * if the pattern has `..`, since the result then depends on other directories.
 */
export function matchesPath(pattern: string, target: string): PathMatch {
  const names = target.split('/');
  const climbs = pattern.split('/').includes('..');
  let as = '';
  let uncertain = false;
  for (const part of pattern.split(/(\/+)/)) {
    if (part === '' || part.startsWith('/') || part === '.') {
      as += part;
      continue;
    }
    if (climbs) continue;
    const name = names.shift();
    const matches = name === undefined ? false : matchesName(part, name);
    if (matches === false) return NO;
    if (matches === null) uncertain = true;
    as += name;
  }
  if (climbs) {
    const last = matchesName(pattern.slice(pattern.lastIndexOf('/') + 1), names.at(-1) ?? '');
    return last === false ? NO : { matches: 'uncertain' };
  }
  if (names.length > 0 || /\/\.?$/.test(pattern)) return NO;
  return uncertain ? { matches: 'uncertain' } : { matches: 'yes', as };
}
