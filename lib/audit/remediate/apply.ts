import { existsSync, rmdirSync } from 'node:fs';
import { posix } from 'node:path';
import { TracegateError } from '../../errors.js';
import { isSystemError } from '../../kernel/proc-files.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { FileTree } from '../tree/file-tree.js';
import { placeOf } from '../tree/overlay.js';
import type { FileChange } from './edits.js';
import { HeldDirectory } from './held-directory.js';
import {
  ChangedMeanwhile,
  type Replacement,
  removeIfThere,
  replaceFile,
  textIn,
  writeWhole,
} from './replacement.js';
import { failure } from './tree-lock.js';
import { isToBeKept, parseRecord, RECORD, recordWith, type UndoRecord } from './undo-record.js';

export const changedMeanwhile = (): TracegateError =>
  failure('the files changed meanwhile: make a new plan, and check it');

/** Opens a directory of the tree that may be missing. `root` is '' for /. */
function hold(root: string, path: string): HeldDirectory {
  try {
    return HeldDirectory.open(root || '/', path, true);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOTDIR') throw error;
    throw failure(
      `${path} is no directory, or there is a link on the way to it that leads nowhere in this tree: make it a directory first`,
      error,
    );
  }
}

/** Calls a function with a directory of the tree that is there. */
export function within<T>(root: string, path: string, act: (directory: HeldDirectory) => T): T {
  const directory = HeldDirectory.open(root || '/', path, false);
  try {
    return act(directory);
  } finally {
    directory.close();
  }
}

/** A replaced file, and its directory, which stays open for an undo. */
interface Done {
  path: string;
  directory: HeldDirectory;
  replacement: Replacement;
}

function replace(root: string, { path, before, after }: FileChange, keeps: boolean): Done {
  const directory = hold(root, posix.dirname(path));
  try {
    return {
      path,
      directory,
      replacement: replaceFile(directory, posix.basename(path), before, after, keeps),
    };
  } catch (error) {
    directory.close();
    throw error instanceof ChangedMeanwhile ? changedMeanwhile() : error;
  }
}

/** The steps that put everything back, the last one first. */
function undo(steps: readonly (readonly [path: string, step: () => void])[]): string {
  const left: string[] = [];
  for (const [path, step] of steps) {
    try {
      step();
    } catch (error) {
      if (error instanceof ChangedMeanwhile) left.push(`${path} (another process has changed it)`);
      else if (isSystemError(error)) left.push(`${path} (${error.message})`);
      else throw error;
    }
  }
  return left.length === 0 ? 'nothing is changed' : `these could not be put back: ${left.join(', ')}`;
}

/** Removes a directory of the tree, unless it has files of others. */
export function removeEmptyDirectory(root: string, path: string): void {
  try {
    within(root, posix.dirname(path), above => {
      const directory = above.at(posix.basename(path));
      if (existsSync(directory)) rmdirSync(directory);
    });
  } catch (error) {
    if (!isSystemError(error) || !['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}

/** The place of the record, and its text; null if there is none. */
export function readRecord(
  tree: FileTree,
  root: string,
): { path: string; text: string | null; record: UndoRecord | null } {
  const path = placeOf(tree, RECORD);
  const text = within(root, posix.dirname(path), directory => textIn(directory, posix.basename(path)));
  const record = text === null ? null : parseRecord(text);
  if (text !== null && record === null)
    throw failure(`${path} is no record of tracegate remediate: move it away first; nothing is changed`);
  return { path, text, record };
}

/**
 * Replaces the files of a plan, after a record for the undo, and then calls `verify`. If a step fails, or `verify` throws, all
 * is put back.
 *
 * @param root '' for /
 */
export function applyChanges(
  tree: FileTree,
  root: string,
  changes: readonly FileChange[],
  running: PtraceScopeValue | null,
  verify: () => void,
): UndoRecord | null {
  const done: Done[] = [];
  const { path, text, record } = readRecord(tree, root);
  const next = changes.length === 0 ? record : recordWith(record, changes, tree, running);
  const made = next?.directories.filter(directory => tree.resolve(directory).kind === 'missing') ?? [];
  const putRecord = (content: string | null) =>
    within(root, posix.dirname(path), directory => {
      if (content === null) removeIfThere(directory.at(posix.basename(path)));
      else writeWhole(directory, posix.basename(path), content);
    });
  try {
    if (next !== record) putRecord(`${JSON.stringify(next, null, 1)}\n`);
    for (const change of changes) done.push(replace(root, change, isToBeKept(record, change)));
    verify();
    for (const { replacement } of done) replacement.finish();
  } catch (error) {
    const undone = undo([
      ...done.toReversed().map(one => [one.path, () => one.replacement.undo()] as const),
      ...made.map(directory => [directory, () => removeEmptyDirectory(root, directory)] as const),
      [path, () => (next === record ? undefined : putRecord(text))],
    ]);
    if (!isSystemError(error) && !(error instanceof TracegateError)) throw error;
    throw failure(`${error.message}; ${undone}`, error);
  } finally {
    for (const { directory } of done) directory.close();
  }
  return next;
}
