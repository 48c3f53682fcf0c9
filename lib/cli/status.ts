import { type TreeMember, treeStatus } from '../deny/tree-status.js';
import { type NodeExposure, nodeExposure } from '../kernel/node-exposure.js';
import { type TraceStatus, traceStatus } from '../kernel/trace-status.js';
import { readPtraceScope } from '../kernel/yama.js';
import { type CommandBody, type ExitCode, NAMES, USAGE, UsageError, type Values } from './command.js';
import { colour, printable, printJson, table, textWidth } from './output.js';
import { pidOf } from './processes.js';
import { describeScope } from './scope-text.js';

function describeStatus({ status, pid, kind, tracerPid, tracedThreads, dumpable }: TraceStatus): string {
  if (status === 'no-such-process')
    return `no process has pid ${pid}: it has ended, or this is its pid inside a container (ps -e lists pids)`;
  if (status === 'not-traceable')
    return colour(
      'green',
      kind === 'zombie'
        ? 'not traceable: it is a zombie, which has ended and waits only for its parent'
        : 'not traceable: it is a kernel thread, to which no process may attach',
    );
  if (status === 'traced') {
    const thread = tracedThreads?.find(each => each.tracerPid === tracerPid);
    return colour(
      'red',
      `traced, by process ${tracerPid}${thread ? `, which is attached to its thread ${thread.tid}` : ''}`,
    );
  }
  if (status === 'disabled')
    return colour('green', 'disabled: it is not dumpable, so only a holder of CAP_SYS_PTRACE may attach');
  if (status === 'enabled')
    return colour('yellow', 'enabled: it is dumpable, so the rules for its uid and ptrace_scope decide');
  if (kind === 'zombie')
    return `unknown: its first thread has ended, but others run: probe those (ls /proc/${pid}/task)`;
  if (kind === 'exiting') return 'unknown: it is about to end';
  return `unknown: ${dumpable === null && tracerPid !== null ? "not visible from outside (it runs as root, in another user namespace, or isn't an ordinary process)" : '/proc hides it'}`;
}

const SIGUSR1_MEANING = {
  handled: colour(
    'yellow',
    "opens Node's inspector to every uid of this machine, unless the program handles the signal itself",
  ),
  ignored: 'is ignored',
  blocked: 'is blocked (--disable-sigusr1)',
  default: 'ends it',
} as const;

function describeExposure({ sigusr1, flags }: NodeExposure): string[][] {
  const rows = [['SIGUSR1', sigusr1 === null ? 'not visible' : SIGUSR1_MEANING[sigusr1]]];
  return flags.length === 0 ? rows : [...rows, ['opened by', colour('yellow', printable(flags.join(' ')))]];
}

const STATE_COLOURS = { closed: 'green', open: 'red', unknown: 'yellow' } as const;

function describeMember(member: TreeMember): string[] {
  const { pid, comm, depth, state, openBy, perhapsOpenBy, status } = member;
  if (status === 'no-such-process') return [`${pid}`, describeStatus(member)];
  const ways = [
    ...(openBy.length === 0 ? [] : [`by ${openBy.join(', ')}`]),
    ...(perhapsOpenBy.length === 0 ? [] : [`perhaps by ${perhapsOpenBy.join(', ')}`]),
  ];
  const name = `${'  '.repeat(depth)}${pid}${comm === null ? '' : ` ${printable(comm)}`}`;
  return [name, colour(STATE_COLOURS[state], state), ways.join('; ')];
}

/** Exit code 1 if a member of the tree is open, or if there is no tree. */
function treeExitCode(tree: readonly TreeMember[]): ExitCode {
  if (tree.some(({ status }) => status === 'no-such-process')) return 1;
  if (tree.some(({ state }) => state === 'open')) return 1;
  return tree.some(({ state }) => state === 'unknown') ? 3 : 0;
}

function describeProcess(process: TraceStatus, node: NodeExposure | null): string[][] {
  return [
    ['process', `${process.pid}${process.comm === null ? '' : ` ${printable(process.comm)}`}`],
    ['tracing', describeStatus(process)],
    ...(node === null ? [] : describeExposure(node)),
  ];
}

function run(operands: string[], values: Values): ExitCode {
  if (operands.length > 1)
    throw new UsageError('status takes one PID at most: for many use `tracegate probe PID…`');
  const pid = operands[0] === undefined ? null : pidOf(operands[0], values);
  if (values.tree && pid === null) throw new UsageError('--tree needs a PID: tracegate status --tree PID');
  const scope = readPtraceScope();
  const process = pid === null ? null : traceStatus(pid);
  const node = pid === null ? null : nodeExposure(pid);
  const tree = pid !== null && values.tree ? treeStatus(pid) : null;
  if (values.json) printJson('status', { ptraceScope: scope, process, node, tree });
  else {
    const own = process === null || tree !== null ? [] : describeProcess(process, node);
    console.log(table([...own, ['ptrace_scope', describeScope(scope)]], textWidth()));
    if (tree !== null) console.log(`\n${table(tree.map(describeMember), textWidth())}`);
  }
  if (scope.state === 'unknown') return 3;
  if (tree !== null) return treeExitCode(tree);
  if (process?.status === 'no-such-process') return 1;
  return process?.status === 'unknown' ? 3 : 0;
}

export const status: CommandBody = {
  details: ['It looks from outside, as any user can, and changes nothing.', NAMES],
  exitCodes: [
    ['0', 'done; with --tree: all are closed'],
    ['1', 'there is no such process; with --tree also: one is open'],
    USAGE,
    ['3', 'it cannot be seen; with --tree: one may be open'],
  ],
  options: {
    tree: {
      type: 'boolean',
      help: 'for the process and all that it started: closed, or the channels that are open',
    },
  },
  run,
};
