import { type ParsedFile, type SysctlLine, slashed, withoutEnding } from './line.js';
import { malformed, type PlannedWrite, planOf, type SysctlProgram, settingsOf } from './plan.js';
import { opened } from './procps.js';
import { opensKey } from './procps-4.js';

/** StripLeadingAndTrailingSpaces(), sysctl.c: CR and LF go only from the end, and the first character only from the beginning. */
const strip = (text: string) =>
  (text.slice(0, 1) + withoutEnding(text.slice(1), ' \t\n\r')).replace(/^[ \t]+/, '');

interface Procps3Rules {
  /** True if a dash before a key is no part of the key. Since 3.3.16 */
  dropsDash: boolean;
}

/**
 * Parses a line by strtok(3): `=` before the key is skipped, the value ends at a CR, and an empty value is no assignment. A key is
 * never a pattern, and a line without a value is never an exclusion.
 *
 * A line without `=` and without blanks at its beginning is an assignment too. Its value is `=` and what the buffer has after the
 * line: Preload() puts `=` where strtok() goes on, and then takes the length of the value after it overwrote the end of the value.
 *
 * procps-ng 3.3: sysctl.c, Preload(), WriteSetting()
 */
function parseLine(content: string, line: number, dropsDash: boolean): SysctlLine | null {
  const seen = content.replace(/\0.*/s, '');
  const text = strip(seen);
  if (text.length < 2 || text.startsWith('#') || text.startsWith(';')) return null;
  const [, name = '', rest = ''] = /^=*([^=]*)=?(.*)$/s.exec(text) ?? [];
  const spelled = name.slice(0, 1) + withoutEnding(name.slice(1), ' \t\n\r');
  const key = slashed(dropsDash ? spelled.replace(/^-/, '') : spelled);
  if (!text.includes('=') && seen.startsWith(text))
    return { line, text, kind: 'assignment', key, value: '=', isOverrun: true };
  const value = /^[\n\r]*([^\n\r]+)/.exec(rest)?.[1];
  if (name === '' || value === undefined) return { line, text, kind: 'malformed', key, value: '' };
  return { line, text, kind: 'assignment', key, value: value.replace(/^[ \t]+/, '') };
}

/** Writes each assignment when it is read. */
export function procps3({ dropsDash }: Procps3Rules): SysctlProgram {
  const parse = (text: string): ParsedFile => {
    const lines = (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((content, at) =>
      parseLine(content, at + 1, dropsDash),
    );
    return { lines: lines.filter(line => line !== null), stoppedAt: null };
  };
  return {
    load(tree, reader, paths, key) {
      const files = paths
        .flatMap(path => opened(tree, reader, path))
        .map(({ path, via }) => reader.read(path, parse, via));
      const settings = settingsOf(files);
      const writes = settings.flatMap((setting): PlannedWrite[] => {
        const { matches } = opensKey(setting.key, key);
        return setting.kind === 'malformed' || matches === 'no'
          ? []
          : [{ setting, isCertain: matches === 'yes' && setting.isOverrun !== true }];
      });
      return planOf(reader, files, writes, malformed(settings, key));
    },
    parse,
    concerns: (spelled, key) => opensKey(spelled, key).matches !== 'no',
  };
}
