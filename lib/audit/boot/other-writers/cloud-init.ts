import type { TreeReader } from '../../tree/tree-reader.js';
import { writingLines } from './commands.js';
import type { OtherWriter } from './other-writer.js';

const PROGRAM = '/usr/bin/cloud-init';
const DISABLED = '/etc/cloud/cloud-init.disabled';
const SEEDS = ['/var/lib/cloud/seed/nocloud', '/var/lib/cloud/seed/nocloud-net', '/boot/firmware', '/boot'];
const SCRIPTS = [
  '/var/lib/cloud/scripts/per-boot',
  '/var/lib/cloud/scripts/per-instance',
  '/var/lib/cloud/scripts/per-once',
  '/var/lib/cloud/instance/scripts',
];

/**
 * Lines of bootcmd, runcmd and write_files in the configuration, in seeds and in the user data of the last instance, and scripts of
 * each boot. Whether the next boot is that of a new instance isn't known, so all of these count.
 */
export function cloudInitWriters(reader: TreeReader, key: string): OtherWriter[] {
  const { tree } = reader;
  if (tree.resolve(PROGRAM).kind === 'missing' || tree.resolve(DISABLED).kind === 'file') return [];
  const files = [
    '/etc/cloud/cloud.cfg',
    ...reader
      .names('/etc/cloud/cloud.cfg.d')
      .filter(name => name.endsWith('.cfg'))
      .map(name => `/etc/cloud/cloud.cfg.d/${name}`),
    ...SEEDS.flatMap(seed => [`${seed}/user-data`, `${seed}/vendor-data`]),
    '/var/lib/cloud/instance/user-data.txt',
    '/var/lib/cloud/instance/vendor-data.txt',
    ...SCRIPTS.flatMap(directory => reader.names(directory).map(name => `${directory}/${name}`)),
  ].filter(path => ['file', 'unreadable'].includes(tree.resolve(path).kind));
  return files.flatMap(file =>
    writingLines(reader, key, file, reader.text(file) ?? '').map(line => ({
      kind: 'cloud-init' as const,
      when: 'any-time' as const,
      ...line,
    })),
  );
}
