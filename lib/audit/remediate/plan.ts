import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { FileTree } from '../tree/file-tree.js';
import { overlay } from '../tree/overlay.js';
import { editOf, type FileChange, OWN_FILES, ownFile } from './edits.js';
import { obstacles } from './obstacles.js';

export type FilePlan = { changes: FileChange[]; impossible: null } | { changes: []; impossible: string };

/** The most lines that a plan changes. */
const MOST_EDITS = 16;

/** The tree as it is after the changes. */
export const overlayOf = (tree: FileTree, changes: readonly FileChange[]): FileTree =>
  overlay(tree, new Map(changes.map(({ path, after }) => [path, after])));

interface Candidate {
  changes: FileChange[];
  /** Files that a plan should rather leave alone: unchanged conffiles, and those that take the place of a package's file. */
  lastResorts: number;
}

/** Beginning with `first`, changes one obstacle after the other. @returns a text if that is impossible */
function candidate(
  tree: FileTree,
  first: FileChange | null,
  scope: PtraceScopeValue,
  commandLine: string | null,
): Candidate | string {
  const changes = new Map(first === null ? [] : [[first.path, first]]);
  const lastResorts = new Set<string>();
  for (let edits = 0; edits <= MOST_EDITS; edits++) {
    const changed = overlayOf(tree, [...changes.values()]);
    const [obstacle] = obstacles(changed, scope, commandLine);
    if (obstacle === undefined) {
      const made = [...changes.values()].filter(({ before, after }) => before !== after);
      return { changes: made, lastResorts: lastResorts.size };
    }
    const edit = editOf(changed, obstacle, scope);
    if (typeof edit === 'string') return edit;
    const { change, isLastResort } = edit;
    const earlier = changes.get(change.path);
    const why = earlier === undefined ? change.why : `${earlier.why}; ${change.why}`;
    // In the changed tree a file of ours is there already.
    changes.set(change.path, {
      ...change,
      before: earlier === undefined ? change.before : earlier.before,
      why,
    });
    if (isLastResort) lastResorts.add(change.path);
  }
  return `more than ${MOST_EDITS} lines override each other`;
}

const isSmaller = (one: Candidate, other: Candidate): boolean =>
  one.changes.length !== other.changes.length
    ? one.changes.length < other.changes.length
    : one.lastResorts < other.lastResorts;

/**
 * Plans the smallest change of files with which every loader of the tree sets `scope` at the next boot. A line that is there
 * is changed before a file is added, and no file of a package is changed. The model checks each candidate.
 */
export function planFiles(tree: FileTree, scope: PtraceScopeValue, commandLine: string | null): FilePlan {
  if (obstacles(tree, scope, commandLine).length === 0) return { changes: [], impossible: null };
  let smallest: Candidate | null = null;
  const reasons: string[] = [];
  for (const first of [null, ...OWN_FILES.map(path => ownFile(tree, path, scope))]) {
    const next = candidate(tree, first, scope, commandLine);
    if (typeof next === 'string') reasons.push(next);
    else if (smallest === null || isSmaller(next, smallest)) smallest = next;
  }
  if (smallest !== null) return { changes: smallest.changes, impossible: null };
  return { changes: [], impossible: reasons.at(-1) ?? 'no candidate' };
}
