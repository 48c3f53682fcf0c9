// @ts-check
// Reduces a tree to what an audit may read of it, as data that a test can plant: no program, and of a file only the lines that tell
// something. A test checks that an audit of the planted tree gives the same answer as one of the tree itself.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * By path: `-> TARGET` is a link, `/` a directory, and else it is a text, which begins with `x` for a file that root may execute,
 * and with `-` otherwise.
 *
 * @typedef {Record<string, string>} Distilled
 */

/** Directories of which each file counts, with the part of its text that does. @type {[path: string, keep: RegExp | null][]} */
const DIRECTORIES = [
  ['/etc/systemd/system', null],
  ['/usr/lib/systemd/system', null],
  ['/usr/lib/systemd/system-preset', /^(enable|disable)/],
  ['/etc/init.d', /^#!|sysctl|--system|^DAEMON=|yama|exec|openrc|^TARGETS =/],
  ['/usr/lib/init', /^#!|sysctl|yama|exec/],
  ...['0', '1', '2', '3', '4', '5', '6', 'S'].map(
    level => /** @type {[string, null]} */ ([`/etc/rc${level}.d`, null]),
  ),
  ['/etc/runlevels', null],
  // The audit knows Void's script by all of its lines.
  ['/etc/runit/core-services', /^/],
  ['/etc/runit', /^#!|sysctl|core-services|\/etc\/rc|[.] /],
  ['/etc/tmpfiles.d', /sys|proc/],
  ['/usr/lib/tmpfiles.d', /\/proc\/sys|yama/],
  ['/etc/sysctl.d', /[=-]/],
  ['/usr/lib/sysctl.d', /[=-]/],
  ['/usr/local/lib/sysctl.d', /[=-]/],
  ['/run/sysctl.d', /[=-]/],
  ['/etc/cron.d', /@reboot/],
  ['/etc/local.d', /./],
  ['/etc/tuned', /./],
  ['/etc/systemd/system-generators', /./],
  ['/usr/local/sbin', /./],
  ['/etc/other.conf', /./],
  ['/etc/ufw', /^(ENABLED|IPT_SYSCTL)=|yama/],
  ['/usr/lib/ufw', /sysctl/],
  ['/etc/finit.d', /sysctl/],
  ['/etc/kernel', /./],
  ['/boot/grub', /./],
  ['/boot/grub2', /./],
  ['/boot/loader', /./],
  ['/boot', /SECURITY|LSM|linux|options|root=/],
  ['/nix', /./],
];

const FILES = {
  ...Object.fromEntries(
    [
      '/etc/sysctl.conf',
      '/etc/inittab',
      '/etc/rc.local',
      '/etc/os-release',
      '/usr/lib/os-release',
      '/etc/static',
      '/etc/crontab',
      '/etc/default/ufw',
      '/etc/default/procps',
      '/etc/default/rcS',
      '/etc/machine-id',
      '/etc/finit.conf',
      '/etc/rc.conf',
    ].map(path => [path, /^[^#]|^#!/]),
  ),
};

/** Programs, and the words in them that tell what they are. */
const PROGRAMS = [
  ...['init', 'sysctl', 'openrc', 'openrc-init', 'runit', 'runit-init', 'finit', 'telinit'].map(
    name => `/usr/sbin/${name}`,
  ),
  ...['busybox', 'sysctl', 'sh', 'dash', 'true'].map(name => `/usr/bin/${name}`),
  ...['systemd', 'systemd-sysctl', 'systemd-tmpfiles', 'systemd-sysv-install'].map(
    name => `/usr/lib/systemd/${name}`,
  ),
  '/usr/lib/runit/runit-init',
  '/etc/init',
  '/init',
  '/usr/local/sbin/sysctl',
];
const WORDS = /SysV init version|sysvinit-\d[\d.]*|INIT: version|BusyBox v\d[\d.]*|procps-ng [\d.]+/g;
/** Their names tell a version. */
const LIBRARIES = /^(libsystemd-(shared|core)-|libproc)/;
const PACKAGES =
  /^(systemd|systemd-.*|procps|libproc.*|sysvinit-.*|busybox|openrc|runit.*|finit.*|ufw|cron|linux-image-.*|linux-sysctl-defaults|init-system-helpers|initscripts|sysv-rc)$/;

/** Of a unit, what decides whether and what it starts. */
const UNIT_LINES =
  /^(\[|(Wants|Requires|Requisite|BindsTo|PartOf|Upholds|Conflicts|After|Before|Condition\w*|Assert\w*|DefaultDependencies|Type|Exec\w+|Environment\w*|WantedBy|RequiredBy|Alias|Also|ImportCredential|LoadCredential\w*|SetCredential\w*|RemainAfterExit|OnFailure|RefuseManualStart|AllowIsolate|SourcePath|User|ProtectKernelTunables|RootDirectory)\s*=)/;

/** The other lines are empty, so that the numbers of lines stay. @param {string} text @param {RegExp} keep */
function linesWith(text, keep) {
  let isContinued = false;
  const lines = text.split('\n').map(line => {
    const isKept = isContinued || keep.test(line);
    isContinued = isKept && line.endsWith('\\');
    return isKept ? line : '';
  });
  const kept = lines.join('\n').trimEnd();
  return kept === '' ? '' : `${kept}\n`;
}

/** @param {string} root @returns {Distilled} */
export function distil(root) {
  /** @type {Distilled} */
  const found = {};

  /** @param {string} path @param {(text: string) => string} reduce */
  function take(path, reduce) {
    const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined || found[path] !== undefined) return;
    if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(root, path))}`;
    else if (stat.isDirectory()) found[path] = '/';
    else if (stat.isFile())
      found[path] = `${stat.mode & 0o111 ? 'x' : '-'}${reduce(readFileSync(join(root, path), 'latin1'))}`;
  }

  /** @param {string} path @param {RegExp | null} keep */
  function takeAll(path, keep) {
    const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    take(path, text => text);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(join(root, path)).sort()) {
      const below = `${path}/${name}`;
      if (lstatSync(join(root, below)).isDirectory()) takeAll(below, keep);
      else
        take(below, text =>
          path.includes('/boot') && text.length > 2 ** 20 ? '' : linesWith(text, keep ?? UNIT_LINES),
        );
    }
  }

  for (const path of ['/bin', '/sbin', '/lib', '/lib64', '/etc', '/run']) take(path, text => text);
  const isMerged = found['/lib']?.startsWith('-> ') ?? false;
  /** @param {string} path where it is without a merged /usr */
  const both = path => (isMerged ? [path] : [path, path.replace(/^\/usr/, '')]);
  for (const [path, keep] of DIRECTORIES) for (const each of both(path)) takeAll(each, keep);
  for (const [path, keep] of Object.entries(FILES)) take(path, text => linesWith(text, keep));
  for (const path of PROGRAMS)
    for (const each of both(path))
      take(each, text =>
        text.startsWith('#!') ? linesWith(text, /^#!|sysctl/) : [...new Set(text.match(WORDS))].join('\n'),
      );
  for (const directory of [
    '/usr/lib/systemd',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu/systemd',
  ].flatMap(both)) {
    const stat = lstatSync(join(root, directory), { throwIfNoEntry: false });
    if (!stat?.isDirectory()) continue;
    for (const name of readdirSync(join(root, directory)))
      if (LIBRARIES.test(name)) take(`${directory}/${name}`, () => '');
  }
  take('/var/lib/dpkg/status', status =>
    status
      .split('\n\n')
      .filter(stanza => PACKAGES.test(/^Package: (.*)$/m.exec(stanza)?.[1] ?? ''))
      .map(stanza => linesWith(stanza, /^(Package|Status|Version|Architecture):/).replace(/\n+/g, '\n'))
      .join('\n'),
  );
  return found;
}
