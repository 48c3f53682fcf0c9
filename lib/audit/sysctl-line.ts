/** Where a line stands. `line` counts newlines, as an editor does; null: not a line, but the whole file. */
export interface Origin {
  file: string;
  line: number | null;
}

/** A line that says something about a key, or tries to. Texts are latin1. */
export interface SysctlLine {
  /** 1-based. */
  line: number;
  text: string;
  kind: 'assignment' | 'exclusion' | 'malformed';
  /** As the loader spells it below `/proc/sys/`: a path or a pattern. */
  key: string;
  /** As the loader would write it, without the newline at its end. */
  value: string;
}

/** Lines of a file, and where its reader stopped: the line that it couldn't take, or null. */
export interface ParsedFile {
  lines: SysctlLine[];
  stoppedAt: number | null;
}

/** Without these letters at its end. A regular expression would try each letter of every run as its first. */
export function withoutEnding(text: string, letters: string): string {
  let end = text.length;
  while (end > 0 && letters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `a.b/c` is `a/b.c`: the first separator decides whether dots and slashes change places. */
export function slashed(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  if (first !== '.') return key;
  return key.replace(/[./]/g, separator => (separator === '.' ? '/' : '.'));
}

/** Without empty and `.` components: path_simplify(), systemd's src/basic/path-util.c. A slash at the beginning stays. */
export function simplified(path: string): string {
  if (path === '') return path;
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  if (path.startsWith('/')) return `/${names.join('/')}`;
  return names.join('/') || '.';
}

/** The path below `/proc/sys` of a key as people write it. */
export const keyPath = (key: string) => simplified(slashed(key)).replace(/^\//, '');
