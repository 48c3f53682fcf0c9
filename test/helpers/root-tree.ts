import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Entry, plant, plantable, type Tree } from '../sysctl/tree.js';

/** Text of each file by its path; `-> TARGET` is a link. */
export type Files = Record<string, string>;

const LINK = '-> ';

export const entriesOf = (files: Files): Entry[] =>
  Object.entries(files).map(([path, content]) =>
    content.startsWith(LINK)
      ? { path, kind: 'link', target: content.slice(LINK.length) }
      : { path, kind: 'file', content },
  );

const UNITS = '/usr/lib/systemd/system';

/**
 * A tree whose init is systemd, and that also has sysctl(8). The units are those of systemd 252, without what no boot needs. The
 * programs have the bytes that tell their release.
 */
export const SYSTEMD: Files = {
  '/sbin/init': '-> /usr/lib/systemd/systemd',
  '/usr/lib/systemd/systemd': '',
  '/usr/lib/systemd/systemd-sysctl': 'libsystemd-shared-252.so',
  '/usr/sbin/sysctl': 'procps-ng 4.0.2',
  '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
  [`${UNITS}/default.target`]: '-> graphical.target',
  [`${UNITS}/graphical.target`]: '[Unit]\nRequires=multi-user.target\n',
  [`${UNITS}/multi-user.target`]: '[Unit]\nRequires=basic.target\n',
  [`${UNITS}/basic.target`]: '[Unit]\nRequires=sysinit.target\n',
  [`${UNITS}/rescue.target`]: '[Unit]\nRequires=sysinit.target rescue.service\n',
  [`${UNITS}/rescue.service`]: '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/sbin/sulogin\n',
  [`${UNITS}/emergency.target`]: '[Unit]\nRequires=emergency.service\n',
  [`${UNITS}/emergency.service`]: '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/sbin/sulogin\n',
  [`${UNITS}/sysinit.target`]: '[Unit]\nDescription=System Initialization\n',
  [`${UNITS}/sysinit.target.wants/systemd-sysctl.service`]: '-> ../systemd-sysctl.service',
  [`${UNITS}/procps.service`]: '-> systemd-sysctl.service',
  [`${UNITS}/systemd-sysctl.service`]: `[Unit]
Description=Apply Kernel Variables
DefaultDependencies=no
Conflicts=shutdown.target
After=systemd-modules-load.service
Before=sysinit.target shutdown.target
ConditionPathIsReadWrite=/proc/sys/net/

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/systemd/systemd-sysctl
TimeoutSec=90s
LoadCredential=sysctl.extra
`,
};

/** A tree that was drawn, with {@link SYSTEMD}. */
export const withSystemd = (tree: Tree): Tree => ({
  ...tree,
  entries: plantable([...tree.entries, ...entriesOf(SYSTEMD)]),
});

/** One whose init is sysvinit, and whose script of procps calls `sysctl --system`, with the lines of Debian's that matter. */
export const SYSVINIT: Files = {
  '/sbin/init': 'SysV init version: 3.06',
  '/etc/inittab': 'id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n',
  '/etc/init.d/rcS': '#! /bin/sh\nexec /etc/init.d/rc S\n',
  '/etc/init.d/procps':
    '#! /bin/sh\nDAEMON=/sbin/sysctl\ndo_start_cmd() {\n\t$DAEMON $QUIET_SYSCTL --system || STATUS=$?\n}\n',
  '/etc/rcS.d/S10procps': '-> ../init.d/procps',
  '/sbin/sysctl': 'procps-ng 4.0.2',
};

/** A root directory with these files, until the test ends. Scripts are executable. */
export function rootTree(files: Files): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-root-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const root = join(directory, 'root');
  plant({ initial: '', entries: entriesOf(files) }, root);
  for (const [path, content] of Object.entries(files))
    if (content.startsWith('#!')) chmodSync(join(root, path), 0o755);
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
