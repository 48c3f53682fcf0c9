import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Entry, plant } from '../sysctl/tree.js';

/** Text of each file by its path; `-> TARGET` is a link. */
export type Files = Record<string, string>;

const LINK = '-> ';

export const entriesOf = (files: Files): Entry[] =>
  Object.entries(files).map(([path, content]) =>
    content.startsWith(LINK)
      ? { path, kind: 'link', target: content.slice(LINK.length) }
      : { path, kind: 'file', content },
  );

/** A tree whose init is systemd, and that also has sysctl(8). */
export const SYSTEMD: Files = {
  '/usr/lib/systemd/systemd': '',
  '/usr/lib/systemd/systemd-sysctl': '',
  '/usr/sbin/sysctl': '',
};
/** One whose init script calls `sysctl --system`. */
export const SYSVINIT: Files = { '/etc/init.d/procps': '', '/usr/sbin/sysctl': '' };

/** A root directory with these files, until the test ends. */
export function rootTree(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-root-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const root = join(directory, 'root');
  plant({ initial: '', entries: entriesOf(files) }, root);
  return root;
}

/** Every file below a directory, with its text. */
export const contents = (root: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
      .map(path => [path.slice(root.length), readFileSync(path, 'latin1')]),
  );
