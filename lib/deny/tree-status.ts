import { type NodeExposure, nodeExposure } from '../kernel/node-exposure.js';
import { openingOptions } from '../kernel/node-flags.js';
import { assertPid } from '../kernel/pid.js';
import { processTree, type TreeEntry } from '../kernel/process-tree.js';
import { type TraceStatus, traceStatus } from '../kernel/trace-status.js';
import type { ChannelName } from './channel.js';

/** A process of a tree, and the channels by which neighbours can trace or read it. Every process may see these facts. */
export interface TreeMember extends TraceStatus, TreeEntry {
  /** `closed` if both `openBy` and `perhapsOpenBy` are empty; `unknown` for a process that doesn't exist. */
  state: 'closed' | 'open' | 'unknown';
  /** Channels that are seen to be open. */
  openBy: ChannelName[];
  /** Channels whose state isn't visible from outside, such as a Node inspector that denyTracing() may have closed. */
  perhapsOpenBy: ChannelName[];
  /** Null: the process is no Node. */
  node: NodeExposure | null;
}

/** The channels that a Node opened at its start. After denyTracing() the command line still shows them. */
function channelsOf(node: NodeExposure | null): ChannelName[] {
  if (node === null) return [];
  const bySignal = node.sigusr1 === 'handled' || node.sigusr1 === null ? ['inspector' as const] : [];
  return [...new Set([...bySignal, ...openingOptions(node.flags).map(({ opens }) => opens)])];
}

function memberOf(entry: TreeEntry): TreeMember {
  const status = traceStatus(entry.pid);
  if (status.status === 'no-such-process')
    return { ...entry, ...status, state: 'unknown', openBy: [], perhapsOpenBy: [], node: null };
  if (status.status === 'not-traceable')
    return { ...entry, ...status, state: 'closed', openBy: [], perhapsOpenBy: [], node: null };
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
 * Reports which processes of a tree are closed to neighbours, and the channels by which the others are open. The call only
 * reads files of /proc that everybody may read. A descendant that ends meanwhile is left out. If no process has the pid,
 * the one member has the status `no-such-process`.
 *
 * Applies to: a process and its descendants, of any uid.
 *
 * Kernel: fs/proc/array.c, do_task_stat() and task_sig(); fs/proc/base.c, task_dump_owner()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 * @throws SystemError `ENOENT`, `EACCES` if /proc can't be listed
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import { spawn } from 'node:child_process';
 * import { treeStatus } from 'tracegate/snapshot';
 *
 * const child = spawn('sleep', ['60']);
 * const tree = treeStatus(process.pid);
 * console.log(tree.find(({ pid }) => pid === child.pid).depth); // 1
 * child.kill();
 * ```
 */
export function treeStatus(pid: number): TreeMember[] {
  assertPid(pid);
  const isLeftOut = ({ depth, status }: TreeMember) => depth > 0 && status === 'no-such-process';
  return processTree(pid)
    .map(memberOf)
    .filter(member => !isLeftOut(member));
}
