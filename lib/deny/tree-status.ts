import { SyscallError } from '../errors.js';
import { type NodeExposure, nodeExposure } from '../kernel/node-exposure.js';
import { openingOptions } from '../kernel/node-flags.js';
import { assertPid } from '../kernel/pid.js';
import { processTree, type TreeEntry } from '../kernel/process-tree.js';
import { type TraceStatus, traceStatus } from '../kernel/trace-status.js';
import type { ChannelName } from './channel.js';

/** A process of a tree, and how others of its uid get in, as anybody sees it from outside. */
export interface TreeMember extends TraceStatus, TreeEntry {
  /** `closed` only where nothing is open, nor may be. */
  state: 'closed' | 'open' | 'unknown';
  openBy: ChannelName[];
  /** What doesn't show from outside: a Node that closed its inspector at SIGUSR1 looks as one that did not. */
  perhapsOpenBy: ChannelName[];
  node: NodeExposure | null;
}

/** The channels that a Node had open at its start. denyTracing() closes each of them, and the command line still names them. */
function channelsOf(node: NodeExposure | null): ChannelName[] {
  if (node === null) return [];
  const bySignal = node.sigusr1 === 'handled' || node.sigusr1 === null ? ['inspector' as const] : [];
  return [...new Set([...bySignal, ...openingOptions(node.flags).map(({ opens }) => opens)])];
}

function memberOf(entry: TreeEntry): TreeMember {
  const status = traceStatus(entry.pid);
  const node = nodeExposure(entry.pid);
  const openBy: ChannelName[] = [
    ...(status.dumpable ? ['dumpable' as const] : []),
    ...(status.tracerPid ? ['attached-tracer' as const] : []),
  ];
  const perhapsOpenBy: ChannelName[] = [
    ...(status.dumpable === null ? ['dumpable' as const] : []),
    ...(status.tracerPid === null ? ['attached-tracer' as const] : []),
    ...channelsOf(node),
  ];
  const state = openBy.length > 0 ? 'open' : perhapsOpenBy.length > 0 ? 'unknown' : 'closed';
  return { ...entry, ...status, state, openBy, perhapsOpenBy, node };
}

/**
 * Which processes of a tree are closed to others of their uid, and by which channel each open one is open, seen by anybody
 * and without touching them. One that ends meanwhile is left out.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_sig(); fs/proc/base.c, task_dump_owner()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SyscallError `ESRCH` if no process is seen to have that pid
 */
export function treeStatus(pid: number): TreeMember[] {
  assertPid(pid);
  return processTree(pid).flatMap(entry => {
    try {
      return [memberOf(entry)];
    } catch (error) {
      if (entry.depth > 0 && error instanceof SyscallError && error.code === 'ESRCH') return [];
      throw error;
    }
  });
}
