import { type TreeMember, treeStatus } from '../deny/tree-status.js';
import { type NodeExposure, nodeExposure } from '../kernel/node-exposure.js';
import type { PtraceScope } from '../kernel/ptrace-scope.js';
import { type TraceStatus, traceStatus } from '../kernel/trace-status.js';
import { readPtraceScope } from '../kernel/yama.js';
import { type Command, type ExitCode, parsePid, UsageError, type Values } from './command.js';
import { colour, printable, printJson, table } from './output.js';

const SCOPE_MEANING = {
  0: 'every process of the same uid may attach to one that is dumpable',
  1: 'only ancestors, declared tracers and holders of CAP_SYS_PTRACE may attach',
  2: 'only holders of CAP_SYS_PTRACE may attach',
  3: 'nobody may attach, until the next boot',
} as const;

export function describeScope(scope: PtraceScope): string {
  if (scope.state === 'absent')
    return 'no Yama in this kernel: every process of the same uid may attach to one that is dumpable';
  if (scope.state === 'unknown') return `unknown: ${scope.cause}`;
  return `${scope.value} (${scope.name}): ${SCOPE_MEANING[scope.value]}`;
}

function describeStatus({ status, pid, tracerPid, tracedThreads, dumpable }: TraceStatus): string {
  if (status === 'no-such-process')
    return `no process has pid ${pid}: it has ended, or this is its pid inside a container (ps -e lists pids)`;
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
  const pid = operands[0] === undefined ? null : parsePid(operands[0]);
  if (values.tree && pid === null) throw new UsageError('--tree needs a PID: tracegate status --tree PID');
  const scope = readPtraceScope();
  const process = pid === null ? null : traceStatus(pid);
  const node = pid === null ? null : nodeExposure(pid);
  const tree = pid !== null && values.tree ? treeStatus(pid) : null;
  if (values.json) printJson('status', { ptraceScope: scope, process, node, tree });
  else {
    const own = process === null || tree !== null ? [] : describeProcess(process, node);
    console.log(table([...own, ['ptrace_scope', describeScope(scope)]]));
    if (tree !== null) console.log(`\n${table(tree.map(describeMember))}`);
  }
  if (scope.state === 'unknown') return 3;
  if (tree !== null) return treeExitCode(tree);
  if (process?.status === 'no-such-process') return 1;
  return process?.status === 'unknown' ? 3 : 0;
}

export const status: Command = {
  name: 'status',
  operands: '[PID]',
  summary: "shows whether a process may be traced: its own switch, and this kernel's ptrace_scope",
  details: [
    'It looks from outside, as any user can, and changes nothing.',
    'Exit code: 0; 1 no process has the pid; 3 it cannot be seen. With --tree: 0 all are closed, 1 one is open, 3 one may be.',
  ],
  options: {
    tree: {
      type: 'boolean',
      help: 'for the process and all that it started: closed, or the channels that are open',
    },
  },
  run,
};
