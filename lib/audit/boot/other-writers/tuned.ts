import type { TreeReader } from '../../tree/tree-reader.js';
import { writtenBy } from './commands.js';
import type { OtherWriter } from './other-writer.js';

const ACTIVE = '/etc/tuned/active_profile';
/** profile_dirs of tuned-main.conf; newer releases have the profiles one directory lower. The last directory with a profile counts. */
const DIRECTORIES = ['/etc/tuned', '/etc/tuned/profiles', '/usr/lib/tuned', '/usr/lib/tuned/profiles'];
const UNIT = '/etc/systemd/system/multi-user.target.wants/tuned.service';
const DEEPEST = 10;

/**
 * The lines of the active profile on the key, and of the profiles that it includes. tuned applies them after the loader, and then
 * may apply /etc/sysctl.d once more (`reapply_sysctl`).
 *
 * tuned 2.20: tuned/plugins/plugin_sysctl.py, tuned/profiles/loader.py
 */
export function tunedWriters(reader: TreeReader, key: string): OtherWriter[] {
  if (reader.tree.resolve(UNIT).kind === 'missing') return [];
  const active = (reader.text(ACTIVE) ?? '')
    .trim()
    .split(/\s+/)
    .filter(name => name !== '');
  const seen = new Set<string>();
  return active.flatMap(name => profileWriters(reader, key, name, seen, 0));
}

function profileWriters(
  reader: TreeReader,
  key: string,
  name: string,
  seen: Set<string>,
  depth: number,
): OtherWriter[] {
  if (seen.has(name) || depth > DEEPEST || name.includes('/')) return [];
  seen.add(name);
  const directory = DIRECTORIES.map(one => `${one}/${name}`).find(
    path => reader.tree.resolve(`${path}/tuned.conf`).kind !== 'missing',
  );
  if (directory === undefined) return [];
  const scripts = reader.names(directory).filter(file => file.endsWith('.sh'));
  const included: string[] = [];
  const own = ['tuned.conf', ...scripts].flatMap(file => {
    const path = `${directory}/${file}`;
    return (reader.text(path) ?? '').split('\n').flatMap((text, at): OtherWriter[] => {
      const include = /^\s*include\s*=\s*(.*)$/.exec(text)?.[1];
      if (include !== undefined) included.push(...include.split(/[,;\s]+/).map(one => one.replace(/^-/, '')));
      const written = writtenBy(text, key);
      if (written === null) return [];
      return [
        { kind: 'tuned', when: 'after-loader', file: path, line: at + 1, text: text.trim(), ...written },
      ];
    });
  });
  return [...included.flatMap(one => profileWriters(reader, key, one, seen, depth + 1)), ...own];
}
