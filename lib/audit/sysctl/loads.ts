import type { FileTree } from '../tree/file-tree.js';
import { type Program, programVersion } from '../tree/program-version.js';
import { SYSCTL_DIRECTORIES } from './directories.js';
import type { SysctlLoad, SysctlProgram } from './plan.js';
import { sysctlSystem } from './procps.js';
import { procps3 } from './procps-3.js';
import { procps4 } from './procps-4.js';
import { type SystemdRules, systemdSysctl } from './systemd.js';

/** What reads sysctl.d at boot: systemd-sysctl, or `sysctl --system` of procps. */
export type SysctlLoader = 'systemd-sysctl' | 'procps';

/** Releases that load alike: those from `from` to `to` were read or tried. */
export interface Release {
  from: string;
  to: string;
  load: SysctlLoad;
  /** False for a build of systemd without /lib/sysctl.d, of a release that may have it. */
  splitUsr?: boolean;
}

/** Releases of procps, with their `sysctl -p FILE`. */
export interface ProcpsRelease extends Release {
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
): ProcpsRelease => ({ from, to, program, load: sysctlSystem(program, directories) });

/** procps-ng's tags from 3.3.15 to 4.0.7. */
const PROCPS: readonly ProcpsRelease[] = [
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

/** The release of the loader in this tree, by the program or its package. Null if none of them says it. */
export function loaderVersion(tree: FileTree, loader: SysctlLoader): string | null {
  if (loader === 'systemd-sysctl') return programVersion(tree, SYSTEMD_PROGRAM);
  const version = programVersion(tree, PROCPS_PROGRAM);
  const is3 = version !== null && compareVersions(version, '4') < 0;
  return is3 && hasPatternsOf4(tree) ? '4.0.0' : version;
}

/** The releases of procps that this version may do as. The version null stands for any. */
export function procpsReleases(version: string | null): readonly ProcpsRelease[] {
  return candidates(PROCPS, version);
}

/** The releases that the loader of this tree may do as, the newest last. */
export function releasesOf(tree: FileTree, loader: SysctlLoader, version: string | null): readonly Release[] {
  if (loader === 'procps') return procpsReleases(version);
  const [lib, usrLib] = ['/lib/sysctl.d', '/usr/lib/sysctl.d'].map(path => tree.resolve(path));
  const isDebian = tree.resolve('/var/lib/dpkg').kind === 'directory';
  const isMerged = lib?.kind !== 'directory' || (usrLib?.kind === 'directory' && usrLib.path === lib.path);
  return candidates(SYSTEMD, version).filter(({ splitUsr }) => splitUsr !== false || !(isMerged || isDebian));
}

/** How that release of a loader loads, as Debian builds it. */
export function loadOf(loader: SysctlLoader, version: string): SysctlLoad {
  const releases = loader === 'procps' ? PROCPS : SYSTEMD;
  return (candidates(releases, version)[0] ?? (releases[0] as Release)).load;
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
