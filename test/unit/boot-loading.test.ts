// What loads sysctl.d at boot, by the files of a tree: each init, and what disables its loader. That units are resolved as systemd
// does it, in test/integration/systemd-units.test.ts.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootLoading } from '../../lib/audit/boot/boot-loading.js';
import type { BootLoading } from '../../lib/audit/boot/loading.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { type Files, rootTree, SYSTEMD, SYSVINIT } from '../helpers/root-tree.js';
import { VOID_SCRIPT } from '../helpers/void-script.js';

const UNIT = '/usr/lib/systemd/system/systemd-sysctl.service';
const OWN = '/etc/systemd/system/systemd-sysctl.service';
const WANTED = '/usr/lib/systemd/system/sysinit.target.wants/systemd-sysctl.service';
const SHIPPED = SYSTEMD[UNIT] as string;

const without = (files: Files, ...paths: string[]): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));

const loading = (files: Files, commandLine = ''): BootLoading =>
  bootLoading(openFileTree(rootTree(files)), commandLine);

type Case = [
  title: string,
  files: Files,
  commandLine: string,
  answer: string,
  because: RegExp,
  file: string | null,
];

const answerOf = (found: BootLoading) => (found.state === 'loads' ? found.loader : found.state);

function check([, files, commandLine, answer, because, file]: Case) {
  const found = loading(files, commandLine);
  expect({ answer: answerOf(found), because: found.because, file: found.file }).toEqual({
    answer,
    because: expect.stringMatching(because),
    file,
  });
}

const dropIn = (text: string, path = `${OWN}.d/x.conf`): Files => ({ ...SYSTEMD, [path]: text });

describe('systemd', () => {
  it.each<Case>([
    ['as it is shipped', SYSTEMD, '', 'systemd-sysctl', /^systemd starts systemd-sysctl\.service$/, UNIT],
    ['an own copy', { ...SYSTEMD, [OWN]: SHIPPED }, '', 'systemd-sysctl', /starts/, OWN],
    ['a mask', { ...SYSTEMD, [OWN]: '-> /dev/null' }, '', 'nothing-loads', /masks/, OWN],
    ['an empty unit file masks', { ...SYSTEMD, [OWN]: '' }, '', 'nothing-loads', /masks/, OWN],
    [
      'a mask of the alias alone',
      { ...SYSTEMD, '/etc/systemd/system/procps.service': '-> /dev/null' },
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'a mask on the command line',
      SYSTEMD,
      'quiet systemd.mask=systemd-sysctl.service',
      'nothing-loads',
      /masks/,
      '/proc/cmdline',
    ],
    ['no wants link', without(SYSTEMD, WANTED), '', 'nothing-loads', /pulls in no/, UNIT],
    [
      'a wants link that is masked',
      { ...SYSTEMD, '/etc/systemd/system/sysinit.target.wants/systemd-sysctl.service': '-> /dev/null' },
      '',
      'nothing-loads',
      /pulls in no/,
      UNIT,
    ],
    [
      'no wants link, but the alias is enabled',
      {
        ...without(SYSTEMD, WANTED),
        '/etc/systemd/system/multi-user.target.wants/procps.service':
          '-> /usr/lib/systemd/system/procps.service',
      },
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'no wants link, but one on the command line',
      without(SYSTEMD, WANTED),
      'systemd.wants=systemd-sysctl',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'no wants link, and presets that a first boot would apply',
      {
        ...without(SYSTEMD, WANTED, '/etc/machine-id'),
        [OWN]: `${SHIPPED}[Install]\nWantedBy=sysinit.target\n`,
      },
      '',
      'unknown',
      /first boot/,
      OWN,
    ],
    ['the rescue target', SYSTEMD, 'single', 'systemd-sysctl', /starts/, UNIT],
    ['the emergency target', SYSTEMD, 'emergency', 'nothing-loads', /emergency\.target pulls in no/, UNIT],
    [
      'a unit on the command line',
      SYSTEMD,
      'systemd.unit=emergency.target',
      'nothing-loads',
      /pulls in no/,
      UNIT,
    ],
    [
      'a later word for another target',
      SYSTEMD,
      'systemd.unit=emergency.target 3',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'another unit load path',
      SYSTEMD,
      'SYSTEMD_UNIT_PATH=/units',
      'unknown',
      /SYSTEMD_UNIT_PATH/,
      '/proc/cmdline',
    ],
    [
      'a masked target on the way',
      { ...SYSTEMD, '/etc/systemd/system/sysinit.target': '-> /dev/null' },
      '',
      'unknown',
      /can't start default\.target/,
      '/etc/systemd/system/sysinit.target',
    ],
    [
      'no program',
      without(SYSTEMD, '/usr/lib/systemd/systemd-sysctl'),
      '',
      'nothing-loads',
      /is not there/,
      UNIT,
    ],
    ['no unit', without(SYSTEMD, UNIT), '', 'nothing-loads', /there is no systemd-sysctl\.service/, null],
    [
      'another program',
      dropIn('[Service]\nExecStart=\nExecStart=/opt/apply\n'),
      '',
      'unknown',
      /runs \/opt\/apply/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a second program',
      dropIn('[Service]\nExecStart=/opt/apply\n'),
      '',
      'unknown',
      /the second is \/opt\/apply/,
      `${OWN}.d/x.conf`,
    ],
    [
      'with arguments',
      dropIn('[Service]\nExecStart=\nExecStart=/usr/lib/systemd/systemd-sysctl --prefix=net\n'),
      '',
      'unknown',
      /--prefix/,
      `${OWN}.d/x.conf`,
    ],
    [
      'sysctl --system',
      dropIn('[Service]\nExecStart=\nExecStart=-/usr/sbin/sysctl -q --system\n'),
      '',
      'procps',
      /sysctl --system/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a command before it',
      dropIn('[Service]\nExecStartPre=/opt/check\n'),
      '',
      'unknown',
      /ExecStartPre=\/opt\/check is not modelled/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a sandbox for all services',
      dropIn('[Service]\nProtectKernelTunables=yes\n', '/etc/systemd/system/service.d/x.conf'),
      '',
      'unknown',
      /ProtectKernelTunables/,
      '/etc/systemd/system/service.d/x.conf',
    ],
    [
      'a harmless setting for all services, as Fedora has',
      dropIn(
        '[Service]\nTimeoutStopFailureMode=abort\n',
        '/usr/lib/systemd/system/service.d/10-timeout-abort.conf',
      ),
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'a drop-in of the prefix',
      dropIn('[Unit]\nConditionPathExists=/etc/no\n', '/etc/systemd/system/systemd-.service.d/x.conf'),
      '',
      'nothing-loads',
      /ConditionPathExists=\/etc\/no does not hold/,
      '/etc/systemd/system/systemd-.service.d/x.conf',
    ],
    [
      'a drop-in of the alias',
      dropIn('[Unit]\nConditionPathExists=/etc/no\n', '/etc/systemd/system/procps.service.d/x.conf'),
      '',
      'nothing-loads',
      /does not hold/,
      '/etc/systemd/system/procps.service.d/x.conf',
    ],
    [
      'a condition of the host',
      dropIn('[Unit]\nConditionVirtualization=vm\n'),
      '',
      'unknown',
      /ConditionVirtualization=vm/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a condition on a mount',
      dropIn('[Unit]\nConditionPathExists=/var/lib/x\n'),
      '',
      'unknown',
      /ConditionPathExists=\/var/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a negated condition',
      dropIn('[Unit]\nConditionPathExists=!/etc/no\n'),
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'one of two triggers',
      dropIn('[Unit]\nConditionPathExists=|/etc/no\nConditionPathExists=|/etc/machine-id\n'),
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'no trigger',
      dropIn('[Unit]\nConditionPathExists=|/etc/no\n'),
      '',
      'nothing-loads',
      /does not hold/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a condition on the command line that holds',
      dropIn('[Unit]\nConditionKernelCommandLine=!nosysctl\n'),
      'quiet',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'a condition on the command line that fails',
      dropIn('[Unit]\nConditionKernelCommandLine=!nosysctl\n'),
      'nosysctl=1',
      'nothing-loads',
      /does not hold/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a unit that conflicts',
      {
        ...SYSTEMD,
        '/etc/systemd/system/multi-user.target.d/x.conf': '[Unit]\nConflicts=systemd-sysctl.service\n',
      },
      '',
      'unknown',
      /multi-user\.target conflicts/,
      '/etc/systemd/system/multi-user.target.d/x.conf',
    ],
    [
      'no command is left',
      dropIn('[Service]\nExecStart=\n'),
      '',
      'nothing-loads',
      /systemd-sysctl\.service has no ExecStart=/,
      UNIT,
    ],
    [
      'two commands of a service that is no oneshot',
      dropIn('[Service]\nType=simple\nExecStart=/opt/apply\n'),
      '',
      'nothing-loads',
      /systemd-sysctl\.service has more than one ExecStart=/,
      UNIT,
    ],
    [
      'a oneshot that systemd shall start again each time',
      dropIn('[Service]\nRestart=always\n'),
      '',
      'nothing-loads',
      /systemd-sysctl\.service is Type=oneshot, for which systemd refuses Restart=always/,
      UNIT,
    ],
    [
      'a target of its own that wants a service with two commands alone',
      {
        ...without(SYSTEMD, '/etc/systemd/system/default.target'),
        '/etc/systemd/system/default.target': '[Unit]\nWants=x.service\n',
        '/etc/systemd/system/x.service': '[Service]\nExecStart=/x\nExecStart=/y\n',
      },
      '',
      'nothing-loads',
      /default\.target pulls in no systemd-sysctl\.service/,
      UNIT,
    ],
    [
      'a directory that systemd reads since 254',
      {
        ...without(SYSTEMD, WANTED),
        '/etc/systemd/system/multi-user.target.upholds/systemd-sysctl.service': `-> ${UNIT}`,
      },
      '',
      'unknown',
      /only since systemd 254/,
      '/etc/systemd/system/multi-user.target.upholds/systemd-sysctl.service',
    ],
    [
      'a requirement of its own',
      {
        ...dropIn('[Unit]\nRequires=x.service\n'),
        '/etc/systemd/system/x.service': '[Service]\nExecStart=/x\n',
      },
      '',
      'unknown',
      /Requires=x\.service is not modelled/,
      `${OWN}.d/x.conf`,
    ],
    [
      'a requirement that is missing',
      dropIn('[Unit]\nRequires=x.service\n'),
      '',
      'unknown',
      /systemd-sysctl\.service requires a unit that is missing/,
      UNIT,
    ],
  ])('%s', (...one) => check(one));
});

const LINK = '/etc/rcS.d/S10procps';
const SCRIPT = '/etc/init.d/procps';
const LISTS: Files = {
  '/etc/init.d/.depend.start': 'TARGETS =\n',
  '/etc/init.d/.depend.stop': 'TARGETS =\n',
};

describe('sysvinit', () => {
  it.each<Case>([
    ['as Debian has it', SYSVINIT, '', 'procps', /\/etc\/init\.d\/procps runs sysctl --system/, SCRIPT],
    [
      'disabled by update-rc.d',
      { ...without(SYSVINIT, LINK), '/etc/rcS.d/K01procps': '-> ../init.d/procps' },
      '',
      'nothing-loads',
      /disables/,
      '/etc/rcS.d/K01procps',
    ],
    ['no link', without(SYSVINIT, LINK), '', 'nothing-loads', /has no link/, '/etc/rcS.d'],
    [
      'a link without a number, which rc skips',
      { ...without(SYSVINIT, LINK), '/etc/rcS.d/Sprocps': '-> ../init.d/procps' },
      '',
      'nothing-loads',
      /has no link/,
      '/etc/rcS.d',
    ],
    ['a link that leads nowhere', without(SYSVINIT, SCRIPT), '', 'nothing-loads', /leads nowhere/, LINK],
    [
      'no sysctl',
      without(SYSVINIT, '/sbin/sysctl'),
      '',
      'nothing-loads',
      /there is no \/sbin\/sysctl/,
      SCRIPT,
    ],
    [
      'sysctl of busybox',
      { ...SYSVINIT, '/sbin/sysctl': '-> /bin/busybox', '/bin/busybox': '' },
      '',
      'unknown',
      /\/sbin\/sysctl is busybox/,
      SCRIPT,
    ],
    [
      'a script of another making',
      { ...SYSVINIT, [SCRIPT]: '#!/bin/sh\n/opt/apply\n' },
      '',
      'unknown',
      /another making/,
      LINK,
    ],
    [
      'settings of the script',
      { ...SYSVINIT, '/etc/default/procps': '# none\nDAEMON=/opt/apply\n' },
      '',
      'unknown',
      /may change/,
      '/etc/default/procps',
    ],
    [
      'a list of startpar that has it',
      { ...SYSVINIT, ...LISTS, '/etc/init.d/.depend.boot': 'TARGETS = procps udev\n' },
      '',
      'procps',
      /sysctl --system/,
      SCRIPT,
    ],
    [
      'a list of startpar that lacks it',
      { ...SYSVINIT, ...LISTS, '/etc/init.d/.depend.boot': 'TARGETS = udev\n' },
      '',
      'unknown',
      /does not name procps/,
      '/etc/init.d/.depend.boot',
    ],
    [
      'the same without startpar',
      { ...SYSVINIT, ...LISTS, '/etc/init.d/.depend.boot': 'TARGETS = udev\n' },
      'concurrency=none',
      'procps',
      /sysctl --system/,
      SCRIPT,
    ],
    ['single-user mode', SYSVINIT, 'single', 'procps', /sysctl --system/, SCRIPT],
    ['emergency mode', SYSVINIT, '-b', 'nothing-loads', /no boot script/, '/proc/cmdline'],
    [
      'an inittab of another making',
      { ...SYSVINIT, '/etc/inittab': 'si::sysinit:/etc/rc.d/rc.S\n' },
      '',
      'unknown',
      /runs \/etc\/rc\.d\/rc\.S/,
      '/etc/inittab',
    ],
    ['no inittab', without(SYSVINIT, '/etc/inittab'), '', 'unknown', /there is no \/etc\/inittab/, null],
    [
      'systemd is installed, but is not the init',
      { ...without(SYSTEMD, '/sbin/init', '/usr/sbin/sysctl'), ...SYSVINIT },
      '',
      'procps',
      /sysctl --system/,
      SCRIPT,
    ],
    [
      'an initrd of dracut that would start systemd',
      {
        ...without(SYSTEMD, '/sbin/init', '/usr/sbin/sysctl'),
        ...SYSVINIT,
        '/usr/lib/dracut/modules.d/98dracut-systemd/x': '',
      },
      '',
      'unknown',
      /initrd/,
      '/usr/lib/dracut/modules.d/98dracut-systemd',
    ],
  ])('%s', (...one) => check(one));

  it('a script that is not executable starts nothing', () => {
    const root = rootTree(SYSVINIT);
    chmodSync(join(root, SCRIPT), 0o644);
    expect(bootLoading(openFileTree(root), '')).toMatchObject({
      state: 'nothing-loads',
      because: expect.stringContaining('is not executable'),
    });
  });
});

/** OpenRC 0.63: init.d/sysctl.in */
const SERVICE = `#!/sbin/openrc-run
depend()
{
	after clock
	before bootmisc logger
	keyword -prefix -systemd-nspawn -vserver
}

BSD_sysctl()
{
	[ -e /etc/sysctl.conf ] || return 0
	local retval=0 var= comments= conf=
	eindent
	for conf in /etc/sysctl.conf /etc/sysctl.d/*.conf; do
		if [ -r "$conf" ]; then
			vebegin "applying $conf"
			while read var comments; do
				case "$var" in
				""|"#"*) continue;;
				esac
				sysctl -w "$var" >/dev/null || retval=1
			done < "$conf"
			veend $retval
		fi
	done
	eoutdent
	return $retval
}

Linux_sysctl()
{
	local quiet
	yesno $rc_verbose || quiet=-q

	sysctl \${quiet} --system
}

start()
{
	local rc=0

	ebegin "Configuring kernel parameters"
	case "$RC_UNAME" in
	*BSD|GNU) BSD_sysctl; rc=$? ;;
	Linux) Linux_sysctl; rc=$? ;;
	esac
	eend $rc "Unable to configure some kernel parameters"
}
`;
const OPENRC: Files = {
  '/sbin/init': '-> /sbin/openrc-init',
  '/sbin/openrc-init': '',
  '/sbin/sysctl': '',
  '/etc/init.d/sysctl': SERVICE,
  '/etc/runlevels/boot/sysctl': '-> /etc/init.d/sysctl',
  '/etc/runlevels/default/local': '-> /etc/init.d/local',
  '/etc/init.d/local': '#!/sbin/openrc-run\n',
};
const BUSYBOX: Files = {
  ...without(OPENRC, '/sbin/init', '/sbin/openrc-init'),
  '/sbin/init': '-> /bin/busybox',
  '/bin/busybox': '',
  '/etc/inittab':
    '::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n::wait:/sbin/openrc default\n::shutdown:/sbin/openrc shutdown\n',
};
const INIT_D = '/etc/init.d/sysctl';

describe('OpenRC', () => {
  it.each<Case>([
    ['with its own init', OPENRC, '', 'openrc', /starts the script of OpenRC/, INIT_D],
    ['with busybox init, as Alpine has it', BUSYBOX, '', 'openrc', /starts the script of OpenRC/, INIT_D],
    [
      'with sysvinit, as Gentoo has it',
      {
        ...OPENRC,
        '/sbin/init': 'SysV init version',
        '/etc/inittab':
          'si::sysinit:/sbin/openrc sysinit\nrc::bootwait:/sbin/openrc boot\nl3:3:wait:/sbin/openrc default\n',
      },
      '',
      'openrc',
      /starts the script of OpenRC/,
      INIT_D,
    ],
    [
      'with sysvinit and the rcS of Debian’s package',
      {
        ...OPENRC,
        '/sbin/init': 'SysV init version',
        '/etc/inittab': SYSVINIT['/etc/inittab'] as string,
        '/etc/init.d/rcS': '#!/bin/sh\nset -e\nexec /sbin/openrc sysinit\n',
      },
      '',
      'openrc',
      /starts the script of OpenRC/,
      INIT_D,
    ],
    [
      'in no runlevel',
      without(OPENRC, '/etc/runlevels/boot/sysctl'),
      '',
      'nothing-loads',
      /no service sysctl is in the runlevels/,
      '/etc/runlevels',
    ],
    [
      'in a runlevel that no boot starts',
      {
        ...without(OPENRC, '/etc/runlevels/boot/sysctl'),
        '/etc/runlevels/nonetwork/sysctl': '-> /etc/init.d/sysctl',
      },
      '',
      'nothing-loads',
      /no service/,
      '/etc/runlevels',
    ],
    [
      'in a stacked runlevel',
      {
        ...without(OPENRC, '/etc/runlevels/boot/sysctl'),
        '/etc/runlevels/hardened/sysctl': '-> /etc/init.d/sysctl',
        '/etc/runlevels/default/hardened': '-> ../hardened',
      },
      '',
      'openrc',
      /starts the script of OpenRC/,
      INIT_D,
    ],
    [
      'needed by another service',
      {
        ...without(OPENRC, '/etc/runlevels/boot/sysctl'),
        '/etc/init.d/local': '#!/sbin/openrc-run\ndepend() {\n\tneed sysctl\n}\n',
      },
      '',
      'unknown',
      /needs the service/,
      '/etc/init.d/local',
    ],
    [
      'a script of another making',
      { ...OPENRC, [INIT_D]: '#!/sbin/openrc-run\nstart() { /opt/apply; }\n' },
      '',
      'unknown',
      /another making/,
      INIT_D,
    ],
    [
      'another runlevel on the command line',
      OPENRC,
      'softlevel=nonetwork',
      'unknown',
      /softlevel=nonetwork/,
      '/proc/cmdline',
    ],
    [
      'Debian’s procps as a service',
      {
        ...without(OPENRC, '/etc/runlevels/boot/sysctl'),
        [SCRIPT]: SYSVINIT[SCRIPT] as string,
        '/etc/runlevels/sysinit/procps': '-> /etc/init.d/procps',
      },
      '',
      'procps',
      /sysctl --system/,
      SCRIPT,
    ],
  ])('%s', (...one) => check(one));
});

const DEBIAN_RUNIT: Files = {
  ...SYSVINIT,
  '/sbin/init': '-> /lib/runit/runit-init',
  '/lib/runit/runit-init': '',
  '/etc/runit/1': '#!/bin/sh\nfor script in /etc/rcS.d/S* ; do\n\t"$script" start --force-sysv\ndone\n',
};
const VOID_FILE = '/etc/runit/core-services/08-sysctl.sh';
const VOID: Files = {
  '/sbin/init': '-> runit-init',
  '/sbin/runit-init': '',
  '/sbin/sysctl': '',
  '/etc/runit/1': '#!/bin/sh\nfor f in /etc/runit/core-services/*.sh; do\n\t[ -r $f ] && . $f\ndone\n',
};

describe('other inits', () => {
  it.each<Case>([
    [
      'runit of Void',
      { ...VOID, [VOID_FILE]: VOID_SCRIPT },
      '',
      'void',
      /^\/etc\/runit\/1 runs the script of Void$/,
      VOID_FILE,
    ],
    [
      'runit of Void with a script of another making',
      { ...VOID, [VOID_FILE]: 'sysctl -w a=1\n' },
      '',
      'unknown',
      /another making/,
      VOID_FILE,
    ],
    ['runit of Debian', DEBIAN_RUNIT, '', 'procps', /sysctl --system/, SCRIPT],
    [
      'runit of Debian, disabled',
      { ...DEBIAN_RUNIT, '/etc/runit/no.emulate.sysv.d/procps': '' },
      '',
      'nothing-loads',
      /disables/,
      '/etc/runit/no.emulate.sysv.d/procps',
    ],
    [
      'runit of Debian with its own boot scripts',
      { ...DEBIAN_RUNIT, '/etc/runit/native.boot.run': '' },
      '',
      'unknown',
      /replaces/,
      '/etc/runit/native.boot.run',
    ],
    [
      'runit of Void without the script',
      VOID,
      '',
      'nothing-loads',
      /there is no \/etc\/runit\/core-services\/08-sysctl\.sh/,
      '/etc/runit/1',
    ],
    [
      'busybox init with a script of its own',
      { ...BUSYBOX, '/etc/inittab': '::sysinit:/etc/init.d/rcS\n' },
      '',
      'unknown',
      /runs \/etc\/init\.d\/rcS/,
      '/etc/inittab',
    ],
    [
      'busybox init without inittab',
      without(BUSYBOX, '/etc/inittab'),
      '',
      'unknown',
      /rcS/,
      '/etc/init.d/rcS',
    ],
    [
      'a container’s tree without init',
      without(SYSTEMD, '/sbin/init'),
      '',
      'nothing-loads',
      /there is no \/sbin\/init/,
      null,
    ],
    [
      'a link that leads nowhere',
      { ...SYSTEMD, '/sbin/init': '-> /nix/store/x/init' },
      '',
      'unknown',
      /leads nowhere/,
      '/sbin/init',
    ],
    [
      'a script as init',
      { ...SYSTEMD, '/sbin/init': '#!/bin/sh\nexec /usr/lib/systemd/systemd\n' },
      '',
      'unknown',
      /\/sbin\/init is a script/,
      '/sbin/init',
    ],
    [
      'another program',
      { ...SYSTEMD, '/sbin/init': '-> /sbin/dinit', '/sbin/dinit': 'ELF' },
      '',
      'unknown',
      /\/sbin\/dinit, an init program that is not modelled/,
      '/sbin/init',
    ],
    [
      'init= on the command line',
      { ...SYSVINIT, ...SYSTEMD, '/sbin/init': SYSVINIT['/sbin/init'] as string },
      'init=/usr/lib/systemd/systemd',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
    [
      'init= of a shell',
      { ...SYSTEMD, '/bin/bash': 'ELF' },
      'init=/bin/bash',
      'unknown',
      /not modelled/,
      '/bin/bash',
    ],
    ['init= that is not there', SYSTEMD, 'init=/gone', 'unknown', /init=\/gone/, null],
    [
      '/etc/init, if there is no /sbin/init',
      { ...without(SYSTEMD, '/sbin/init'), '/etc/init': '-> /usr/lib/systemd/systemd' },
      '',
      'systemd-sysctl',
      /starts/,
      UNIT,
    ],
  ])('%s', (...one) => check(one));
});
