import { writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { badOption, TracegateError } from '../../errors.js';
import { lockDirectory } from '../../kernel/directory-lock.js';
import { observe } from '../../kernel/host.js';
import { isSystemError, textOf } from '../../kernel/proc-files.js';
import { type PtraceScope, type PtraceScopeValue, parsePtraceScope } from '../../kernel/ptrace-scope.js';
import { readPtraceScope } from '../../kernel/yama.js';
import { BOOLEAN, checkedOptions, type OptionKinds, SCOPE, text } from '../../options.js';
import { checkedRoot } from '../audit.js';
import { nextBootConfig } from '../boot/next-boot.js';
import type { NextBoot, SysctlConfig, SysctlLoader } from '../sysctl/config.js';
import { type FileTree, openFileTree } from '../tree/file-tree.js';
import { HeldDirectory } from './held-directory.js';
import { type Impact, impactOf } from './impact.js';
import { type FileChange, type FilePlan, overlayOf, planFiles } from './plan.js';
import { ChangedMeanwhile, type Replacement, replaceFile } from './replacement.js';

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
  /** The paths of the old files, after the plan is applied. */
  kept: string[];
  /** The model's prediction for the next boot, with the changes. */
  nextBoot: Record<SysctlLoader, NextBoot>;
}

const KEY = 'kernel.yama.ptrace_scope';
const KNOB = '/proc/sys/kernel/yama/ptrace_scope';
const OPTIONS: OptionKinds<RemediateOptions> = {
  scope: SCOPE,
  root: text('a directory'),
  apply: BOOLEAN,
  allowIrreversible: BOOLEAN,
  allowDowngrade: BOOLEAN,
};

const failure = (message: string, cause?: unknown) =>
  new TracegateError('ERR_TRACEGATE_REMEDIATE', message, { cause });

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

const CHANGED = failure('the files changed meanwhile: make a new plan, and check it');

/** Replaces the files, checks the prediction against the new files, and sets the running value. A failure restores the files. */
function apply(tree: FileTree, root: string, plan: Remediation, commandLine: string | null): string[] {
  const done: Done[] = [];
  try {
    for (const { path, before, after } of plan.changes) done.push(replace(root, path, before, after));
    const { nextBoot } = nextBootConfig(tree, KEY, null, commandLine);
    if (JSON.stringify(nextBoot) !== JSON.stringify(plan.nextBoot)) throw CHANGED;
    if (plan.running !== null) writeRunning(plan.running.to);
  } catch (error) {
    const undone = undo(done);
    if (!isSystemError(error) && !(error instanceof TracegateError)) throw error;
    throw failure(`${error.message}; ${undone}`, error);
  } finally {
    for (const { directory } of done) directory.close();
  }
  return done.flatMap(({ path, replacement: { kept } }) =>
    kept === null ? [] : [join(root, posix.dirname(path), kept)],
  );
}

/** A replaced file, and its directory, which stays open for an undo. */
interface Done {
  path: string;
  directory: HeldDirectory;
  replacement: Replacement;
}

function hold(root: string, path: string): HeldDirectory {
  try {
    return HeldDirectory.open(root === '' ? '/' : root, path);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOTDIR') throw error;
    throw failure(
      `${path} is no directory, or there is a link on the way to it that leads nowhere in this tree: make it a directory first`,
      error,
    );
  }
}

function replace(root: string, path: string, before: string | null, after: string): Done {
  const directory = hold(root, posix.dirname(path));
  try {
    const replacement = replaceFile(directory, posix.basename(path), before, after);
    return { path, directory, replacement };
  } catch (error) {
    directory.close();
    throw error instanceof ChangedMeanwhile ? CHANGED : error;
  }
}

function undo(done: Done[]): string {
  const left: string[] = [];
  for (const { path, replacement } of done.reverse()) {
    try {
      replacement.undo();
    } catch (error) {
      if (error instanceof ChangedMeanwhile) left.push(`${path} (another process has changed it)`);
      else if (isSystemError(error)) left.push(`${path} (${error.message})`);
      else throw error;
    }
  }
  return left.length === 0 ? 'nothing is changed' : `these could not be put back: ${left.join(', ')}`;
}

function possible(plan: FilePlan): FileChange[] {
  if (plan.impossible !== null) throw failure(`no change of files achieves it: ${plan.impossible}`);
  return plan.changes;
}

/**
 * Plans the smallest change that sets `kernel.yama.ptrace_scope` now and after the next boot, whichever loader runs. With `apply`
 * the change is made. Each file is replaced atomically, also if the machine crashes, and the old files are kept.
 *
 * With `apply` the root directory is locked (flock(2)) before the plan is made and until the end, so two runs can't interfere.
 *
 * Applies to: the running host, or a tree of files. It is changed only with `apply`.
 *
 * Kernel: security/yama/yama_lsm.c, yama_dointvec_minmax(); the loaders' rules are in docs/sysctl.md
 *
 * @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if the change is impossible or fails, or another run holds the lock; the
 *   message says whether anything is changed
 * @throws ConsentError `ERR_TRACEGATE_CONSENT` if a consent is missing; nothing is changed
 * @throws TracegateError `ERR_TRACEGATE_AUDIT` if `root` isn't a root directory; nothing is changed
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SystemError or SyscallError as observe(), for the running host
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @see docs/audit.md
 * @example
 * ```js
 * import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { remediate } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-')); // an unpacked image
 * mkdirSync(join(root, 'etc'));
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
    const { plan, tree, commandLine } = planFor(options.scope, root);
    const missing = plan.consents.filter(consent => options[consent] !== true);
    if (missing.length > 0) throw new ConsentError(missing);
    const kept = apply(tree, root === '/' ? '' : root, plan, commandLine);
    return { ...plan, applied: true, kept };
  } finally {
    unlock();
  }
}

/**
 * Locks a tree. Without the lock, two runs could plan from files that the other is changing, and undo the other's work.
 *
 * @returns a function that ends the lock
 * @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if another process holds the lock, or the directory can't be locked
 */
function lockTree(root: string): () => void {
  const lock = lockDirectory(root);
  if (lock.state === 'locked') return lock.end;
  if (lock.state === 'failed')
    throw failure(`${root} can't be locked against another run (flock: ${lock.code}); nothing is changed`);
  const { by } = lock;
  const who = by === null ? 'a process that is not seen' : `process ${by.pid} (${by.comm ?? '?'})`;
  throw failure(
    `${who} holds the lock of ${root}, probably another tracegate remediate; nothing is changed: try again when it has ended`,
  );
}

interface Planned {
  plan: Remediation;
  tree: FileTree;
  commandLine: string | null;
}

function planFor(scope: PtraceScopeValue, root: string): Planned {
  const tree = openFileTree(root === '/' ? '' : root);
  const isLive = root === '/';
  const commandLine = isLive ? textOf('/proc/cmdline') : null;
  const running = isLive ? runningScope() : null;
  const before = nextBootConfig(tree, KEY, null, commandLine);
  const changes = possible(planFiles(tree, scope, commandLine));
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
    nextBoot: nextBootConfig(overlayOf(tree, changes), KEY, null, commandLine).nextBoot,
  };
  return { plan, tree, commandLine };
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
 * import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { ConsentError, remediate } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-'));
 * mkdirSync(join(root, 'etc'));
 * try {
 *   remediate({ scope: 3, root, apply: true });
 * } catch (error) {
 *   console.log(error instanceof ConsentError, error.missing); // true [ 'allowIrreversible' ]
 * }
 * rmSync(root, { recursive: true });
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
