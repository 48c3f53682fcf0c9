import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { nextBootConfig } from '../boot/next-boot.js';
import { installedLoaders } from '../boot/sysctl-program.js';
import type { NextBoot, SysctlAssignment, SysctlLoader } from '../sysctl/config.js';
import { COMMAND_LINE } from '../sysctl/kernel-command-line.js';
import type { FileTree } from '../tree/file-tree.js';
import { overlay, placeOf } from '../tree/overlay.js';

/** The change of one file. */
export interface FileChange {
  /** The path in the tree, after the links of its directory are followed. */
  path: string;
  /** The old text in latin1; null if the file is new. */
  before: string | null;
  /** The new text in latin1. */
  after: string;
  why: string;
}

export type FilePlan = { changes: FileChange[]; impossible: null } | { changes: []; impossible: string };

const KEY = 'kernel.yama.ptrace_scope';
/** Candidate names for our file. The plan takes the first name with which our line wins. Loaders sort names bytewise. */
const NAMES = ['99', 'zz', 'zzzz'].map(rank => `/etc/sysctl.d/${rank}-tracegate-ptrace-scope.conf`);
/** The most lines that a plan turns into comments. These are lines read after our file, as in sysctl.conf or ufw's files. */
const MOST_EDITS = 16;

const dropIn = (
  scope: PtraceScopeValue,
) => `# Who may trace a process: Documentation/admin-guide/LSM/Yama.rst of the kernel.
# Written by \`tracegate remediate --scope ${scope}\`; \`tracegate audit\` shows the resulting value.
${KEY} = ${scope}
`;

/** The tree as it is after the changes. */
export const overlayOf = (tree: FileTree, changes: readonly FileChange[]): FileTree =>
  overlay(tree, new Map(changes.map(({ path, after }) => [path, after])));

/** A line because of which a loader would not set the wanted value. `file` is null if there is no such line. */
interface Obstacle {
  loader: SysctlLoader;
  file: string | null;
  line: number | null;
  why: string;
}

function obstacleOf(loader: SysctlLoader, next: NextBoot, scope: PtraceScopeValue): Obstacle[] {
  if (next.state === 'unknown') {
    const why = `the value that ${loader} would set is unknown, and must be known first: ${next.because.join('; ')}`;
    return [{ loader, file: null, line: null, why }];
  }
  if (next.value === `${scope}`) return [];
  return [{ loader, file: next.file, line: next.line, why: `would set ${next.value} last, for ${loader}` }];
}

/** After 3 the kernel refuses every other value. A loader with such a line reports failure. */
function refused(assignments: readonly SysctlAssignment[], loader: SysctlLoader): Obstacle[] {
  return assignments
    .filter(one => one.loader === loader && one.fate === 'refused' && one.writer !== 'kernel')
    .map(({ file, line, value }) => ({
      loader,
      file,
      line,
      why: `sets ${value} after 3, so that ${loader} fails`,
    }));
}

/** The obstacles for each installed loader. If no loader is installed, both loaders count. */
function obstacles(tree: FileTree, scope: PtraceScopeValue, commandLine: string | null): Obstacle[] {
  const { nextBoot, assignments } = nextBootConfig(tree, KEY, null, commandLine);
  const loaders: SysctlLoader[] = ['systemd-sysctl', 'procps'];
  const installed = installedLoaders(tree);
  return (installed.length > 0 ? installed : loaders).flatMap(loader => [
    ...obstacleOf(loader, nextBoot[loader], scope),
    ...(scope === 3 ? refused(assignments, loader) : []),
  ]);
}

/** The text of a file; null if the file is missing or can't be read. */
export function textAt(tree: FileTree, path: string): string | null {
  const content = tree.read(path);
  return content.kind === 'text' ? content.text : null;
}

function withoutLine(text: string, line: number): string {
  const lines = text.split('\n');
  lines[line - 1] = `# ${lines[line - 1]} # by tracegate remediate`;
  return lines.join('\n');
}

/** Turns the line of an obstacle into a comment. @returns a text if that is impossible */
function withoutObstacle(tree: FileTree, { loader, file, line, why }: Obstacle): FileChange | string {
  if (file === COMMAND_LINE)
    return `the kernel's command line ${why}, which no file changes: take sysctl.${KEY}= from the boot loader's configuration`;
  if (file === null) return why;
  const found = tree.resolve(file);
  const before = textAt(tree, file);
  if (line === null || found.kind !== 'file' || before === null)
    return `${file} decides for ${loader}, and can't be read`;
  return { path: found.path, before, after: withoutLine(before, line), why: `line ${line} ${why}` };
}

/**
 * Plans the smallest change of files with which every loader of the tree sets `scope` at the next boot. The plan is no change,
 * or one file of our own, or our file and comments in place of lines that override it. The model checks each candidate.
 */
export function planFiles(tree: FileTree, scope: PtraceScopeValue, commandLine: string | null): FilePlan {
  if (obstacles(tree, scope, commandLine).length === 0) return { changes: [], impossible: null };
  for (const path of NAMES) {
    const change = own(tree, path, scope);
    if (obstacles(overlayOf(tree, [change]), scope, commandLine).length === 0)
      return { changes: [change], impossible: null };
  }
  const changes = new Map<string, FileChange>();
  const first = own(tree, NAMES[0] as string, scope);
  changes.set(first.path, first);
  for (let edits = 0; edits < MOST_EDITS; edits++) {
    const changed = overlayOf(tree, [...changes.values()]);
    const [obstacle] = obstacles(changed, scope, commandLine);
    if (obstacle === undefined)
      return {
        changes: [...changes.values()].filter(({ before, after }) => before !== after),
        impossible: null,
      };
    const next = withoutObstacle(changed, obstacle);
    if (typeof next === 'string') return { changes: [], impossible: next };
    const earlier = changes.get(next.path);
    const why = earlier === undefined ? next.why : `${earlier.why}; ${next.why}`;
    changes.set(next.path, { ...next, before: earlier?.before ?? next.before, why });
  }
  return { changes: [], impossible: `more than ${MOST_EDITS} lines override each other` };
}

function own(tree: FileTree, path: string, scope: PtraceScopeValue): FileChange {
  const place = placeOf(tree, path);
  const why = `sets ${scope} for both loaders`;
  return { path: place, before: textAt(tree, path), after: dropIn(scope), why };
}
