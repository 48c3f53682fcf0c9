import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badOption, TracegateError } from '../../errors.js';
import { observe } from '../../kernel/host.js';
import { textOf } from '../../kernel/proc-files.js';
import { type PtraceScope, type PtraceScopeValue, parsePtraceScope } from '../../kernel/ptrace-scope.js';
import { readPtraceScope } from '../../kernel/yama.js';
import { BOOLEAN, checkedOptions, type OptionKinds, SCOPE, text } from '../../options.js';
import { checkedRoot } from '../audit.js';
import { nextBootConfig } from '../boot/next-boot.js';
import type { NextBoot, SysctlConfig } from '../sysctl/config.js';
import { type FileTree, openFileTree } from '../tree/file-tree.js';
import { remembering } from '../tree/remembering.js';
import { applyChanges, changedMeanwhile } from './apply.js';
import type { FileChange } from './edits.js';
import { type Impact, impactOf } from './impact.js';
import { type NextStep, nextSteps } from './next-steps.js';
import { KEY } from './obstacles.js';
import { type FilePlan, overlayOf, planFiles } from './plan.js';
import { type Refusal, refusalOf } from './refusal.js';
import { failure, lockTree } from './tree-lock.js';
import { keptPath, type UndoRecord } from './undo-record.js';

/** The value that is wanted, and the consents to its effects. */
export interface RemediateOptions {
  scope: PtraceScopeValue;
  /** As `root` of {@link audit}. In a tree that doesn't run, only files are changed. */
  root?: string;
  /** Makes the changes. Without `apply` the call only returns the plan. */
  apply?: boolean;
  /** Consent to ptrace_scope 3, which can't be lowered before the next boot. */
  allowIrreversible?: boolean;
  /** Consent to a value that is weaker than the running value, or than the value after the next boot. */
  allowDowngrade?: boolean;
}

/** A consent that a plan needs in addition to `apply`. */
export type Consent = 'allowIrreversible' | 'allowDowngrade';

/** A plan, or a change that was made: schemas/remediate.schema.json. */
export interface Remediation {
  scope: PtraceScopeValue;
  root: string;
  /** The changes of files, in the order in which they are made. */
  changes: FileChange[];
  /** The change of the running value, made after the files; null if there is none. */
  running: { from: PtraceScopeValue; to: PtraceScopeValue } | null;
  /** The reason why the running value can't be changed to `scope`; null if it can. */
  runningStays: string | null;
  impact: Impact;
  /** The consents that the change needs. */
  consents: Consent[];
  /** True if the change was made. */
  applied: boolean;
  /** The paths of the old files that stay for an undo, after the plan is applied. */
  kept: string[];
  /** What is left to the administrator after the change. */
  nextSteps: NextStep[];
  /** The model's prediction for the next boot, with the changes. */
  nextBoot: NextBoot;
}

const KNOB = '/proc/sys/kernel/yama/ptrace_scope';
const OPTIONS: OptionKinds<RemediateOptions> = {
  scope: SCOPE,
  root: text('a directory'),
  apply: BOOLEAN,
  allowIrreversible: BOOLEAN,
  allowDowngrade: BOOLEAN,
};

function checked(options: RemediateOptions): RemediateOptions {
  const given = checkedOptions(options, OPTIONS);
  if (given.scope === undefined) throw badOption('scope', SCOPE.wanted, undefined);
  return given;
}

/** @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if the kernel has no Yama, or the running value is unknown */
function runningScope(): PtraceScopeValue {
  const scope: PtraceScope = readPtraceScope();
  if (scope.state === 'present') return scope.value;
  throw failure(
    scope.state === 'absent'
      ? 'this kernel runs without Yama, so there is no ptrace_scope to set: boot with yama in lsm= first (--root DIR changes files alone)'
      : `what runs is unknown: ${scope.cause}`,
  );
}

/** The strictest value that a loader would set at the next boot. */
function strictest(config: SysctlConfig): number {
  const values = Object.values(config.nextBoot).map(next => {
    // Without a line the kernel's own value holds, which is at most 1. Files that can't be read have no plan at all.
    if (next.state === 'unknown') return 1;
    const scope = parsePtraceScope(next.value);
    return scope.state === 'present' ? scope.value : 0;
  });
  return Math.max(...values);
}

function consentsFor(
  to: PtraceScopeValue,
  running: PtraceScopeValue | null,
  before: SysctlConfig,
): Consent[] {
  const consents: Consent[] = [];
  if (to === 3 && running !== 3) consents.push('allowIrreversible');
  if (to < Math.max(running ?? 0, strictest(before))) consents.push('allowDowngrade');
  return consents;
}

function writeRunning(to: PtraceScopeValue): void {
  writeFileSync(KNOB, `${to}\n`);
  const now = textOf(KNOB);
  if (now !== `${to}`) throw failure(`the kernel took ${to} and says ${now}`);
}

/** Replaces the files, checks the prediction against the new files, and sets the running value. A failure restores the files. */
function apply({ plan, tree, commandLine, expected }: Planned, root: string): string[] {
  const record = applyChanges(tree, root, plan.changes, plan.running?.from ?? null, () => {
    const { nextBoot } = nextBootConfig(tree, KEY, commandLine);
    if (JSON.stringify(nextBoot) !== JSON.stringify(expected)) throw changedMeanwhile();
    if (plan.running !== null) writeRunning(plan.running.to);
  });
  return keptBy(record, plan.changes).map(path => join(root, path));
}

const keptBy = (record: UndoRecord | null, changes: readonly FileChange[]): string[] =>
  changes.flatMap(({ path }) => {
    const recorded = record?.changes.find(one => one.path === path);
    return recorded === undefined || recorded.before === null ? [] : [keptPath(path)];
  });

function possible(plan: FilePlan): FileChange[] {
  if (plan.impossible !== null) throw failure(`no change of files achieves it: ${plan.impossible}`);
  return plan.changes;
}

/**
 * Plans the smallest change that sets `kernel.yama.ptrace_scope` now and after the next boot, whichever loader runs. With `apply`
 * the change is made. Each file is replaced atomically, also if the machine crashes. The old files are kept, for
 * {@link undoRemediation}. No file of a package is changed.
 *
 * With `apply` the root directory is locked (flock(2)) before the plan is made and until the end, so two runs can't interfere.
 *
 * Applies to: the running host, or a tree of files. It is changed only with `apply`.
 *
 * Kernel: security/yama/yama_lsm.c, yama_dointvec_minmax(); the loaders' rules are in docs/sysctl.md
 *
 * @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if the change is impossible or fails, or another run holds the lock; the
 *   message says whether anything is changed
 * @throws RefusedError `ERR_TRACEGATE_REMEDIATE` if a change of files makes no sense for this system; nothing is changed
 * @throws ConsentError `ERR_TRACEGATE_CONSENT` if a consent is missing; nothing is changed
 * @throws TracegateError `ERR_TRACEGATE_AUDIT` if `root` isn't a root directory; nothing is changed
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SystemError or SyscallError as observe(), for the running host
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/audit.md
 * @example
 * ```js
 * import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { remediate } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-')); // an unpacked image, whose init is systemd
 * const systemd = join(root, 'usr/lib/systemd');
 * for (const directory of ['etc', 'sbin', 'usr/lib/systemd/system']) mkdirSync(join(root, directory), { recursive: true });
 * for (const program of ['systemd', 'systemd-sysctl']) writeFileSync(join(systemd, program), '');
 * symlinkSync('/usr/lib/systemd/systemd', join(root, 'sbin/init'));
 * writeFileSync(join(systemd, 'system/default.target'), '[Unit]\nWants=systemd-sysctl.service\n');
 * const unit = '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/lib/systemd/systemd-sysctl\n';
 * writeFileSync(join(systemd, 'system/systemd-sysctl.service'), unit);
 *
 * const { changes, applied } = remediate({ scope: 1, root });
 * console.log(changes.map(({ path }) => path), applied); // [ '/etc/sysctl.d/99-tracegate-ptrace-scope.conf' ] false
 * rmSync(root, { recursive: true });
 * ```
 */
export function remediate(given: RemediateOptions): Remediation {
  const options = checked(given);
  const root = checkedRoot(options.root ?? '/');
  if (options.apply !== true) return planFor(options.scope, root).plan;
  const unlock = lockTree(root);
  try {
    const planned = planFor(options.scope, root);
    const { plan } = planned;
    const missing = plan.consents.filter(consent => options[consent] !== true);
    if (missing.length > 0) throw new ConsentError(missing);
    const kept = apply(planned, root === '/' ? '' : root);
    return { ...plan, applied: true, kept };
  } finally {
    unlock();
  }
}

interface Planned {
  plan: Remediation;
  tree: FileTree;
  commandLine: string | null;
  /** By loader. The value of the boot may also depend on when a file was changed. */
  expected: SysctlConfig['nextBoot'];
}

function planFor(scope: PtraceScopeValue, root: string): Planned {
  const present = openFileTree(root === '/' ? '' : root);
  const tree = remembering(present);
  const isLive = root === '/';
  const running = isLive ? runningScope() : null;
  const commandLine = isLive ? textOf('/proc/cmdline') : null;
  const before = nextBootConfig(tree, KEY, commandLine);
  const refusal = refusalOf(tree, before.loading, isLive, scope);
  if (refusal !== null) throw new RefusedError(root, scope, refusal);
  const changes = possible(planFiles(tree, scope, commandLine));
  const after = nextBootConfig(overlayOf(tree, changes), KEY, commandLine);
  const isStuck = running === 3 && scope !== 3;
  const hasToDo = changes.length > 0 || (running !== null && running !== scope);
  const plan: Remediation = {
    scope,
    root,
    changes,
    running: running === null || running === scope || isStuck ? null : { from: running, to: scope },
    runningStays: isStuck ? '3 can’t be lowered before the next boot' : null,
    impact: impactOf(tree, isLive ? observe() : null, running ?? 0, scope),
    consents: hasToDo ? consentsFor(scope, running, before) : [],
    applied: false,
    kept: [],
    nextSteps: nextSteps(tree, root, changes, before, after, running, scope),
    nextBoot: after.atBoot,
  };
  return { plan, tree: present, commandLine, expected: after.nextBoot };
}

/**
 * `ERR_TRACEGATE_REMEDIATE`: a change of files makes no sense for this system, which makes its /etc itself or doesn't read it.
 * Nothing was changed.
 *
 * @example
 * ```js
 * import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { RefusedError, remediate } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-'));
 * mkdirSync(join(root, 'etc'));
 * writeFileSync(join(root, 'etc/os-release'), 'ID=nixos\n');
 * try {
 *   remediate({ scope: 1, root });
 * } catch (error) {
 *   console.log(error instanceof RefusedError && error.refusal.instead.text); // boot.kernel.sysctl."kernel.yama.ptrace_scope" = 1;
 * }
 * rmSync(root, { recursive: true });
 * ```
 */
export class RefusedError extends TracegateError {
  readonly root: string;
  readonly scope: PtraceScopeValue;
  readonly refusal: Refusal;

  constructor(root: string, scope: PtraceScopeValue, refusal: Refusal) {
    super('ERR_TRACEGATE_REMEDIATE', `${refusal.system}: ${refusal.because}; nothing is changed`);
    this.root = root;
    this.scope = scope;
    this.refusal = refusal;
  }
}

const CONSENTS: Record<Consent, string> = {
  allowIrreversible: '3 holds until the next boot, for root as well (allowIrreversible: true)',
  allowDowngrade: 'it would be weaker than now, or than at the next boot (allowDowngrade: true)',
};

/**
 * `ERR_TRACEGATE_CONSENT`: the change needs options that are not given. Nothing was changed.
 *
 * @example
 * ```js
 * import { ConsentError } from 'tracegate/audit';
 *
 * const error = new ConsentError(['allowIrreversible']); // as remediate({ scope: 3, apply: true }) throws it
 * console.log(error.missing, error.code); // [ 'allowIrreversible' ] ERR_TRACEGATE_CONSENT
 * ```
 */
export class ConsentError extends TracegateError {
  /** The options that are missing. */
  readonly missing: readonly Consent[];

  constructor(missing: readonly Consent[]) {
    super('ERR_TRACEGATE_CONSENT', `not done: ${missing.map(one => CONSENTS[one]).join('; ')}`);
    this.missing = missing;
  }
}
