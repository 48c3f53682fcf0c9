import type { OtherWriter } from '../boot/other-writers/other-writer.js';
import type { JudgedWriters } from '../boot/other-writers/other-writers.js';
import { type AuditRow, row } from './row.js';

type JudgedWriter = JudgedWriters['writers'][number];

const KINDS: Record<OtherWriter['kind'], string> = {
  initrd: 'the initrd',
  'boot-sysctl': "the kernel's own sysctl.conf",
  tmpfiles: 'tmpfiles.d',
  unit: 'a unit of systemd',
  'init-script': 'a script of init',
  udev: 'a rule of udev',
  tuned: 'the profile of tuned',
  cron: 'cron',
  'cloud-init': 'cloud-init',
  extension: 'an extension',
  'network-script': 'a script for network interfaces',
};
const ID = 'other-writer';

/** A row for each line that writes ptrace_scope beside the loader, or one row that says that there is none. */
export function otherWriterRows({ writers, unreadable }: JudgedWriters): AuditRow[] {
  const about = {
    id: ID,
    title: 'nothing but the loader writes kernel.yama.ptrace_scope',
    required: false,
    expected: 'no other line',
  };
  const [first] = unreadable;
  if (first !== undefined && writers.length === 0)
    return [
      row(about, {
        verdict: 'unknown',
        found: 'none seen',
        because: `${first.path}: ${first.cause}${unreadable.length > 1 ? `, and ${unreadable.length - 1} more` : ''}`,
        file: first.path,
        remedy: 'run the audit as root',
      }),
    ];
  if (writers.length === 0)
    return [row(about, { verdict: 'pass', found: 'none', because: `no line in ${LOOKED_AT}` })];
  return writers.map(rowOf);
}

const LOOKED_AT =
  'the initrd, tmpfiles.d, units, scripts of init, udev, tuned, cron, cloud-init, extensions and network scripts';

function rowOf({ kind, file, line, text, value, mayChange }: JudgedWriter, at: number): AuditRow {
  const about = {
    id: at === 0 ? ID : `${ID}-${at + 1}`,
    title: `${KINDS[kind]} writes kernel.yama.ptrace_scope`,
    required: false,
    expected: 'no other line',
  };
  const found = value === null ? text : `${text} (${value})`;
  if (!mayChange)
    return row(about, { verdict: 'pass', found, because: 'the value after the next boot stays', file, line });
  return row(about, {
    verdict: 'unknown',
    found,
    because: 'it may run before or after the loader, so the value after the next boot is not known',
    file,
    line,
    remedy: kind === 'initrd' ? REBUILD : `remove that line of ${file}`,
  });
}

const REBUILD = 'make the initrd anew (dracut --force --regenerate-all, or update-initramfs -u -k all)';
