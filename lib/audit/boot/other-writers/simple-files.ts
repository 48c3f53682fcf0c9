import type { TreeReader } from '../../tree/tree-reader.js';
import { writingLines } from './commands.js';
import { directoriesOf, dropIns } from './drop-ins.js';
import type { OtherWriter, OtherWriterKind } from './other-writer.js';

const inDirectory = (reader: TreeReader, directory: string) =>
  reader
    .names(directory)
    .map(name => `${directory}/${name}`)
    .filter(path => ['file', 'unreadable'].includes(reader.tree.resolve(path).kind));

function writers(
  reader: TreeReader,
  key: string,
  kind: OtherWriterKind,
  when: OtherWriter['when'],
  files: readonly string[],
): OtherWriter[] {
  return files.flatMap(file =>
    writingLines(reader, key, file, reader.text(file) ?? '').map(line => ({ kind, when, ...line })),
  );
}

/** `RUN+=`, `PROGRAM=`, and `SYSCTL{KEY}="V"`. man udev(7) */
export const udevWriters = (reader: TreeReader, key: string): OtherWriter[] =>
  writers(reader, key, 'udev', 'any-time', dropIns(reader, directoriesOf('udev/rules.d'), '.rules'));

const CRONTABS = ['/etc/crontab', '/etc/anacrontab'];
const CRON_DIRECTORIES = [
  '/etc/cron.d',
  '/etc/cron.hourly',
  '/etc/cron.daily',
  '/etc/cron.weekly',
  '/etc/cron.monthly',
];
/** Only root's table may write the key. */
const SPOOL = [
  '/var/spool/cron/crontabs/root',
  '/var/spool/cron/root',
  '/var/spool/cron/tabs/root',
  '/etc/crontabs/root',
];

/** cron(8): `@reboot` and all other times. */
export const cronWriters = (reader: TreeReader, key: string): OtherWriter[] =>
  writers(reader, key, 'cron', 'any-time', [
    ...[...CRONTABS, ...SPOOL].filter(path =>
      ['file', 'unreadable'].includes(reader.tree.resolve(path).kind),
    ),
    ...CRON_DIRECTORIES.flatMap(directory => inDirectory(reader, directory)),
  ]);

const NETWORK_DIRECTORIES = [
  '/etc/NetworkManager/dispatcher.d',
  '/usr/lib/NetworkManager/dispatcher.d',
  '/etc/network/if-pre-up.d',
  '/etc/network/if-up.d',
  '/etc/network/interfaces.d',
  '/etc/networkd-dispatcher/routable.d',
  '/etc/networkd-dispatcher/configured.d',
  '/etc/ppp/ip-up.d',
];

/** What runs when a network interface comes up. */
export const networkWriters = (reader: TreeReader, key: string): OtherWriter[] =>
  writers(
    reader,
    key,
    'network-script',
    'any-time',
    [
      '/etc/network/interfaces',
      ...NETWORK_DIRECTORIES.flatMap(directory => inDirectory(reader, directory)),
    ].filter(path => reader.tree.resolve(path).kind !== 'missing'),
  );

const KERNEL_FILES = /^sysctl\.conf-/;
const MODULES = ['/usr/lib/modules', '/lib/modules'];

/** SUSE: before its own files systemd-sysctl loads one of the kernel. suse-module-tools: boot-sysctl.service, kernel-sysctl.service */
export function bootSysctlWriters(reader: TreeReader, key: string): OtherWriter[] {
  const files = [
    ...reader
      .names('/boot')
      .filter(name => KERNEL_FILES.test(name))
      .map(name => `/boot/${name}`),
    ...MODULES.flatMap(directory => reader.names(directory).map(name => `${directory}/${name}/sysctl.conf`)),
  ];
  const seen = new Set<string>();
  return writers(
    reader,
    key,
    'boot-sysctl',
    'before-loader',
    files.filter(file => {
      const found = reader.tree.resolve(file);
      return found.kind === 'file' && !seen.has(found.path) && seen.add(found.path);
    }),
  );
}
