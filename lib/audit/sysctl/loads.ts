import type { FileTree } from '../tree/file-tree.js';
import { type Program, programVersion } from '../tree/program-version.js';
import { busybox } from './busybox.js';
import { SYSCTL_DIRECTORIES } from './directories.js';
import { knownScript, type ScriptLoad } from './known-scripts.js';
import type { SysctlLoad, SysctlProgram } from './plan.js';
import { sysctlSystem } from './procps.js';
import { procps3 } from './procps-3.js';
import { procps4 } from './procps-4.js';
import { sysctlConf } from './scripts.js';
import { type SystemdRules, systemdSysctl } from './systemd.js';

/**
 * What reads sysctl.d at boot:
 *
 * - systemd-sysctl;
 * - procps, by `sysctl --system`;
 * - busybox, by `sysctl -p`, which reads sysctl.conf alone;
 * - the script /etc/init.d/sysctl of OpenRC, upstream's or Alpine's, with either sysctl;
 * - Void's script of runit's stage 1, with either sysctl.
 */
export type SysctlLoader = 'systemd-sysctl' | 'procps' | 'busybox' | 'openrc' | 'void';

/** Releases that load alike: those from `from` to `to` were read or tried. */
export interface Release {
  from: string;
  to: string;
  load: SysctlLoad;
  /** False for a build of systemd without /lib/sysctl.d, of a release that may have it. */
  splitUsr?: boolean;
}

/** Releases of procps or busybox, with their `sysctl -p FILE`. */
export interface ProgramRelease extends Release {
  program: SysctlProgram;
}

const SYSTEMD_239: SystemdRules = {
  endsLinesAtCr: false,
  hasPatterns: false,
  refusesDotDot: false,
  dropsLeadingDotDot: false,
  readsCredential: false,
  readsLib: true,
  masksByBrokenLink: true,
};
const SYSTEMD_247: SystemdRules = { ...SYSTEMD_239, endsLinesAtCr: true, hasPatterns: true };
const SYSTEMD_252: SystemdRules = { ...SYSTEMD_247, refusesDotDot: true, readsCredential: true };
const SYSTEMD_257: SystemdRules = { ...SYSTEMD_252, dropsLeadingDotDot: true, readsLib: false };
const SYSTEMD_262: SystemdRules = { ...SYSTEMD_257, masksByBrokenLink: false };

/** `-Dsplit-usr=` decides about /lib/sysctl.d before 255. Debian's packages have `true`. */
const eachSplit = (from: string, to: string, rules: SystemdRules): Release[] =>
  [true, false].map(splitUsr => ({
    from,
    to,
    splitUsr,
    load: systemdSysctl({ ...rules, readsLib: splitUsr }),
  }));

/** RHEL 8's 239, and Debian's 247, 252, 254, 257 and 262. */
const SYSTEMD: readonly Release[] = [
  ...eachSplit('239', '239', SYSTEMD_239),
  ...eachSplit('247', '247', SYSTEMD_247),
  ...eachSplit('252', '254', SYSTEMD_252),
  { from: '257', to: '257', load: systemdSysctl(SYSTEMD_257) },
  { from: '262', to: '262', load: systemdSysctl(SYSTEMD_262) },
];

const [ETC = '', RUN = '', ...VENDOR] = SYSCTL_DIRECTORIES;
const RUN_FIRST = [RUN, ETC, ...VENDOR];

const procpsRelease = (
  from: string,
  to: string,
  program: SysctlProgram,
  directories = SYSCTL_DIRECTORIES,
): ProgramRelease => ({ from, to, program, load: sysctlSystem(program, directories) });

/** procps-ng's tags from 3.3.15 to 4.0.7. */
export const PROCPS: readonly ProgramRelease[] = [
  procpsRelease('3.3.15', '3.3.15', procps3({ dropsDash: false }), RUN_FIRST),
  procpsRelease('3.3.16', '3.3.16', procps3({ dropsDash: true }), RUN_FIRST),
  procpsRelease('3.3.17', '3.3.17', procps3({ dropsDash: true })),
  procpsRelease('4.0.0', '4.0.4', procps4({ excludesPatterns: false })),
  procpsRelease('4.0.5', '4.0.7', procps4({ excludesPatterns: true })),
];

/** systemd-sysctl needs the shared library, whose name has the release. */
const SYSTEMD_PROGRAM: Program = {
  paths: ['/usr/lib/systemd/systemd-sysctl', '/lib/systemd/systemd-sysctl'],
  mark: /libsystemd-shared-(\d+)/,
  packages: ['systemd'],
  nix: '/nix/var/nix/profiles/system/systemd',
};

const PROCPS_PROGRAM: Program = {
  paths: ['/usr/sbin/sysctl', '/sbin/sysctl', '/usr/bin/sysctl', '/bin/sysctl'],
  mark: /procps-ng (\d+(?:\.\d+)+)/,
  packages: ['procps', 'procps-ng'],
};

/** RHEL 9's 3.3.17 has patterns as 4.0 has them, by a patch that brought `--dry-run` too. */
const hasPatternsOf4 = (tree: FileTree) =>
  PROCPS_PROGRAM.paths.some(path => {
    const content = tree.read(path);
    return content.kind === 'text' && content.text.includes('dry-run');
  });

/** busybox' tags from 1.28 to 1.38. */
export const BUSYBOX: readonly ProgramRelease[] = [
  { from: '1.28', to: '1.30', program: busybox({ swapsSeparators: false }) },
  { from: '1.31', to: '1.38', program: busybox({ swapsSeparators: true }) },
].map(release => ({ ...release, load: sysctlConf(release.program) }));

const BUSYBOX_PROGRAM: Program = {
  paths: ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox', '/usr/sbin/busybox'],
  mark: /BusyBox v(\d+(?:\.\d+)+)/,
  packages: ['busybox', 'busybox-static'],
};

/** The sysctl of this tree. Null if it is another program, or if there is none. */
function sysctlOf(tree: FileTree): 'procps' | 'busybox' | null {
  for (const path of PROCPS_PROGRAM.paths) {
    const found = tree.resolve(path);
    if (found.kind !== 'file') continue;
    const name = found.path.slice(found.path.lastIndexOf('/') + 1);
    return name === 'sysctl' ? 'procps' : name.startsWith('busybox') ? 'busybox' : null;
  }
  return null;
}

const OPENRC_SCRIPT = '/etc/init.d/sysctl';
const VOID_SCRIPT = '/etc/runit/core-services/08-sysctl.sh';

/**
 * How the script of a loader gives files to sysctl. Null if its text is another than those that were read: OpenRC's, Alpine's
 * and Void's.
 */
function scriptOf(tree: FileTree, loader: 'openrc' | 'void'): ScriptLoad | null {
  const content = tree.read(loader === 'void' ? VOID_SCRIPT : OPENRC_SCRIPT);
  return content.kind === 'text' ? knownScript(content.text, loader) : null;
}

/** Why the loader of this tree isn't modelled. Null: it is. */
export function unmodelled(tree: FileTree, loader: SysctlLoader): string | null {
  if (loader !== 'openrc' && loader !== 'void') return null;
  if (scriptOf(tree, loader) === null)
    return `${loader === 'void' ? VOID_SCRIPT : OPENRC_SCRIPT} is not a script that is modelled`;
  return sysctlOf(tree) === null ? 'its sysctl is neither of procps nor of busybox' : null;
}

/** The release of the loader in this tree, by the program or its package. Null if none of them says it. */
export function loaderVersion(tree: FileTree, loader: SysctlLoader): string | null {
  if (loader === 'systemd-sysctl') return programVersion(tree, SYSTEMD_PROGRAM);
  const program = loader === 'openrc' || loader === 'void' ? sysctlOf(tree) : loader;
  if (program === 'busybox') return programVersion(tree, BUSYBOX_PROGRAM);
  const version = programVersion(tree, PROCPS_PROGRAM);
  const is3 = version !== null && compareVersions(version, '4') < 0;
  return is3 && hasPatternsOf4(tree) ? '4.0.0' : version;
}

/** The releases of procps that this version may do as. The version null stands for any. */
export function procpsReleases(version: string | null): readonly ProgramRelease[] {
  return candidates(PROCPS, version);
}

/** The releases that the loader of this tree may do as, the newest last. None if the loader isn't modelled. */
export function releasesOf(tree: FileTree, loader: SysctlLoader, version: string | null): readonly Release[] {
  if (loader === 'systemd-sysctl') return systemdReleases(tree, version);
  if (loader === 'procps') return procpsReleases(version);
  if (loader === 'busybox') return candidates(BUSYBOX, version);
  const script = scriptOf(tree, loader);
  const sysctl = sysctlOf(tree);
  if (script === null || sysctl === null) return [];
  return candidates(sysctl === 'procps' ? PROCPS : BUSYBOX, version).map(release => ({
    ...release,
    load: script(release, sysctl),
  }));
}

function systemdReleases(tree: FileTree, version: string | null): readonly Release[] {
  const [lib, usrLib] = ['/lib/sysctl.d', '/usr/lib/sysctl.d'].map(path => tree.resolve(path));
  const isDebian = tree.resolve('/var/lib/dpkg').kind === 'directory';
  const isMerged = lib?.kind !== 'directory' || (usrLib?.kind === 'directory' && usrLib.path === lib.path);
  return candidates(SYSTEMD, version).filter(({ splitUsr }) => splitUsr !== false || !(isMerged || isDebian));
}

/** The release of this version, as Debian builds it. */
export const releaseOf = <T extends Release>(releases: readonly T[], version: string): T =>
  candidates(releases, version)[0] as T;

/** How that release of a program loads. */
export function loadOf(loader: 'systemd-sysctl' | 'procps' | 'busybox', version: string): SysctlLoad {
  const releases = { 'systemd-sysctl': SYSTEMD, procps: PROCPS, busybox: BUSYBOX }[loader];
  return releaseOf<Release>(releases, version).load;
}

/** The releases that have this version, or those before and after it. */
function candidates<T extends Release>(releases: readonly T[], version: string | null): readonly T[] {
  if (version === null) return releases;
  const has = ({ from, to }: T) => compareVersions(version, from) >= 0 && compareVersions(version, to) <= 0;
  const exact = releases.filter(has);
  if (exact.length > 0) return exact;
  const before = releases.filter(({ to }) => compareVersions(version, to) > 0).at(-1);
  const after = releases.find(({ from }) => compareVersions(version, from) < 0);
  return releases.filter(({ from }) => from === before?.from || from === after?.from);
}

/** Compares as many numbers as both have: 254.26 is 254. */
function compareVersions(a: string, b: string): number {
  const [numbers, others] = [a, b].map(version => version.split('.').map(Number)) as [number[], number[]];
  for (const [at, number] of numbers.entries()) {
    const other = others[at];
    if (other === undefined || number === other) continue;
    return number - other;
  }
  return 0;
}

/** True if the version is older than every release that is modelled. */
export const isTooOld = (releases: readonly Release[], version: string | null): boolean =>
  version !== null && releases.every(({ from }) => compareVersions(version, from) < 0);
