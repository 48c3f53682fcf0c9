import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { COMMAND_LINE } from '../sysctl/kernel-command-line.js';
import type { FileTree } from '../tree/file-tree.js';
import { placeOf } from '../tree/overlay.js';
import { KEY, type Obstacle } from './obstacles.js';

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

/** A change, and whether a file with a name of ours would be better where it has the same effect. */
export interface Edit {
  change: FileChange;
  isLastResort: boolean;
}

/** Names for our file, from which a plan takes the first that serves. Loaders sort names bytewise. */
export const OWN_FILES = ['99', 'zz', 'zzzz'].map(
  rank => `/etc/sysctl.d/${rank}-tracegate-ptrace-scope.conf`,
);

const OWN_DIRECTORY = '/etc/sysctl.d';
const OWN_HEADER = '# Who may trace a process: Documentation/admin-guide/LSM/Yama.rst of the kernel.\n';

const dropIn = (scope: PtraceScopeValue) =>
  `${OWN_HEADER}# Written by \`tracegate remediate --scope ${scope}\`; \`tracegate audit\` shows the resulting value.
${KEY} = ${scope}
`;

/** The text of a file; null if the file is missing or can't be read. */
function textAt(tree: FileTree, path: string): string | null {
  const content = tree.read(path);
  return content.kind === 'text' ? content.text : null;
}

/** Our own file, new or changed. */
export function ownFile(tree: FileTree, path: string, scope: PtraceScopeValue): FileChange {
  const why = `sets ${scope} for each loader`;
  return { path: placeOf(tree, path), before: textAt(tree, path), after: dropIn(scope), why };
}

/** /usr and /lib belong to the packages, and /usr/local to the administrator (FHS 4.9, Debian Policy 9.1.2). */
const isOfPackages = (path: string) => /^\/(usr\/(?!local\/)|lib\w*\/|nix\/|gnu\/)/.test(path);

/** True if dpkg would replace this file without a question, because it is as its package brought it. */
function isUnchangedConffile(tree: FileTree, path: string, text: string): boolean {
  try {
    const sum = createHash('md5').update(text, 'latin1').digest('hex');
    return textAt(tree, '/var/lib/dpkg/status')?.includes(`\n ${path} ${sum}`) ?? false;
  } catch {
    // Node has no MD5 in FIPS mode. An edited file then costs a question of dpkg's.
    return false;
  }
}

const ASSIGNMENT = /^([ \t]*-?[ \t]*kernel([./])yama\2ptrace_scope[ \t]*=[ \t]*)[^\r\0]*?([ \t\r]*)$/;

/** The line with the wanted value. A pattern, or a line that has the value already, becomes a comment. */
function edited(line: string, scope: PtraceScopeValue): string {
  const changed = line.replace(ASSIGNMENT, `$1${scope}$3`);
  return changed === line ? `# ${line} # by tracegate remediate` : changed;
}

function withLine(text: string, at: number, scope: PtraceScopeValue): string {
  const lines = text.split('\n');
  lines[at - 1] = edited(lines[at - 1] ?? '', scope);
  return lines.join('\n');
}

/** A file of the same name in /etc, which both loaders read instead of the file of a package. */
function override(
  tree: FileTree,
  file: string,
  text: string,
  line: number,
  scope: PtraceScopeValue,
  why: string,
) {
  const path = `${OWN_DIRECTORY}/${posix.basename(file)}`;
  const others = text.split('\n').filter((other, at) => at !== line - 1 && !/^\s*([#;]|$)/.test(other));
  const copy = `# A copy of ${file} by \`tracegate remediate\`, with another ${KEY}. Loaders read only this file.\n`;
  const after = others.length === 0 ? dropIn(scope) : copy + withLine(text, line, scope);
  const because = `${why}, in ${file}, which belongs to a package: a file of this name is read instead`;
  return {
    change: { path: placeOf(tree, path), before: null, after, why: because },
    isLastResort: true,
  };
}

/** Changes the line of an obstacle. @returns a text if that is impossible */
export function editOf(tree: FileTree, obstacle: Obstacle, scope: PtraceScopeValue): Edit | string {
  const { file, line } = obstacle;
  if (file === COMMAND_LINE)
    return `the kernel's command line ${obstacle.why}, which no file changes: take sysctl.${KEY}= from the boot loader's configuration`;
  if (file === null) return obstacle.why;
  const found = tree.resolve(file);
  const before = textAt(tree, file);
  if (line === null || found.kind !== 'file' || before === null)
    return `${file} ${obstacle.why}, and can't be changed`;
  const why = `line ${line} ${obstacle.why}`;
  if (isOfPackages(found.path)) {
    const isOverridable = isOfPackages(file) && posix.basename(posix.dirname(file)) === 'sysctl.d';
    if (isOverridable && tree.resolve(`${OWN_DIRECTORY}/${posix.basename(file)}`).kind === 'missing')
      return override(tree, file, before, line, scope, why);
    return `${why}, in ${found.path}, which belongs to a package and is read as ${file}: make ${file} a file of your own first`;
  }
  if (before.startsWith(OWN_HEADER) && before !== dropIn(scope))
    return {
      change: { path: found.path, before, after: dropIn(scope), why: `sets ${scope} for each loader` },
      isLastResort: false,
    };
  const after = withLine(before, line, scope);
  const isComment = after.split('\n')[line - 1]?.startsWith('# ') === true;
  return {
    change: { path: found.path, before, after, why },
    isLastResort: isComment || isUnchangedConffile(tree, found.path, before),
  };
}
