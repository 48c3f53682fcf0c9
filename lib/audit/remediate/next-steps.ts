import { posix } from 'node:path';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { quoted } from '../../printable.js';
import type { BootConfig } from '../boot/next-boot.js';
import type { FileTree } from '../tree/file-tree.js';
import type { FileChange } from './edits.js';
import { inButane } from './platforms.js';

/** What is left to the administrator after a change. */
export interface NextStep {
  /** A command, or a text that belongs into a file. */
  command: string;
  why: string;
}

const BIN = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Each distribution's own command, by the program that the tree has. dracut's comes first: Debian's package of it has both. */
const INITRD_COMMANDS: readonly [program: string, command: string][] = [
  ['dracut', 'dracut -f --regenerate-all'],
  ['update-initramfs', 'update-initramfs -u -k all'],
  ['mkinitcpio', 'mkinitcpio -P'],
];

const hasProgram = (tree: FileTree, name: string) =>
  BIN.some(directory => tree.resolve(`${directory}/${name}`).kind === 'file');

/** The words that run a command in the tree. */
const inTree = (root: string, command: string) =>
  root === '/' ? command : `chroot ${quoted(root)} ${command}`;

/** An initrd may set the value before the loader of the system does, from a copy of the files. */
function initrd(tree: FileTree, root: string): NextStep[] {
  const command = INITRD_COMMANDS.find(([program]) => hasProgram(tree, program))?.[1];
  const why = 'a 3 in a copy of these files, which an initrd may have, can’t be lowered after it';
  return command === undefined ? [] : [{ command: inTree(root, command), why: `rebuild the initrd: ${why}` }];
}

/** SELinux gives a new file the label that the policy has for its directory. restorecon(8) gives the file's own label. */
function labels(tree: FileTree, root: string, changes: readonly FileChange[]): NextStep[] {
  const config = tree.read('/etc/selinux/config');
  const [, type] = (config.kind === 'text' && /^\s*SELINUXTYPE=(\w+)/m.exec(config.text)) || [];
  if (type === undefined || /^\s*SELINUX=disabled/m.test(config.kind === 'text' ? config.text : ''))
    return [];
  const contexts = `/etc/selinux/${type}/contexts/files/file_contexts`;
  const made = changes.filter(({ before }) => before === null).map(({ path }) => path);
  if (made.length === 0 || tree.resolve(contexts).kind !== 'file') return [];
  const at = (path: string) => quoted(posix.join(root, path));
  const command =
    root === '/'
      ? `restorecon -F ${made.map(at).join(' ')}`
      : `setfiles -F -r ${quoted(root)} ${at(contexts)} ${made.map(at).join(' ')}`;
  return [{ command, why: 'gives the new file the label that the SELinux policy has for it' }];
}

/** True if the value is 3 now, or would have been 3 by a line. */
const lowers3 = (before: BootConfig, running: PtraceScopeValue | null): boolean =>
  running === 3 || before.assignments.some(({ value, fate }) => Number(value) === 3 && fate !== 'not-read');

/** True if the initrd may still set another value, so that the next boot is unknown until it is rebuilt. */
const isInInitrd = ({ others }: BootConfig): boolean =>
  others.writers.some(({ kind, mayChange }) => kind === 'initrd' && mayChange);

/** What is to be done after the change, in this order. */
export function nextSteps(
  tree: FileTree,
  root: string,
  changes: readonly FileChange[],
  before: BootConfig,
  after: BootConfig,
  running: PtraceScopeValue | null,
  scope: PtraceScopeValue,
): NextStep[] {
  if (changes.length === 0 && running === null) return [];
  const butane = inButane(tree, scope);
  return [
    ...labels(tree, root, changes),
    ...(isInInitrd(after) || (scope !== 3 && lowers3(before, running)) ? initrd(tree, root) : []),
    ...(butane === null ? [] : [{ command: butane.text, why: `for ${butane.where}` }]),
  ];
}
