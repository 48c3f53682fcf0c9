import { release } from 'node:os';
import { observe as observeHost, type SnapshotFacts } from '../../kernel/host.js';
import { textOf } from '../../kernel/proc-files.js';
import type { PtraceScope } from '../../kernel/ptrace-scope.js';
import { readPtraceScope } from '../../kernel/yama.js';
import { type BootConfig, nextBootConfig } from '../boot/next-boot.js';
import { type TreeYama, treeYama } from '../boot/tree-yama.js';
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
  treeYama: TreeYama | null;
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
