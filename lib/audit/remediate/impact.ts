import type { SnapshotFacts } from '../../kernel/host.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { type RunningTracer, runningTracers } from '../../policy/access/running-tracers.js';
import { DEBUGGERS } from '../../policy/debuggers.js';
import type { FileTree } from '../tree/file-tree.js';

/** A tool that traces, and that is installed in the tree. */
export interface InstalledTool {
  name: string;
  path: string;
  /** The function of the tool that no longer works for an ordinary user. */
  loses: string;
}

/** The tracers and tools that a change of ptrace_scope affects. */
export interface Impact {
  tracers: RunningTracer[];
  tools: InstalledTool[];
}

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() and yama_ptrace_traceme() */
function losesAt(scope: PtraceScopeValue, starts: boolean): string | null {
  if (scope === 0) return null;
  if (scope === 3) return starts ? 'everything, also as root' : 'attaching, also as root';
  const attach = scope === 2 ? 'attaching to any process' : 'attaching to a process that it did not start';
  return scope === 2 && starts ? `${attach}, and starting one under it` : attach;
}

function installedTools(tree: FileTree, from: PtraceScopeValue, to: PtraceScopeValue): InstalledTool[] {
  const tracing = Object.entries(DEBUGGERS).filter(([, { by }]) => by === 'ptrace');
  return tracing.flatMap(([name, { start }]) => {
    const starts = start !== null;
    const loses = losesAt(to, starts);
    if (to <= from || loses === null || loses === losesAt(from, starts)) return [];
    const path = DIRECTORIES.map(directory => `${directory}/${name}`).find(
      one => tree.resolve(one).kind === 'file',
    );
    return path === undefined ? [] : [{ name, path, loses }];
  });
}

/** Predicts the effect of a change of ptrace_scope. `snapshot` is null for a tree that doesn't run. */
export function impactOf(
  tree: FileTree,
  snapshot: SnapshotFacts | null,
  from: PtraceScopeValue,
  to: PtraceScopeValue,
): Impact {
  return {
    tracers: snapshot === null || to <= from ? [] : runningTracers(snapshot, to),
    tools: installedTools(tree, from, to),
  };
}
