import { release } from 'node:os';
import { observe as observeHost, type SnapshotFacts } from '../../kernel/host.js';
import { textOf } from '../../kernel/proc-files.js';
import type { PtraceScope } from '../../kernel/ptrace-scope.js';
import { readPtraceScope } from '../../kernel/yama.js';
import { bootEntries } from '../boot/entries.js';
import { hasYama, type KernelConfig, kernelConfigs } from '../boot/kernel-config.js';
import { type BootConfig, nextBootConfig } from '../boot/next-boot.js';
import { type CapabilityFiles, ptraceCapabilityFiles } from '../tree/capability-files.js';
import type { FileTree } from '../tree/file-tree.js';
import { remembering } from '../tree/remembering.js';

/** The facts of the running system that the audit uses. */
export interface Running {
  ptraceScope: PtraceScope;
  kernelRelease: string;
  lsms: string[] | null;
  /** Values of keys of /proc/sys; null if a key is missing or can't be read. */
  sysctl: Record<(typeof RUNNING_KEYS)[number], string | null>;
  snapshot: SnapshotFacts;
}

/** All facts that the rows judge. */
export interface Observations {
  /** Null for a tree that doesn't run. */
  running: Running | null;
  /** Yama in the kernels of the tree, with the command lines of its boot entries; null if neither tells. */
  treeYama: { file: string; isThere: boolean } | { file: string; isThere: 'unknown'; because: string } | null;
  ptraceScope: BootConfig;
  suidDumpable: BootConfig;
  capabilityFiles: CapabilityFiles;
}

const RUNNING_KEYS = [
  'fs/suid_dumpable',
  'kernel/core_pattern',
  'user/max_user_namespaces',
  'kernel/unprivileged_userns_clone',
  'kernel/apparmor_restrict_unprivileged_userns',
] as const;

function observeRunning(): Running {
  const sysctl = Object.fromEntries(RUNNING_KEYS.map(key => [key, textOf(`/proc/sys/${key}`)]));
  const snapshot = observeHost();
  return {
    ptraceScope: readPtraceScope(),
    kernelRelease: release(),
    lsms: snapshot.host.lsms,
    sysctl: sysctl as Running['sysctl'],
    snapshot,
  };
}

/** A kernel with Yama in CONFIG_LSM. Without a configuration, only a command line can tell that Yama is left out. */
const LISTED: KernelConfig = { file: '', isBuiltIn: true, isListed: true, commandLine: '' };

/** Whether Yama runs with every kernel and every boot entry of the tree, with none, or only with some. */
function treeYama(tree: FileTree): Observations['treeYama'] {
  const { entries, unreadable } = bootEntries(tree);
  const kernels = kernelConfigs(tree);
  const boots = entries.length > 0 ? entries : [{ file: '', commandLine: '' }];
  const [first = LISTED] = kernels;
  const answers = (kernels.length > 0 ? kernels : [LISTED]).flatMap(kernel =>
    boots.map(({ file, commandLine }) => ({
      file: kernel.file || file,
      entry: file,
      isThere: hasYama(kernel, commandLine),
    })),
  );
  const without = answers.find(({ isThere }) => !isThere);
  if (without === undefined) {
    if (kernels.length === 0) return null;
    if (unreadable.length === 0) return { file: first.file, isThere: true };
    const because = "it is built in, but the kernel command lines, which may have lsm=, can't all be read";
    return { file: first.file, isThere: 'unknown', because };
  }
  if (answers.every(({ isThere }) => !isThere)) return { file: without.file, isThere: false };
  const because = `${[...new Set([without.file, without.entry])].filter(name => name !== '').join(' with ')} has no Yama, and another boot has it`;
  return { file: without.file, isThere: 'unknown', because };
}

/** @param root the directory of the tree; `/` for the running system */
export function observe(present: FileTree, root: string): Observations {
  const tree = remembering(present);
  const running = root === '/' ? observeRunning() : null;
  const commandLine = running === null ? null : textOf('/proc/cmdline');
  return {
    running,
    treeYama: treeYama(tree),
    ptraceScope: nextBootConfig(tree, 'kernel.yama.ptrace_scope', commandLine),
    suidDumpable: nextBootConfig(tree, 'fs.suid_dumpable', commandLine),
    capabilityFiles: ptraceCapabilityFiles(root),
  };
}
