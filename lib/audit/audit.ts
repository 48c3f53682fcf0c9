import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { badOption, TracegateError } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { PtraceScope } from '../kernel/ptrace-scope.js';
import { checkedOptions, type OptionKinds, text } from '../options.js';
import type { BootLoading } from './boot/loading.js';
import { type AuditEvidence, evidenceOf } from './rows/evidence.js';
import { kernelRow } from './rows/kernel.js';
import { type Observations, observe } from './rows/observations.js';
import { otherWriterRows } from './rows/other-writers.js';
import {
  checkProfile,
  findProfile,
  isProfileFile,
  type Profile,
  type ProfileControl,
} from './rows/profile.js';
import {
  byHandRows,
  driftRow,
  explicitRow,
  type LackOfYama,
  loadersAgreeRow,
  loadingRow,
  nextBootRow,
  runningRow,
} from './rows/ptrace-scope.js';
import {
  capabilityFilesRow,
  capabilityProcessesRow,
  corePatternRow,
  suidDumpableRow,
  userNamespacesRow,
  yamaRow,
} from './rows/related.js';
import { type AuditRow, type RowVerdict, verdictOf } from './rows/row.js';
import { withWaiver } from './rows/waiver.js';
import type { NextBoot, SysctlAssignment, SysctlLoader } from './sysctl/config.js';
import { openFileTree } from './tree/file-tree.js';
import { isFor } from './tree/os-release.js';
import { type Provenance, provenanceOf } from './tree/provenance.js';

/** The demands, and the tree that is audited. */
export interface AuditOptions {
  /** The name of a file of profiles/, the path of a JSON file, or a profile object; `cis` by default. */
  profile?: string | Profile;
  /** The directory of an unpacked image or a mounted disk; no program in it is run. Default: `/`, the running system. */
  root?: string;
}

/** The findings of an audit: schemas/audit.schema.json. */
export interface AuditReport {
  profile: Profile;
  root: string;
  evidence: AuditEvidence;
  /** The ids of the profile's demand for this operating system. They hold for the rows that the profile requires. */
  controls: ProfileControl[];
  /** The worst verdict of the rows that the profile requires. */
  verdict: RowVerdict;
  /** The running ptrace_scope; null for a tree that doesn't run. */
  running: PtraceScope | null;
  /** The value after the next boot, by what this tree's init runs. */
  nextBoot: NextBoot;
  /** What loads sysctl.d at boot. */
  loading: BootLoading;
  /** The loader that init runs, and those that are installed. */
  loaders: InstalledLoader[];
  /** Every line on the key, once for each loader of `loaders`; for each loader that is known, if none is installed. */
  assignments: SysctlAssignment[];
  /** The provenance of each file of `assignments`. */
  provenance: Provenance[];
  rows: AuditRow[];
}

/** A loader, and the value that it would bring. */
export interface InstalledLoader {
  loader: SysctlLoader;
  /** `at-boot`: init runs the loader. `by-hand`: an administrator may run the loader, but init does not, or may not. */
  use: 'at-boot' | 'by-hand';
  /** The value after a boot on which this loader runs. */
  sets: NextBoot;
}

/** @throws TracegateError `ERR_TRACEGATE_AUDIT` */
export function checkedRoot(root: string): string {
  if (typeof root !== 'string' || root === '') throw badOption('root', 'a directory', root);
  const failure = (why: string, cause?: unknown) =>
    new TracegateError('ERR_TRACEGATE_AUDIT', `--root ${JSON.stringify(root)}: ${why}`, { cause });
  try {
    const path = realpathSync(root);
    if (!statSync(path).isDirectory()) throw failure('it is no directory: unpack or mount the image first');
    if (openFileTree(path === '/' ? '' : path).resolve('/etc').kind !== 'directory')
      throw failure('it has no /etc: is it the root of a file system?');
    return path;
  } catch (error) {
    if (isSystemError(error)) throw failure(error.message, error);
    throw error;
  }
}

/** Why no line can set ptrace_scope, or may not: the kernel lacks Yama. Null: the kernel is not known to lack it. */
function lackOfYama({ running, treeYama }: Observations): LackOfYama | null {
  if (running?.ptraceScope.state === 'absent' || treeYama?.isThere === false) return { isCertain: true };
  return treeYama?.isThere === 'unknown' ? { isCertain: false, because: treeYama.because } : null;
}

function rowsOf(observed: Observations, { ptraceScope: required }: Profile): AuditRow[] {
  const { running, ptraceScope: config } = observed;
  const scope = running?.ptraceScope ?? null;
  const lack = lackOfYama(observed);
  return [
    runningRow(scope, required),
    nextBootRow(lack, config, required),
    ...(required.explicit ? [explicitRow(config.assignments, required)] : []),
    loadingRow(config),
    ...otherWriterRows(config.others),
    driftRow(scope, config),
    ...(lack?.isCertain ? [] : [...byHandRows(config, required), loadersAgreeRow(config)]),
    yamaRow(observed),
    suidDumpableRow(observed),
    corePatternRow(running),
    kernelRow(running),
    userNamespacesRow(running),
    capabilityFilesRow(observed),
    capabilityProcessesRow(running),
  ];
}

const OPTIONS: OptionKinds<AuditOptions> = {
  profile: {
    wanted: 'the name of a profile, a JSON file, or a profile',
    accepts: value => typeof value === 'string' || (typeof value === 'object' && value !== null),
  },
  root: text('a directory'),
};

/**
 * Reports the running value of `kernel.yama.ptrace_scope`, the value after the next boot, the line that decides, and the verdict
 * of a profile. Further rows report other settings that weaken ptrace_scope.
 *
 * Applies to: the running host, or a tree of files. Nothing is changed.
 *
 * Kernel: security/yama/yama_lsm.c, yama_init_sysctl(); the loaders' rules are in docs/sysctl.md
 *
 * @throws TracegateError `ERR_TRACEGATE_AUDIT` if `root` isn't a root directory, or the profile can't be read
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`, also for a profile that schemas/profile.schema.json doesn't describe
 * @throws SystemError or SyscallError as observe(), for the running host
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/audit.md
 * @example
 * ```js
 * import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { audit } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-')); // an unpacked image
 * mkdirSync(join(root, 'etc/sysctl.d'), { recursive: true });
 * writeFileSync(join(root, 'etc/sysctl.d/50-yama.conf'), 'kernel.yama.ptrace_scope = 1\n');
 * const { loading, assignments } = await audit({ profile: 'cis', root }); // without root: the running system
 * console.log(loading.state, assignments[0]?.file); // nothing-loads /etc/sysctl.d/50-yama.conf
 * rmSync(root, { recursive: true });
 * ```
 */
export async function audit(options: AuditOptions = {}): Promise<AuditReport> {
  const { profile = 'cis', root = '/' } = checkedOptions(options, OPTIONS);
  const loaded = await loadProfile(profile);
  return auditorOf(root)(loaded);
}

interface LoadedProfile {
  profile: Profile;
  /** As a command takes it; null for an object. */
  name: string | null;
}

/** @throws as audit() for a profile */
export async function loadProfile(wanted: string | Profile): Promise<LoadedProfile> {
  if (typeof wanted !== 'string') return { profile: await checkProfile(wanted, 'the object'), name: null };
  return { profile: await findProfile(wanted), name: isProfileFile(wanted) ? resolve(wanted) : wanted };
}

/**
 * Looks at a root once, for any number of profiles.
 *
 * @throws as audit() for a root
 */
export function auditorOf(given: string): (profile: LoadedProfile) => AuditReport {
  const root = checkedRoot(given);
  const tree = openFileTree(root === '/' ? '' : root);
  const observed = observe(tree, root);
  const { ptraceScope: config } = observed;
  const { loading, assignments } = config;
  const now = new Date();
  const files = [...new Set(assignments.map(({ file }) => file))].sort();
  const provenance = provenanceOf(tree, files);
  return ({ profile, name }) => {
    const evidence = evidenceOf(tree, root, { path: name, version: profile.version ?? null }, now);
    const rows = rowsOf(observed, profile).map(row => withWaiver(row, profile.waivers ?? [], now));
    return {
      profile,
      root,
      evidence,
      controls: (profile.controls ?? []).filter(({ os }) => isFor(os, evidence.os)),
      verdict: verdictOf(rows),
      running: observed.running?.ptraceScope ?? null,
      nextBoot: config.atBoot,
      loading,
      loaders: config.loaders.map(loader => ({
        loader,
        use: loading.state === 'loads' && loading.loader === loader ? 'at-boot' : 'by-hand',
        sets: config.nextBoot[loader],
      })),
      assignments,
      provenance,
      rows,
    };
  };
}
