import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { FileTree } from '../tree/file-tree.js';
import type { FileChange } from './edits.js';
import { KEPT } from './replacement.js';

/** What a file was, and what it became. Hashes are of SHA-256, in hexadecimal. */
export interface RecordedChange {
  path: string;
  /** The hash of the old file; null if there was none. */
  before: string | null;
  /** The hashes of the texts that were written there, one after the other. */
  after: string[];
}

/** What `remediate --undo` needs. It is written before the first change, so that a killed run can be undone too. */
export interface UndoRecord {
  schemaVersion: 1;
  changes: RecordedChange[];
  /** Directories that were made. */
  directories: string[];
  /** The running value before the first change; null for a tree that doesn't run. */
  running: PtraceScopeValue | null;
}

/** No loader reads this file, and no line of it has the key. */
export const RECORD = '/etc/tracegate-remediate.json';

export const hashOf = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

export const keptPath = (path: string): string => `${path}${KEPT}`;

/** True if the text is one that was written there, and no longer the administrator's. */
const isOurs = ({ after }: RecordedChange, text: string | null): boolean =>
  text !== null && after.includes(hashOf(text));

/** Whether the file as it is now has to be kept: not if it is new, or a text of an earlier run. */
export function isToBeKept(record: UndoRecord | null, { path, before }: FileChange): boolean {
  const earlier = record?.changes.find(one => one.path === path);
  return before !== null && (earlier === undefined || !isOurs(earlier, before));
}

/** The record of all changes since the last undo, with those of a plan. */
export function recordWith(
  record: UndoRecord | null,
  changes: readonly FileChange[],
  tree: FileTree,
  running: PtraceScopeValue | null,
): UndoRecord {
  const recorded = new Map(record?.changes.map(change => [change.path, change]));
  for (const change of changes) {
    const { path, before, after } = change;
    const earlier = recorded.get(path);
    const isAgain = earlier !== undefined && before !== null && !isToBeKept(record, change);
    recorded.set(path, {
      path,
      before: isAgain ? earlier.before : before === null ? null : hashOf(before),
      after: [...(isAgain ? earlier.after : []), hashOf(after)],
    });
  }
  const made = changes
    .map(({ path }) => posix.dirname(path))
    .filter(directory => tree.resolve(directory).kind === 'missing');
  return {
    schemaVersion: 1,
    changes: [...recorded.values()],
    directories: [...new Set([...(record?.directories ?? []), ...made])],
    running: record === null ? running : record.running,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isPath = (value: unknown): value is string =>
  isText(value) && value.startsWith('/') && posix.normalize(value) === value;
const isChange = (value: unknown): value is RecordedChange => {
  const { path, before, after } = (value ?? {}) as Partial<Record<keyof RecordedChange, unknown>>;
  return isPath(path) && (before === null || isText(before)) && Array.isArray(after) && after.every(isText);
};

/** @returns null if the text is no record */
export function parseRecord(text: string): UndoRecord | null {
  let value: Partial<Record<keyof UndoRecord, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { schemaVersion, changes, directories, running } = value ?? {};
  const isRecord =
    schemaVersion === 1 &&
    Array.isArray(changes) &&
    changes.every(isChange) &&
    Array.isArray(directories) &&
    directories.every(isPath) &&
    (running === null || [0, 1, 2, 3].includes(running as number));
  return isRecord ? (value as unknown as UndoRecord) : null;
}
