import { release } from 'node:os';
import { observe as observeHost, type SnapshotFacts } from '../../kernel/host.js';
import { textOf } from '../../kernel/proc-files.js';
import type { PtraceScope } from '../../kernel/ptrace-scope.js';
import { readPtraceScope } from '../../kernel/yama.js';
import { bootEntries } from '../boot/entries.js';
import { hasYama, type KernelConfig, kernelConfigs } from '../boot/kernel-config.js';
import { type BootConfig, nextBootConfig } from '../boot/next-boot.js';
import { installedLoaders } from '../boot/sysctl-program.js';
import type { SysctlLoader } from '../sysctl/config.js';
import { type CapabilityFiles, ptraceCapabilityFiles } from '../tree/capability-files.js';
import type { FileTree } from '../tree/file-tree.js';

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
  treeYama: { file: string; isThere: boolean | 'unknown' } | null;
  /** The loaders that are installed. */
  installed: SysctlLoader[];
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

/** The first kernel of the tree that lacks Yama with a boot entry, else the first for which this isn't known. */
function treeYama(tree: FileTree): Observations['treeYama'] {
  const { entries, unreadable } = bootEntries(tree);
  const kernels = kernelConfigs(tree);
  // Without a configuration, only a command line can tell that Yama is left out.
  const without = entries.find(({ commandLine }) => !hasYama(LISTED, commandLine));
  if (kernels.length === 0) return without === undefined ? null : { file: without.file, isThere: false };
  const lines = entries.length > 0 ? entries.map(({ commandLine }) => commandLine) : [''];
  const lacking = kernels.find(kernel => !lines.every(line => hasYama(kernel, line)));
  const { file } = lacking ?? (kernels[0] as KernelConfig);
  return { file, isThere: lacking === undefined && (unreadable.length === 0 || 'unknown') };
}

/** A kernel with Yama in CONFIG_LSM. */
const LISTED: KernelConfig = { file: '', isBuiltIn: true, isListed: true, commandLine: '' };

/** @param root the directory of the tree; `/` for the running system */
export function observe(tree: FileTree, root: string): Observations {
  const running = root === '/' ? observeRunning() : null;
  const commandLine = running === null ? null : textOf('/proc/cmdline');
  return {
    running,
    treeYama: treeYama(tree),
    installed: installedLoaders(tree),
    ptraceScope: nextBootConfig(tree, 'kernel.yama.ptrace_scope', null, commandLine),
    suidDumpable: nextBootConfig(tree, 'fs.suid_dumpable', '0', commandLine),
    capabilityFiles: ptraceCapabilityFiles(root),
  };
}
