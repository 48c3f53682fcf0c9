import type { PtraceScopeValue } from '../kernel/yama.js';
import { type LoaderUse, loaderUse } from './boot.js';
import type { FileTree } from './file-tree.js';
import { COMMAND_LINE } from './kernel-command-line.js';
import { nextBootConfig } from './next-boot.js';
import { overlay, placeOf } from './overlay.js';
import type { NextBoot, SysctlLoader } from './sysctl-config.js';

export interface FileChange {
  /** In the tree, with the links of its directory followed. */
  path: string;
  /** Latin1, as the tree has it. Null: the file is new. */
  before: string | null;
  after: string;
  why: string;
}

export type FilePlan = { changes: FileChange[]; impossible: null } | { changes: []; impossible: string };

const KEY = 'kernel.yama.ptrace_scope';
/** The first that wins is taken. Loaders sort by name, bytewise. */
const NAMES = ['99', 'zz', 'zzzz'].map(rank => `/etc/sysctl.d/${rank}-tracegate-ptrace-scope.conf`);
/** What decides after our own file: a line of sysctl.conf, of ufw, of a name behind ours. More than these is no plan. */
const MOST_EDITS = 16;

const dropIn = (
  scope: PtraceScopeValue,
) => `# Who may trace a process: Documentation/admin-guide/LSM/Yama.rst of the kernel.
# Written by \`tracegate remediate --scope ${scope}\`; \`tracegate audit\` tells what becomes of it.
${KEY} = ${scope}
`;

const isInstalled = (use: Record<SysctlLoader, LoaderUse>) => (loader: SysctlLoader) =>
  use[loader] !== 'not-installed';

/** What a loader that is there, or where none is both, would not bring. */
function dissenters(
  tree: FileTree,
  scope: PtraceScopeValue,
  commandLine: string | null,
): [SysctlLoader, NextBoot][] {
  const { nextBoot } = nextBootConfig(tree, KEY, '1', commandLine);
  const loaders: SysctlLoader[] = ['systemd-sysctl', 'procps'];
  const installed = loaders.filter(isInstalled(loaderUse(tree)));
  return (installed.length > 0 ? installed : loaders)
    .filter(loader => {
      const next = nextBoot[loader];
      return next.state === 'unknown' || next.value !== `${scope}`;
    })
    .map(loader => [loader, nextBoot[loader]]);
}

function textAt(tree: FileTree, path: string): string | null {
  const content = tree.read(path);
  return content.kind === 'text' ? content.text : null;
}

function withoutLine(text: string, line: number): string {
  const lines = text.split('\n');
  lines[line - 1] = `# ${lines[line - 1]} # by tracegate remediate`;
  return lines.join('\n');
}

/** The line that decides in spite of our file, as a comment. */
function edit(tree: FileTree, loader: SysctlLoader, next: NextBoot): FileChange | string {
  if (next.state === 'unknown')
    return `what ${loader} would bring is unknown, and has to be known first: ${next.because.join('; ')}`;
  const { file, line, value } = next;
  if (file === COMMAND_LINE)
    return `the kernel's command line sets ${value}, which no file changes: take sysctl.${KEY}= from the boot loader's configuration`;
  if (file === null || line === null) return `${loader} would bring ${value}, and no line tells why`;
  const found = tree.resolve(file);
  const before = textAt(tree, file);
  if (found.kind !== 'file' || before === null) return `${file} decides for ${loader}, and can't be read`;
  const why = `line ${line} would set ${value} after every file of sysctl.d, for ${loader}`;
  return { path: found.path, before, after: withoutLine(before, line), why };
}

/**
 * The least change of files by which every loader of the tree brings that value at the next boot: none, one file of our own,
 * or that and the lines in comments that would still override it. Tried on the model, so that it is what the loaders would do.
 */
export function planFiles(tree: FileTree, scope: PtraceScopeValue, commandLine: string | null): FilePlan {
  const unmet = dissenters(tree, scope, commandLine);
  if (unmet.length === 0) return { changes: [], impossible: null };
  for (const path of NAMES) {
    const change = own(tree, path, scope);
    if (dissenters(overlay(tree, new Map([[change.path, change.after]])), scope, commandLine).length === 0)
      return { changes: [change], impossible: null };
  }
  const changes = new Map<string, FileChange>();
  const first = own(tree, NAMES[0] as string, scope);
  changes.set(first.path, first);
  for (let edits = 0; edits < MOST_EDITS; edits++) {
    const changed = overlay(tree, new Map([...changes].map(([path, { after }]) => [path, after])));
    const [dissenter] = dissenters(changed, scope, commandLine);
    if (dissenter === undefined) return { changes: [...changes.values()], impossible: null };
    const next = edit(changed, ...dissenter);
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
