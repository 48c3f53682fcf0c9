import type { TreeReader } from '../../tree/tree-reader.js';
import { scriptLines, writingLines, writtenBy } from './commands.js';
import type { OtherWriter } from './other-writer.js';

/** Run at the end of the boot if they may be executed: systemd's rc-local generator, Debian's and SUSE's scripts, OpenRC's local. */
const LOCAL = ['/etc/rc.local', '/etc/rc.d/rc.local', '/etc/init.d/boot.local', '/etc/init.d/after.local'];
const OPENRC_LOCAL = '/etc/local.d';
/** Void's, which need no execute bit: /etc/runit/1 sources them. */
const SOURCED = '/etc/runit/core-services';
/** Links to the scripts that init runs: System V, and OpenRC. */
const LINKS = [
  '/etc/rcS.d',
  '/etc/rc2.d',
  '/etc/rc3.d',
  '/etc/rc5.d',
  '/etc/runlevels/sysinit',
  '/etc/runlevels/boot',
  '/etc/runlevels/default',
];

/** rc.local and the like, and the scripts of init with a line of their own on the key. */
export function initScriptWriters(reader: TreeReader, key: string): OtherWriter[] {
  const { tree } = reader;
  const local = [...LOCAL, ...named(reader, OPENRC_LOCAL, '.start')].filter(path => {
    const found = tree.resolve(path);
    return found.kind === 'unreadable' || (found.kind === 'file' && found.isExecutable);
  });
  const seen = new Set<string>();
  const lines = local.flatMap(path => {
    const found = tree.resolve(path);
    if (found.kind !== 'file' || seen.has(found.path)) return [];
    seen.add(found.path);
    return writingLines(reader, key, path, reader.text(path) ?? '');
  });
  const linked = LINKS.flatMap(directory =>
    reader
      .names(directory)
      .filter(name => !/^K\d/.test(name))
      .map(name => tree.resolve(`${directory}/${name}`)),
  ).flatMap(found => (found.kind === 'file' ? [found.path] : []));
  // The scripts that run the loader are the loader itself: only a line of their own counts.
  const own = [
    ...[...new Set(linked)].flatMap(path => scriptLines(reader, key, path)),
    ...named(reader, SOURCED, '.sh').flatMap(path =>
      writingLines(reader, key, path, reader.text(path) ?? '', false),
    ),
  ].filter(({ text }) => writtenBy(text, key) !== null);
  return [...lines, ...own].map(line => ({ kind: 'init-script', when: 'after-loader', ...line }));
}

const named = (reader: TreeReader, directory: string, ending: string) =>
  reader
    .names(directory)
    .filter(name => name.endsWith(ending))
    .map(name => `${directory}/${name}`);
