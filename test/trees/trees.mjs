// @ts-check
// The trees of docs/audit-trees.md. Each is a root directory of Debian, made of Debian's own packages, with changes:
// - `debian`: a system of Debian as its administrator could have it;
// - `transcribed`: the files that another distribution or a hardening guide is published with, in the place of Debian's own. The
//   init and the loader are Debian's, of the nearest version that Debian has;
// - `invented`: a system on which an audit could go wrong.
// scripts/test/trees.mjs makes the trees, boots each, and audits it.

/**
 * @typedef {object} Tree
 * @property {string} name
 * @property {'debian' | 'transcribed' | 'invented'} kind
 * @property {string} source what the tree is; for a transcribed tree, where its files are published
 * @property {'bullseye' | 'bookworm' | 'trixie'} release
 * @property {string[]} packages
 * @property {0 | 1} [initial] the value when its init starts: 0, of Debian's kernel, unless told
 * @property {Record<string, string>} [files] texts by their paths; `-> TARGET` is a link
 * @property {string[]} [remove] paths, before `files` are written
 * @property {string} [run] a shell script, run in the tree after all else
 * @property {string} [commandLine] the kernel command line of its boot, which the tree's own boot entries must have too
 */

const KEY = 'kernel.yama.ptrace_scope';
/** @param {number} value */
const set = value => `${KEY} = ${value}\n`;

const SYSTEMD = ['systemd-sysv', 'procps'];
/** sysvinit as init, while systemd is still installed. */
const SYSVINIT = ['sysvinit-core', 'systemd', 'procps'];
const SYSVINIT_ALONE = ['sysvinit-core', 'procps'];
const OWN = '/etc/sysctl.d/60-yama.conf';
const UNIT = '/etc/systemd/system/systemd-sysctl.service';

/** An installed kernel, by its name alone. @param {string} release */
const kernel = release => ({
  [`/boot/vmlinuz-${release}`]: '',
  [`/usr/lib/modules/${release}/modules.order`]: '',
});

const DEBIAN_KERNEL = kernel('6.1.0-37-amd64');

/** GRUB's file for one kernel. @param {string} commandLine */
const grub = commandLine => ({
  '/boot/grub/grub.cfg': `menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro ${commandLine}\n}\n`,
});

/**
 * A unit that runs a command at boot.
 *
 * @param {string} command @param {string} [more]
 */
const service = (command, more = '') =>
  `[Unit]\nDescription=${command}\n${more}[Service]\nType=oneshot\nExecStart=${command}\n[Install]\nWantedBy=multi-user.target\n`;

/** What Debian's own trees have and others haven't. @param {string} id @param {string} version */
const distribution = (id, version) => ({
  remove: [
    '/etc/sysctl.conf',
    '/etc/sysctl.d',
    '/usr/lib/sysctl.d',
    '/lib/sysctl.d',
    '/etc/debian_version',
    '/etc/os-release',
    '/usr/lib/os-release',
    '/var/lib/dpkg',
  ],
  osRelease: {
    '/etc/os-release': '-> ../usr/lib/os-release',
    '/usr/lib/os-release': `ID=${id}\nVERSION_ID=${version}\n`,
  },
});

/**
 * @param {string} name @param {string} id @param {string} version @param {string} source @param {Record<string, string>} files
 * @param {Partial<Tree>} [more]
 * @returns {Tree}
 */
const transcribed = (name, id, version, source, files, more = {}) => {
  const { remove, osRelease } = distribution(id, version);
  return {
    name,
    kind: 'transcribed',
    source,
    release: 'bookworm',
    packages: SYSTEMD,
    initial: 1,
    ...more,
    remove: [...remove, ...(more.remove ?? [])],
    files: { ...osRelease, ...files },
  };
};

/** @type {Tree[]} */
const DEBIAN = [
  {
    name: 'bullseye-systemd',
    source: 'minbase with systemd; /usr is not merged',
    release: 'bullseye',
    packages: SYSTEMD,
  },
  {
    name: 'bullseye-systemd-lib',
    source: 'the same, and a line in /lib/sysctl.d, which is a directory of its own there',
    release: 'bullseye',
    packages: SYSTEMD,
    files: { '/lib/sysctl.d/60-yama.conf': set(1) },
  },
  {
    name: 'bullseye-systemd-pattern',
    source: 'minbase with systemd, and a pattern',
    release: 'bullseye',
    packages: SYSTEMD,
    files: { [OWN]: 'kernel.yama.* = 2\n' },
  },
  {
    name: 'bullseye-sysvinit-pattern',
    source: 'minbase with sysvinit-core, and a pattern, which procps 3.3.17 has not',
    release: 'bullseye',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: 'kernel.yama.* = 2\n' },
  },
  {
    name: 'bullseye-sysvinit',
    source: 'minbase with sysvinit-core, 1 in /etc/sysctl.d',
    release: 'bullseye',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(1) },
  },
  {
    name: 'bullseye-kernel',
    source: "minbase with systemd and Debian's kernel package",
    release: 'bullseye',
    packages: [...SYSTEMD, 'linux-image-cloud-amd64'],
  },
  {
    name: 'bookworm-systemd',
    source: 'minbase with systemd',
    release: 'bookworm',
    packages: SYSTEMD,
  },
  {
    name: 'bookworm-kernel',
    source: "minbase with systemd and Debian's kernel package",
    release: 'bookworm',
    packages: [...SYSTEMD, 'linux-image-cloud-amd64'],
  },
  {
    name: 'bookworm-systemd-1',
    source: 'minbase with systemd, 1 in /etc/sysctl.d',
    release: 'bookworm',
    packages: SYSTEMD,
    files: { [OWN]: set(1) },
  },
  {
    name: 'bookworm-systemd-conf',
    source: 'minbase with systemd, 2 in /etc/sysctl.conf, to which Debian links 99-sysctl.conf',
    release: 'bookworm',
    packages: SYSTEMD,
    files: { '/etc/sysctl.conf': set(2) },
  },
  {
    name: 'bookworm-systemd-3',
    source: 'minbase with systemd, 3 and later 1',
    release: 'bookworm',
    packages: SYSTEMD,
    files: { [OWN]: set(3), '/etc/sysctl.d/70-yama.conf': set(1) },
  },
  {
    name: 'bookworm-sysvinit-3',
    source: 'minbase with sysvinit-core, 3 and later 1',
    release: 'bookworm',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(3), '/etc/sysctl.d/70-yama.conf': set(1) },
  },
  {
    name: 'bookworm-sysvinit-systemd',
    source: 'minbase with sysvinit-core while systemd is installed; /etc/sysctl.d says 1, /etc/sysctl.conf 0',
    release: 'bookworm',
    packages: SYSVINIT,
    files: { [OWN]: set(1), '/etc/sysctl.conf': set(0) },
  },
  {
    name: 'bookworm-sysvinit-last',
    source: 'the same with a line in zz.conf, which only procps overrules by /etc/sysctl.conf',
    release: 'bookworm',
    packages: SYSVINIT,
    files: { '/etc/sysctl.d/zz.conf': set(1), '/etc/sysctl.conf': set(0) },
  },
  {
    name: 'bookworm-sysvinit-no-procps',
    source: 'minbase with sysvinit-core and systemd, without procps: nothing loads',
    release: 'bookworm',
    packages: ['sysvinit-core', 'systemd'],
    files: { [OWN]: set(1), ...DEBIAN_KERNEL },
  },
  {
    name: 'bookworm-sysvinit-disabled',
    source: 'minbase with sysvinit-core, after update-rc.d procps disable',
    release: 'bookworm',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(1), ...DEBIAN_KERNEL },
    run: 'update-rc.d procps disable',
  },
  {
    name: 'bookworm-sysvinit-removed',
    source: 'minbase with sysvinit-core, after update-rc.d procps remove and the loss of its links',
    release: 'bookworm',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(1), ...DEBIAN_KERNEL },
    run: 'rm -f /etc/rc*.d/[SK]*procps /etc/init.d/.depend.*',
  },
  {
    name: 'bookworm-openrc',
    source: 'minbase with openrc and sysvinit-core',
    release: 'bookworm',
    packages: ['sysvinit-core', 'openrc', 'procps'],
    files: { [OWN]: set(1) },
  },
  {
    name: 'bookworm-runit',
    source: 'minbase with runit-init, while systemd is installed',
    release: 'bookworm',
    packages: ['runit-init', 'systemd', 'procps'],
    files: { [OWN]: set(1), '/etc/sysctl.conf': set(0) },
  },
  {
    name: 'bookworm-busybox',
    source: "minbase with busybox as init and Debian's /etc/inittab of none",
    release: 'bookworm',
    packages: ['busybox', 'procps'],
    files: { [OWN]: set(1), '/usr/sbin/init': '-> ../bin/busybox' },
  },
  {
    name: 'bookworm-ufw',
    source: "minbase with systemd and ufw enabled; 1 in /etc/sysctl.d, 0 in ufw's sysctl.conf",
    release: 'bookworm',
    packages: [...SYSTEMD, 'ufw'],
    files: { [OWN]: set(1) },
    run: 'sed -i s/ENABLED=no/ENABLED=yes/ /etc/ufw/ufw.conf; echo kernel/yama/ptrace_scope=0 >>/etc/ufw/sysctl.conf',
  },
  {
    name: 'bookworm-command-line',
    source: 'minbase with systemd, 2 on the kernel command line and no line in files',
    release: 'bookworm',
    packages: SYSTEMD,
    files: grub('sysctl.kernel.yama.ptrace_scope=2'),
    commandLine: 'sysctl.kernel.yama.ptrace_scope=2',
  },
  {
    name: 'trixie-systemd',
    source: 'minbase with systemd',
    release: 'trixie',
    packages: SYSTEMD,
  },
  {
    name: 'trixie-kernel',
    source: "minbase with systemd and Debian's kernel package",
    release: 'trixie',
    packages: [...SYSTEMD, 'linux-image-cloud-amd64'],
  },
  {
    name: 'trixie-defaults',
    source: 'minbase with systemd and linux-sysctl-defaults',
    release: 'trixie',
    packages: [...SYSTEMD, 'linux-sysctl-defaults'],
  },
  {
    name: 'trixie-systemd-conf',
    source: 'minbase with systemd, 1 in /etc/sysctl.conf, to which no link leads any more',
    release: 'trixie',
    packages: SYSTEMD,
    files: { '/etc/sysctl.conf': set(1), ...kernel('6.12.41+deb13-amd64') },
  },
  {
    name: 'trixie-systemd-1',
    source: 'minbase with systemd, 1 in /etc/sysctl.d',
    release: 'trixie',
    packages: SYSTEMD,
    files: { [OWN]: set(1) },
  },
  {
    name: 'trixie-sysvinit',
    source: 'minbase with sysvinit-core, 1 in /etc/sysctl.conf',
    release: 'trixie',
    packages: SYSVINIT_ALONE,
    files: { '/etc/sysctl.conf': set(1) },
  },
  {
    name: 'trixie-openrc',
    source: 'minbase with openrc and sysvinit-core',
    release: 'trixie',
    packages: ['sysvinit-core', 'openrc', 'procps'],
    files: { [OWN]: set(1) },
  },
  {
    name: 'trixie-runit',
    source: 'minbase with runit-init',
    release: 'trixie',
    packages: ['runit-init', 'procps'],
    files: { [OWN]: set(1) },
  },
  {
    name: 'trixie-finit',
    source: 'minbase with finit-sysv',
    release: 'trixie',
    packages: ['finit-sysv', 'procps'],
    files: { [OWN]: set(1) },
  },
].map(tree => ({ kind: 'debian', .../** @type {Omit<Tree, 'kind'>} */ (tree) }));

/** @type {Tree[]} */
const INVENTED = [
  {
    name: 'unit-masked',
    source: 'the unit of systemd-sysctl is masked',
    files: { ...DEBIAN_KERNEL, [OWN]: set(1), [UNIT]: '-> /dev/null' },
  },
  {
    name: 'unit-empty',
    source: 'the unit is an empty file, which masks too',
    files: { ...DEBIAN_KERNEL, [OWN]: set(1), [UNIT]: '' },
  },
  {
    name: 'unit-own',
    source: 'an own unit of that name runs another program',
    files: { [OWN]: set(1), [UNIT]: service('/bin/true') },
  },
  {
    name: 'unit-own-procps',
    source: 'an own unit of that name runs sysctl --system',
    files: {
      '/etc/sysctl.d/99-zz.conf': set(1),
      '/etc/sysctl.conf': set(2),
      [UNIT]: service('/sbin/sysctl --system', 'DefaultDependencies=no\n'),
    },
  },
  {
    name: 'drop-in-condition',
    source: 'a drop-in adds a condition that no boot fulfils',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Unit]\nConditionPathExists=/nowhere\n' },
  },
  {
    name: 'drop-in-exec',
    source: 'a drop-in replaces the command',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Service]\nExecStart=\nExecStart=/bin/true\n' },
  },
  {
    name: 'drop-in-prefix',
    source: 'a drop-in of all services adds a condition',
    files: {
      [OWN]: set(1),
      '/etc/systemd/system/service.d/10-all.conf': '[Unit]\nConditionPathExists=/nowhere\n',
    },
  },
  {
    name: 'drop-in-masked',
    source: 'a drop-in with a condition in /usr/lib, which an empty file of its name in /etc masks',
    files: {
      [OWN]: set(1),
      '/usr/lib/systemd/system/systemd-sysctl.service.d/no.conf': '[Unit]\nConditionPathExists=/nowhere\n',
      [`${UNIT}.d/no.conf`]: '',
    },
  },
  {
    name: 'wants-link-missing',
    source: 'no target wants the unit',
    remove: ['/usr/lib/systemd/system/sysinit.target.wants/systemd-sysctl.service'],
    files: { ...DEBIAN_KERNEL, [OWN]: set(1) },
  },
  {
    name: 'wants-link-null',
    source: 'a link to /dev/null in /etc masks the link by which the target wants the unit',
    files: {
      ...DEBIAN_KERNEL,
      [OWN]: set(1),
      '/etc/systemd/system/sysinit.target.wants/systemd-sysctl.service': '-> /dev/null',
    },
  },
  {
    name: 'command-line-mask',
    source: 'systemd.mask= on the kernel command line',
    files: { ...DEBIAN_KERNEL, [OWN]: set(1), ...grub('systemd.mask=systemd-sysctl.service') },
    commandLine: 'systemd.mask=systemd-sysctl.service',
  },
  {
    name: 'command-line-emergency',
    source: 'the kernel command line asks for emergency.target, which wants nothing',
    files: { ...DEBIAN_KERNEL, [OWN]: set(1), ...grub('systemd.unit=emergency.target') },
    commandLine: 'systemd.unit=emergency.target',
  },
  {
    name: 'default-emergency',
    source: 'default.target is emergency.target',
    files: {
      ...DEBIAN_KERNEL,
      [OWN]: set(1),
      '/etc/systemd/system/default.target': '-> /usr/lib/systemd/system/emergency.target',
    },
  },
  {
    name: 'command-line-init',
    source: 'init= on the kernel command line names a script, which starts nothing',
    files: {
      [OWN]: set(1),
      '/usr/local/sbin/rescue': '#!/bin/sh\nwhile :; do sleep 3600; done\n',
      ...grub('init=/usr/local/sbin/rescue'),
    },
    run: 'chmod 755 /usr/local/sbin/rescue',
    commandLine: 'TRACEGATE_INIT=/usr/local/sbin/rescue',
  },
  {
    name: 'lsm-twice',
    source: 'lsm= twice: the last one, which counts, has no yama',
    files: { [OWN]: set(1), ...grub('lsm=yama,apparmor lsm=apparmor') },
    commandLine: 'lsm=yama,apparmor lsm=apparmor',
  },
  {
    name: 'lsm-twice-yama',
    source: 'lsm= twice: the last one has yama',
    files: { [OWN]: set(1), ...grub('lsm=apparmor lsm=yama,apparmor') },
    commandLine: 'lsm=apparmor lsm=yama,apparmor',
  },
  {
    name: 'tmpfiles-write',
    source: 'a w line of tmpfiles.d writes 0',
    files: { [OWN]: set(1), '/etc/tmpfiles.d/yama.conf': 'w /proc/sys/kernel/yama/ptrace_scope - - - - 0\n' },
  },
  {
    name: 'rc-local',
    source: 'an executable /etc/rc.local writes 0',
    files: { [OWN]: set(1), '/etc/rc.local': '#!/bin/sh\necho 0 >/proc/sys/kernel/yama/ptrace_scope\n' },
    run: 'chmod 755 /etc/rc.local',
  },
  {
    name: 'rc-local-not-executable',
    source: '/etc/rc.local writes 0, and is not executable',
    files: { [OWN]: set(1), '/etc/rc.local': '#!/bin/sh\necho 0 >/proc/sys/kernel/yama/ptrace_scope\n' },
    run: 'chmod 644 /etc/rc.local',
  },
  {
    name: 'unit-writes',
    source: 'an enabled unit calls sysctl -w',
    files: {
      [OWN]: set(1),
      '/etc/systemd/system/debug.service': service(`/sbin/sysctl -w ${KEY}=0`),
      '/etc/systemd/system/multi-user.target.wants/debug.service': '-> ../debug.service',
    },
  },
  {
    name: 'unit-writes-disabled',
    source: 'a unit that nothing wants calls sysctl -w',
    files: { [OWN]: set(1), '/etc/systemd/system/debug.service': service(`/sbin/sysctl -w ${KEY}=0`) },
  },
  {
    name: 'unit-after-3',
    source: 'an enabled unit calls sysctl -w, which 3 refuses',
    files: {
      [OWN]: set(3),
      '/etc/systemd/system/debug.service': service(`/sbin/sysctl -w ${KEY}=0`),
      '/etc/systemd/system/multi-user.target.wants/debug.service': '-> ../debug.service',
    },
  },
  {
    name: 'cron-reboot',
    source: 'a line @reboot of cron writes 0',
    packages: [...SYSTEMD, 'cron'],
    files: { [OWN]: set(1), '/etc/cron.d/debug': `@reboot root /sbin/sysctl -w ${KEY}=0\n` },
  },
  {
    name: 'file-masked',
    source: 'a link to /dev/null in /etc masks the file of /usr/lib',
    files: { ...DEBIAN_KERNEL, '/usr/lib/sysctl.d/60-yama.conf': set(1), [OWN]: '-> /dev/null' },
  },
  {
    name: 'file-masked-dangling',
    source: 'a dangling link in /etc masks the file of /usr/lib',
    files: { ...DEBIAN_KERNEL, '/usr/lib/sysctl.d/60-yama.conf': set(1), [OWN]: '-> /nowhere' },
  },
  {
    name: 'file-in-run',
    source: 'the only line is in /run, which is empty at boot',
    files: { ...DEBIAN_KERNEL, '/run/sysctl.d/60-yama.conf': set(1) },
  },
  {
    name: 'comment-after-value',
    source: 'text after the value, which the kernel does not look at',
    files: { [OWN]: `${KEY} = 1 # hardened\n` },
  },
  {
    name: 'carriage-return',
    source: 'lines that end as in DOS',
    files: { [OWN]: `${KEY} = 1\r\n` },
  },
  {
    name: 'quoted-value',
    source: 'a value in quotes, which the kernel refuses',
    files: { ...DEBIAN_KERNEL, [OWN]: `${KEY} = "1"\n` },
  },
  {
    name: 'init-dangling',
    source: '/sbin/init is a link to nothing; the kernel starts /bin/sh',
    files: { ...DEBIAN_KERNEL, [OWN]: set(1), '/usr/sbin/init': '-> /usr/lib/nowhere' },
  },
  {
    name: 'rc-link-kill',
    source: 'sysvinit: the link of rcS.d is a K link',
    packages: SYSVINIT_ALONE,
    files: { ...DEBIAN_KERNEL, [OWN]: set(1) },
    run: 'cd /etc/rcS.d; mv S*procps K01procps; rm -f /etc/init.d/.depend.*',
  },
  {
    name: 'rc-link-dangling',
    source: 'sysvinit: the script of the link is gone',
    packages: SYSVINIT_ALONE,
    files: { ...DEBIAN_KERNEL, [OWN]: set(1) },
    run: 'rm -f /etc/init.d/procps /etc/init.d/.depend.*',
  },
  {
    name: 'rc-script-not-executable',
    source: 'sysvinit: the script is not executable',
    packages: SYSVINIT_ALONE,
    files: { ...DEBIAN_KERNEL, [OWN]: set(1) },
    run: 'chmod 644 /etc/init.d/procps; rm -f /etc/init.d/.depend.*',
  },
  {
    name: 'inittab-without-rcS',
    source: 'sysvinit: /etc/inittab has no sysinit line',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(1) },
    run: "sed -i '/:sysinit:/d' /etc/inittab",
  },
  {
    name: 'busybox-rcS',
    source: 'busybox as init; /etc/init.d/rcS applies /etc/sysctl.conf by busybox',
    packages: ['busybox'],
    files: {
      [OWN]: set(2),
      '/etc/sysctl.conf': set(1),
      '/usr/sbin/init': '-> ../bin/busybox',
      '/etc/init.d/rcS': '#!/bin/sh\nmount -t proc proc /proc\nbusybox sysctl -p\n',
    },
    run: 'chmod 755 /etc/init.d/rcS',
  },
  {
    name: 'unit-link',
    source: 'the unit in /etc is a link to another unit',
    files: {
      [OWN]: set(1),
      [UNIT]: '-> other.service',
      '/etc/systemd/system/other.service': service('/bin/true'),
    },
  },
  {
    name: 'unit-masked-in-run',
    source: 'the unit is masked in /run, which is empty at boot',
    files: { [OWN]: set(1), '/run/systemd/system/systemd-sysctl.service': '-> /dev/null' },
  },
  {
    name: 'unit-conflict',
    source: 'an enabled unit conflicts with systemd-sysctl.service',
    files: {
      [OWN]: set(1),
      '/etc/systemd/system/no.service': service(
        '/bin/true',
        'DefaultDependencies=no\nConflicts=systemd-sysctl.service\nAfter=systemd-sysctl.service\n',
      ),
      '/etc/systemd/system/multi-user.target.wants/no.service': '-> ../no.service',
    },
  },
  {
    name: 'drop-in-requires',
    source: 'a drop-in requires a unit that is not there',
    files: {
      [OWN]: set(1),
      [`${UNIT}.d/no.conf`]: '[Unit]\nRequires=nowhere.service\nAfter=nowhere.service\n',
    },
  },
  {
    name: 'drop-in-exec-condition',
    source: 'a drop-in has a command as condition, which fails',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Service]\nExecCondition=/bin/false\n' },
  },
  {
    name: 'drop-in-pre',
    source: 'a drop-in has a command that comes first, and fails',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Service]\nExecStartPre=/bin/false\n' },
  },
  {
    name: 'drop-in-post',
    source: 'a drop-in has a command that comes after, and writes 0',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: `[Service]\nExecStartPost=/sbin/sysctl -w ${KEY}=0\n` },
  },
  {
    name: 'drop-in-user',
    source: 'a drop-in has the loader run as nobody, who may not write',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Service]\nUser=nobody\n' },
  },
  {
    name: 'drop-in-protect',
    source: 'a drop-in has ProtectKernelTunables=, which makes /proc/sys read-only',
    files: { [OWN]: set(1), [`${UNIT}.d/no.conf`]: '[Service]\nProtectKernelTunables=yes\n' },
  },
  {
    name: 'drop-in-prefix-option',
    source: 'a drop-in has the loader take the keys of net alone',
    files: {
      [OWN]: set(1),
      [`${UNIT}.d/no.conf`]: '[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-sysctl --prefix=/net\n',
    },
  },
  {
    name: 'drop-in-file-argument',
    source: 'a drop-in names a file for the loader, which then reads no other',
    files: {
      [OWN]: set(1),
      '/etc/other.conf': set(0),
      [`${UNIT}.d/no.conf`]: '[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-sysctl /etc/other.conf\n',
    },
  },
  {
    name: 'generator-masks',
    source: 'a generator masks the unit at each boot',
    files: {
      [OWN]: set(1),
      '/etc/systemd/system-generators/no': '#!/bin/sh\nln -s /dev/null "$2/systemd-sysctl.service"\n',
    },
    run: 'chmod 755 /etc/systemd/system-generators/no',
  },
  {
    name: 'tmpfiles-write-early',
    source: 'a w! line of tmpfiles.d, which counts at boot alone',
    files: {
      [OWN]: set(1),
      '/etc/tmpfiles.d/yama.conf': 'w! /proc/sys/kernel/yama/ptrace_scope - - - - 0\n',
    },
  },
  {
    name: 'tmpfiles-write-pattern',
    source: 'a w line of tmpfiles.d with a pattern for the path',
    files: { [OWN]: set(1), '/etc/tmpfiles.d/yama.conf': 'w- /proc/sys/kernel/ya*/ptrace_sc?pe - - - - 0\n' },
  },
  {
    name: 'tmpfiles-masked',
    source: 'a w line of /usr/lib/tmpfiles.d, which a link to /dev/null in /etc masks',
    files: {
      [OWN]: set(1),
      '/usr/lib/tmpfiles.d/yama.conf': 'w /proc/sys/kernel/yama/ptrace_scope - - - - 0\n',
      '/etc/tmpfiles.d/yama.conf': '-> /dev/null',
    },
  },
  {
    name: 'script-writes',
    source: 'an enabled unit runs a script, and the script writes 0',
    files: {
      [OWN]: set(1),
      '/usr/local/sbin/debug-mode': '#!/bin/sh\necho 0 >/proc/sys/kernel/yama/ptrace_scope\n',
      '/etc/systemd/system/debug.service': service('/usr/local/sbin/debug-mode'),
      '/etc/systemd/system/multi-user.target.wants/debug.service': '-> ../debug.service',
    },
    run: 'chmod 755 /usr/local/sbin/debug-mode',
  },
  {
    name: 'timer-writes',
    source: 'an enabled timer starts a unit that writes 0',
    files: {
      [OWN]: set(1),
      '/etc/systemd/system/debug.service': service(`/sbin/sysctl -w ${KEY}=0`),
      '/etc/systemd/system/debug.timer': '[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n',
      '/etc/systemd/system/timers.target.wants/debug.timer': '-> ../debug.timer',
    },
  },
  {
    name: 'sysvinit-rc-local',
    source: 'sysvinit: an executable /etc/rc.local writes 0',
    packages: SYSVINIT_ALONE,
    files: { [OWN]: set(1), '/etc/rc.local': '#!/bin/sh\necho 0 >/proc/sys/kernel/yama/ptrace_scope\n' },
    run: 'chmod 755 /etc/rc.local',
  },
  {
    name: 'sysvinit-own-script',
    source: 'sysvinit: an own script of rc2.d writes 0',
    packages: SYSVINIT_ALONE,
    files: {
      [OWN]: set(1),
      '/etc/init.d/debug': `#!/bin/sh\n### BEGIN INIT INFO\n# Provides: debug\n# Required-Start: $remote_fs\n# Required-Stop:\n# Default-Start: 2\n# Default-Stop:\n### END INIT INFO\nsysctl -w ${KEY}=0\n`,
    },
    run: 'chmod 755 /etc/init.d/debug; update-rc.d debug defaults',
  },
  {
    name: 'openrc-local',
    source: 'OpenRC: a script of /etc/local.d writes 0',
    packages: ['sysvinit-core', 'openrc', 'procps'],
    files: {
      [OWN]: set(1),
      '/etc/local.d/yama.start': '#!/bin/sh\necho 0 >/proc/sys/kernel/yama/ptrace_scope\n',
    },
    run: 'chmod 755 /etc/local.d/yama.start',
  },
  {
    name: 'lsm-quoted',
    source: 'lsm= in quotes, without yama',
    files: { [OWN]: set(1), ...grub('lsm="apparmor"') },
    commandLine: 'lsm="apparmor"',
  },
  {
    name: 'security-apparmor',
    source: 'the old security= names another module, which leaves yama in',
    files: { [OWN]: set(1), ...grub('security=apparmor') },
    commandLine: 'security=apparmor',
  },
  {
    name: 'grub-variable',
    source: "the command line is in a variable of GRUB's file",
    files: {
      [OWN]: set(1),
      '/boot/grub/grub.cfg':
        'set opts="lsm=apparmor"\nmenuentry \'Debian\' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro $opts\n}\n',
    },
    commandLine: 'lsm=apparmor',
  },
  {
    name: 'loader-entry-kernelopts',
    source: 'an entry of the boot loader specification with $kernelopts, which grubenv has',
    files: {
      '/boot/loader/entries/a.conf':
        'title Debian\nversion 6.1\nlinux /vmlinuz\noptions $kernelopts\ngrub_class debian\n',
      '/boot/grub2/grubenv': `# GRUB Environment Block\nkernelopts=root=/dev/vda1 ro sysctl.kernel.yama.ptrace_scope=2\n${'#'.repeat(920)}`,
      '/boot/grub2/grub.cfg': 'insmod blscfg\nblscfg\n',
    },
    commandLine: 'sysctl.kernel.yama.ptrace_scope=2',
  },
  {
    name: 'two-kernels',
    source: 'two menu entries, of which the second, which does not boot, has no yama',
    files: {
      [OWN]: set(1),
      '/boot/grub/grub.cfg':
        "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro\n}\nmenuentry 'old' {\n\tlinux /boot/vmlinuz.old root=/dev/vda1 ro lsm=apparmor\n}\n",
    },
  },
  {
    name: 'tuned',
    source: "tuned's active profile sets 0",
    packages: [...SYSTEMD, 'tuned', 'dbus'],
    files: {
      [OWN]: set(1),
      '/etc/tuned/active_profile': 'own\n',
      '/etc/tuned/profile_mode': 'manual\n',
      '/etc/tuned/own/tuned.conf': `[main]\nsummary=own\n[sysctl]\n${KEY}=0\n`,
    },
  },
].map(tree => ({
  kind: 'invented',
  release: 'bookworm',
  packages: SYSTEMD,
  .../** @type {Pick<Tree, 'name' | 'source'> & Partial<Tree>} */ (tree),
}));

/** A loop of `sysctl -p` over the files of these directories, then /etc/sysctl.conf. */
const EACH_FILE = `for i in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf \\
  /lib/sysctl.d/*.conf /etc/sysctl.conf; do
  if [ -e "$i" ]; then sysctl -q -p "$i"; fi
done`;

/** A service of OpenRC that calls the loader, in the runlevel boot. @param {string} start */
const openrc = start => ({
  '/etc/init.d/sysctl': `#!/sbin/openrc-run\ndepend() {\n\tbefore bootmisc logger\n}\nstart() {\n${start}\n}\n`,
  '/etc/runlevels/boot/sysctl': '-> /etc/init.d/sysctl',
});
const EXECUTABLE_SERVICE = 'chmod 755 /etc/init.d/sysctl';

/** Alpine's init is busybox, which calls OpenRC. @type {Partial<Tree>} */
const ALPINE = {
  packages: ['busybox', 'openrc'],
  run: EXECUTABLE_SERVICE,
};
const ALPINE_FILES = {
  '/usr/sbin/init': '-> ../bin/busybox',
  '/usr/local/sbin/sysctl': '-> /bin/busybox',
  '/etc/inittab':
    '::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n::wait:/sbin/openrc default\n',
  ...openrc(EACH_FILE),
};

/** Void's stage 1 sources core-services, whose 08-sysctl.sh takes the first file of each name. @type {Partial<Tree>} */
const VOID = {
  packages: ['runit-init', 'procps'],
  run: 'chmod 755 /etc/runit/1',
};
const VOID_FILES = {
  '/etc/runit/1':
    '#!/bin/sh\nPATH=/usr/bin:/usr/sbin\nfor f in /etc/runit/core-services/*.sh; do\n  [ -r $f ] && . $f\ndone\n',
  '/etc/runit/core-services/00-pseudofs.sh': 'mountpoint -q /run || mount -t tmpfs run /run\n',
  '/etc/runit/core-services/08-sysctl.sh': `if [ -x /sbin/sysctl -o -x /bin/sysctl ]; then
  mkdir -p /run/vsysctl.d
  for i in /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
    if [ -e "$i" ] && [ ! -e "/run/vsysctl.d/\${i##*/}" ]; then
      ln -s "$i" "/run/vsysctl.d/\${i##*/}"
    fi
  done
  for i in /run/vsysctl.d/*.conf; do
    sysctl -p "$i"
  done
  rm -rf -- /run/vsysctl.d
  sysctl -p /etc/sysctl.conf
fi
`,
};

const ELFUTILS = '/usr/lib/sysctl.d/10-default-yama-scope.conf';
const RHEL = 'ansible-lockdown/RHEL8-CIS#365 (2024-03-26), RHEL9-CIS#265 (2024-12-10): elfutils sets 0';
/** The link that Red Hat's initscripts has. */
const REDHAT_LINK = { '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf', '/etc/sysctl.conf': '# none\n' };

/** @type {Tree[]} */
const TRANSCRIBED = [
  transcribed('rhel-8', 'rhel', '8', RHEL, { [ELFUTILS]: set(0), ...REDHAT_LINK }, { release: 'bullseye' }),
  transcribed('rhel-9', 'rhel', '9.4', RHEL, { [ELFUTILS]: set(0), ...REDHAT_LINK }),
  transcribed('alma-9', 'almalinux', '9.4', RHEL, { [ELFUTILS]: set(0), ...REDHAT_LINK }),
  transcribed('rocky-9', 'rocky', '9.4', RHEL, { [ELFUTILS]: set(0), ...REDHAT_LINK }),
  transcribed(
    'rhel-8-ssg',
    'rhel',
    '8',
    "ComplianceAsCode/content b3a2cca: the remedy of sysctl_kernel_yama_ptrace_scope writes /etc/sysctl.conf and comments the package's line out",
    {
      [ELFUTILS]: `# ${set(0)}`,
      '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf',
      '/etc/sysctl.conf': set(1),
    },
    { release: 'bullseye' },
  ),
  transcribed(
    'rhel-9-stig',
    'rhel',
    '9.4',
    'RHEL-09-213080: 1 in /etc/sysctl.d, while the file of elfutils is still there',
    { [ELFUTILS]: set(0), '/etc/sysctl.d/99-kernel_yama.conf': set(1), ...REDHAT_LINK },
  ),
  transcribed(
    'rhel-9-same-name',
    'rhel',
    '9.4',
    'a copy of the file of elfutils in /etc/sysctl.d, changed to 1',
    { [ELFUTILS]: set(0), '/etc/sysctl.d/10-default-yama-scope.conf': set(1), ...REDHAT_LINK },
  ),
  transcribed(
    'fedora-40',
    'fedora',
    '40',
    'rapid7/metasploit-framework#20126 (2025-05-03): Fedora 40 runs with 0',
    {
      [ELFUTILS]: set(0),
      ...REDHAT_LINK,
    },
  ),
  transcribed(
    'fedora-coreos',
    'fedora',
    '41',
    'coreos/fedora-coreos-config 2d0fce6 (2024-10-24): no line of its own; elfutils as in Fedora',
    {
      [ELFUTILS]: set(0),
      '/usr/lib/sysctl.d/10-coreos-ratelimit-kmsg.conf': 'kernel.printk_devkmsg = ratelimit\n',
    },
    { release: 'trixie' },
  ),
  transcribed(
    'secureblue',
    'fedora',
    '41',
    'secureblue/secureblue a6b58f0 (2024-10-23), files/system/etc/sysctl.d/hardening.conf, on Fedora',
    { [ELFUTILS]: set(0), '/etc/sysctl.d/hardening.conf': set(3) },
    { release: 'trixie' },
  ),
  transcribed('amazon-linux', 'amzn', '2023', 'as RHEL 9, whose elfutils it has; no line of its own known', {
    [ELFUTILS]: set(0),
  }),
  transcribed(
    'ubuntu-22.04',
    'ubuntu',
    '22.04',
    "bronxc/debug-recipes, a copy of /etc/sysctl.d/10-ptrace.conf of Ubuntu's procps",
    {
      '/etc/sysctl.d/10-ptrace.conf': set(1),
      '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf',
      '/etc/sysctl.conf': '# none\n',
    },
  ),
  transcribed(
    'ubuntu-24.04',
    'ubuntu',
    '24.04',
    'the same; 24.04 is between the two systemd versions of bookworm and trixie',
    {
      '/etc/sysctl.d/10-ptrace.conf': set(1),
      '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf',
      '/etc/sysctl.conf': '# none\n',
    },
    { release: 'trixie' },
  ),
  transcribed(
    'ubuntu-debugging',
    'ubuntu',
    '22.04',
    "a common advice: sed of /etc/sysctl.d/10-ptrace.conf to 0, in a virtual machine's setup",
    { '/etc/sysctl.d/10-ptrace.conf': set(0) },
  ),
  transcribed(
    'opensuse-leap',
    'opensuse-leap',
    '15.6',
    "aaa_base before 2024-05-06: no line, so the kernel's own 1",
    {
      '/usr/lib/sysctl.d/50-default.conf': 'kernel.sysrq = 184\n',
      ...kernel('6.4.0-150600.23-default'),
    },
  ),
  transcribed(
    'opensuse-tumbleweed',
    'opensuse-tumbleweed',
    '20260529',
    'openSUSE/aaa_base c4391e5 (2026-05-29), files/usr/lib/sysctl.d/52-yama.conf',
    { '/usr/lib/sysctl.d/52-yama.conf': `-${set(0)}` },
    { release: 'trixie' },
  ),
  transcribed(
    'opensuse-microos',
    'opensuse-microos',
    '20260529',
    'the same, with 1 in /etc/sysctl.d',
    { '/usr/lib/sysctl.d/52-yama.conf': `-${set(0)}`, '/etc/sysctl.d/90-yama.conf': set(1) },
    { release: 'trixie' },
  ),
  transcribed(
    'arch',
    'arch',
    'rolling',
    "systemd's own sysctl.d has no line: the kernel's own 1",
    kernel('6.9.1-arch1-1'),
    { release: 'trixie' },
  ),
  transcribed(
    'flatcar',
    'flatcar',
    '3815',
    'flatcar/baselayout 937a45f (2024-01-23), sysctl.d/60-baselayout.conf: no line',
    { '/usr/lib/sysctl.d/60-baselayout.conf': 'kernel.kptr_restrict = 1\n' },
  ),
  transcribed(
    'bottlerocket',
    'bottlerocket',
    '1.26',
    'bottlerocket-os/bottlerocket-core-kit a10182f (2024-10-24), packages/release: 80-release.conf',
    { '/usr/lib/sysctl.d/80-release.conf': set(1) },
  ),
  transcribed(
    'kicksecure',
    'debian',
    '12',
    'Kicksecure/security-misc c21437f (2026-05-02), two files of usr/lib/sysctl.d',
    {
      '/usr/lib/sysctl.d/30_security-misc_ptrace-disable.conf': 'kernel.yama.ptrace_scope=3\n',
      '/usr/lib/sysctl.d/990-security-misc.conf': '#kernel.yama.ptrace_scope=3\n',
    },
    { initial: 0 },
  ),
  transcribed(
    'nixos',
    'nixos',
    '24.05',
    'NixOS/nixpkgs 05924f7, nixos/modules/config/sysctl.nix: 60-nixos.conf by two links',
    {
      '/nix/store/0-etc/etc/sysctl.d/60-nixos.conf': 'kernel.yama.ptrace_scope=0\n',
      '/etc/static': '-> /nix/store/0-etc/etc',
      '/etc/sysctl.d': '-> /etc/static/sysctl.d',
    },
  ),
  transcribed(
    'dev-sec',
    'debian',
    '12',
    'dev-sec/ansible-collection-hardening c3822fc (2026-05-26): 90-dev-sec.conf',
    { '/etc/sysctl.d/90-dev-sec.conf': 'kernel.yama.ptrace_scope=2\n' },
    { initial: 0 },
  ),
  transcribed(
    'konstruktoid',
    'ubuntu',
    '24.04',
    'konstruktoid/hardening 0e7e963 (2026-07-23), misc/sysctl.conf as a file of /etc/sysctl.d',
    { '/etc/sysctl.d/10-ptrace.conf': set(1), '/etc/sysctl.d/zz-hardening.conf': set(2) },
  ),
  transcribed(
    'guide-sysctl-conf',
    'debian',
    '13',
    'a common guide: the line in /etc/sysctl.conf, on a systemd that does not read it',
    { '/etc/sysctl.conf': set(1) },
    { release: 'trixie', initial: 0 },
  ),
  transcribed(
    'devuan',
    'devuan',
    '5',
    "Debian's packages with sysvinit",
    { [OWN]: set(1), '/etc/sysctl.conf': set(0) },
    { packages: SYSVINIT_ALONE, initial: 0 },
  ),
  transcribed('proxmox', 'debian', '12', 'Debian 12 with a kernel of Ubuntu, which begins with 1; no line', {
    '/etc/sysctl.d/pve.conf': 'fs.aio-max-nr = 1048576\n',
  }),
  transcribed(
    'void',
    'void',
    'rolling',
    'void-linux/void-runit 22a9080 (2026-06-08), core-services/08-sysctl.sh: the rule in our words',
    { ...VOID_FILES, '/usr/lib/sysctl.d/10-void.conf': 'kernel.kptr_restrict = 1\n', [OWN]: set(2) },
    VOID,
  ),
  transcribed(
    'void-dangling',
    'void',
    'rolling',
    'the same: a dangling link does not mask there',
    { ...VOID_FILES, '/usr/lib/sysctl.d/60-yama.conf': set(2), [OWN]: '-> /nowhere' },
    VOID,
  ),
  transcribed(
    'gentoo-openrc',
    'gentoo',
    '2.17',
    'OpenRC/openrc 04d75bc (2026-08-02), init.d/sysctl.in calls sysctl --system',
    { [OWN]: set(2), ...openrc('\tsysctl -q --system') },
    { packages: ['sysvinit-core', 'openrc', 'procps'], run: EXECUTABLE_SERVICE },
  ),
  transcribed(
    'gentoo-openrc-not-enabled',
    'gentoo',
    '2.17',
    'the same, but in no runlevel',
    {
      [OWN]: set(2),
      '/etc/init.d/sysctl': openrc('\tsysctl -q --system')['/etc/init.d/sysctl'],
    },
    {
      packages: ['sysvinit-core', 'openrc', 'procps'],
      run: `${EXECUTABLE_SERVICE}; rm -f /etc/runlevels/*/*procps`,
    },
  ),
  transcribed(
    'gentoo-systemd',
    'gentoo',
    '2.17',
    "systemd's own files",
    { [OWN]: set(2) },
    { release: 'trixie' },
  ),
  transcribed(
    'alpine',
    'alpine',
    '3.20',
    'alpinelinux/aports 10a1405, main/openrc/0003-sysctl-add-compatibility-for-busybox-sysctl.patch: the rule in our words',
    { ...ALPINE_FILES, [OWN]: set(2), '/etc/sysctl.conf': '# none\n' },
    ALPINE,
  ),
  transcribed(
    'alpine-order',
    'alpine',
    '3.20',
    'the same: a file of /usr/lib comes after a file of /etc, and of one name both are read',
    { ...ALPINE_FILES, [OWN]: set(2), '/usr/lib/sysctl.d/60-yama.conf': set(1) },
    ALPINE,
  ),
];

export const TREES = [...DEBIAN, ...TRANSCRIBED, ...INVENTED];
