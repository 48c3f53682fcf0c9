import { matchesPath } from '../../sysctl/glob.js';
import type { TreeReader } from '../../tree/tree-reader.js';
import { directoriesOf, dropIns } from './drop-ins.js';
import type { OtherWriter } from './other-writer.js';

/** Types that write into a file that exists, with `+`, `!`, `-`, `=`, `~`, `^`, `$` after the letter. */
const WRITES = /^(?:w|F|f(?=.*\+))[+!=~^$-]*$/;

/**
 * The lines of tmpfiles.d that write the file of the key. systemd-tmpfiles-setup.service and systemd-sysctl.service have no order
 * between them.
 *
 * man tmpfiles.d(5); systemd: src/tmpfiles/tmpfiles.c, parse_line(), write_one_file()
 */
export function tmpfilesWriters(reader: TreeReader, key: string): OtherWriter[] {
  return dropIns(reader, directoriesOf('tmpfiles.d'), '.conf').flatMap(file =>
    (reader.text(file) ?? '').split('\n').flatMap((text, at): OtherWriter[] => {
      const fields = text.trim().match(/^(\S+)\s+("[^"]*"|'[^']*'|\S+)(?:\s+\S+){0,4}?(?:\s+|$)/);
      const [, type = '', quoted = ''] = fields ?? [];
      if (type.startsWith('#') || !WRITES.test(type)) return [];
      const path = quoted.replace(/^["']|["']$/g, '').replace(/\/+/g, '/');
      if (!path.startsWith('/proc/sys/')) return [];
      if (matchesPath(path.slice('/proc/sys/'.length), key).matches === 'no') return [];
      const [, argument] = /^(?:\S+\s+){2}(?:\S+\s+){4}(.*)$/.exec(text.trim()) ?? [];
      const written = argument?.replace(/\\n$/, '').replaceAll('%%', '%') ?? '';
      const value = /[~^]/.test(type) || /[\\%]/.test(written) ? null : written;
      return [{ kind: 'tmpfiles', when: 'any-time', file, line: at + 1, text: text.trim(), value }];
    }),
  );
}
