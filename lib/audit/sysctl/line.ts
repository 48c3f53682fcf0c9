/** The place of a line. `line` counts newlines, as an editor does; null stands for the whole file. */
export interface Origin {
  file: string;
  line: number | null;
}

/** A line of a sysctl file, which may be malformed. Texts are latin1. */
export interface SysctlLine {
  /** 1-based. */
  line: number;
  text: string;
  kind: 'assignment' | 'exclusion' | 'malformed';
  /** The path or pattern below `/proc/sys/`, as the loader spells it. */
  key: string;
  /** The text that the loader would write, without the newline at its end. */
  value: string;
  /** The loader writes bytes after this value that no line has. */
  isOverrun?: true;
}

/** The lines of a file. `stoppedAt` is the line at which the loader gives up, or null. */
export interface ParsedFile {
  lines: SysctlLine[];
  stoppedAt: number | null;
}

/** Removes these letters from the end of a text. A regular expression would need quadratic time for long runs. */
export function withoutEnding(text: string, letters: string): string {
  let end = text.length;
  while (end > 0 && letters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Turns `a.b/c` into `a/b.c`. Dots and slashes are exchanged if the first separator is a dot. */
export function slashed(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  if (first !== '.') return key;
  return key.replace(/[./]/g, separator => (separator === '.' ? '/' : '.'));
}

/** Removes empty and `.` components; a leading slash stays. systemd: path_simplify(), src/basic/path-util.c */
export function simplified(path: string): string {
  if (path === '') return path;
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  if (path.startsWith('/')) return `/${names.join('/')}`;
  return names.join('/') || '.';
}

/** The path below `/proc/sys` of a key with dots or slashes. */
export const keyPath = (key: string) => simplified(slashed(key)).replace(/^\//, '');
