import { renameSync, unlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isSystemError } from '../../kernel/proc-files.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { BOOLEAN, checkedOptions, type OptionKinds, text } from '../../options.js';
import { checkedRoot } from '../audit.js';
import { openFileTree } from '../tree/file-tree.js';
import { readRecord, removeEmptyDirectory, within } from './apply.js';
import { ChangedMeanwhile, KEPT, removeLeftovers, removeSecondName, textIn } from './replacement.js';
import { failure, lockTree } from './tree-lock.js';
import { hashOf, keptPath, type RecordedChange, type UndoRecord } from './undo-record.js';

/** The tree whose changes are taken back, and whether that is done. */
export interface UndoOptions {
  /** As `root` of {@link remediate}. */
  root?: string;
  /** Makes the changes. Without `apply` the call only returns the plan. */
  apply?: boolean;
}

/** What undoRemediation() would change, or has changed: schemas/remediate-undo.schema.json. */
export interface UndoneRemediation {
  root: string;
  /** Files that get back their old content, owner, mode and attributes. */
  restored: string[];
  /** Files that were new, and the record of the changes. */
  removed: string[];
  /** The running value before the first change, which stays as it is; null for a tree that doesn't run. */
  runningBefore: PtraceScopeValue | null;
  /** True if the changes were made. */
  applied: boolean;
}

const OPTIONS: OptionKinds<UndoOptions> = { root: text('a directory'), apply: BOOLEAN };

/** What is left to do for a file: `nothing` if the change was never made, or is undone already. */
type Step = 'restore' | 'remove' | 'nothing';

function stepOf(root: string, { path, before, after }: RecordedChange): Step {
  const fault = (why: string) => failure(`${path} ${why}: put it right by hand; nothing is changed`);
  const hashIn = (name: string) =>
    within(root, posix.dirname(path), directory => {
      const content = textIn(directory, name);
      return content === null ? null : hashOf(content);
    });
  try {
    const now = hashIn(posix.basename(path));
    if (now === before) return 'nothing';
    if (now === null || !after.includes(now)) throw fault('was changed after tracegate remediate');
    if (before === null) return 'remove';
    if (hashIn(`${posix.basename(path)}${KEPT}`) === before) return 'restore';
  } catch (error) {
    if (error instanceof ChangedMeanwhile) throw fault('is no file any more');
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    if (before === null) return 'nothing';
  }
  throw fault(`can't be put back, since ${keptPath(path)} is not what it was`);
}

function undoStep(root: string, { path, before }: RecordedChange, step: Step): void {
  within(root, posix.dirname(path), directory => {
    const [name, kept] = [directory.at(posix.basename(path)), directory.at(`${posix.basename(path)}${KEPT}`)];
    if (step === 'restore') renameSync(kept, name);
    else if (step === 'remove') unlinkSync(name);
    // A run that was killed has linked the file, and not yet replaced it.
    else if (before !== null) removeSecondName(name, kept);
    removeLeftovers(directory);
    directory.sync();
  });
}

function makeUndo(root: string, record: UndoRecord, steps: Map<RecordedChange, Step>, path: string): void {
  for (const [change, step] of steps) {
    try {
      undoStep(root, change, step);
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'ENOENT' || step !== 'nothing') throw error;
    }
  }
  for (const directory of record.directories) removeEmptyDirectory(root, directory);
  within(root, posix.dirname(path), directory => unlinkSync(directory.at(posix.basename(path))));
}

/**
 * Undoes every change of files that {@link remediate} has made since the last undo: old files come back with their owner, mode
 * and attributes, and new ones are removed. Nothing is changed if another program has changed such a file since. The running
 * value stays.
 *
 * Applies to: the running host, or a tree of files. It is changed only with `apply`.
 *
 * @throws TracegateError `ERR_TRACEGATE_REMEDIATE` if there is nothing to undo, a file was changed since, or another run holds the lock
 * @throws TracegateError `ERR_TRACEGATE_AUDIT` if `root` isn't a root directory
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SystemError if a file can't be read or changed; a second call then finishes the undo
 * @see docs/audit.md
 * @example
 * ```js
 * import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { undoRemediation } from 'tracegate/audit';
 *
 * const root = mkdtempSync(join(tmpdir(), 'image-'));
 * mkdirSync(join(root, 'etc'));
 * try {
 *   console.log(undoRemediation({ root, apply: true }).restored);
 * } catch (error) {
 *   // There is nothing to undo.
 *   console.log(error.code); // ERR_TRACEGATE_REMEDIATE
 * }
 * rmSync(root, { recursive: true });
 * ```
 */
export function undoRemediation(given: UndoOptions = {}): UndoneRemediation {
  const options = checkedOptions(given, OPTIONS);
  const root = checkedRoot(options.root ?? '/');
  const at = root === '/' ? '' : root;
  const unlock = options.apply === true ? lockTree(root) : null;
  try {
    const { path, record } = readRecord(openFileTree(at), at);
    if (record === null) throw failure(`there is nothing to undo: no ${join(at, path)}; nothing is changed`);
    const steps = new Map(record.changes.map(change => [change, stepOf(at, change)]));
    const done = (step: Step) =>
      record.changes.filter(change => steps.get(change) === step).map(change => join(at, change.path));
    if (options.apply === true) makeUndo(at, record, steps, path);
    return {
      root,
      restored: done('restore'),
      removed: [...done('remove'), join(at, path)],
      runningBefore: record.running,
      applied: options.apply === true,
    };
  } finally {
    unlock?.();
  }
}
