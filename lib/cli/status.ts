import { type NodeDoors, nodeDoors } from '../kernel/node-doors.js';
import { type TraceStatus, traceStatus } from '../kernel/trace-status.js';
import { type PtraceScope, readPtraceScope } from '../kernel/yama.js';
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

function describeStatus({ status, tracerPid, dumpable }: TraceStatus): string {
  if (status === 'traced') return colour('red', `traced, by process ${tracerPid}`);
  if (status === 'disabled')
    return colour('green', 'disabled: it is not dumpable, only CAP_SYS_PTRACE gets in');
  if (status === 'enabled')
    return colour('yellow', 'enabled: it is dumpable, the rules for its uid and the scope decide');
  return `unknown: ${dumpable === null && tracerPid !== null ? "not to be seen from outside (it runs as root, in another user namespace, or isn't an ordinary process)" : '/proc hides it'}`;
}

const SIGUSR1_MEANING = {
  handled: colour(
    'yellow',
    "opens Node's inspector to every uid of this machine, unless the program listens for it itself",
  ),
  ignored: 'is ignored',
  blocked: 'is blocked (--disable-sigusr1)',
  default: 'ends it',
} as const;

function describeDoors({ sigusr1, flags }: NodeDoors): string[][] {
  const rows = [['SIGUSR1', sigusr1 === null ? 'not to be seen' : SIGUSR1_MEANING[sigusr1]]];
  return flags.length === 0 ? rows : [...rows, ['opened by', colour('yellow', printable(flags.join(' ')))]];
}

function run(operands: string[], values: Values): ExitCode {
  if (operands.length > 1)
    throw new UsageError('status takes one PID at most: for many use `tracegate probe PID…`');
  const scope = readPtraceScope();
  const process = operands[0] === undefined ? null : traceStatus(parsePid(operands[0]));
  const node = process === null ? null : nodeDoors(process.pid);
  if (values.json) printJson({ ptraceScope: scope, process, node });
  else {
    const rows = [['ptrace_scope', describeScope(scope)]];
    if (process !== null) {
      rows.unshift(
        ['process', `${process.pid}${process.comm === null ? '' : ` ${printable(process.comm)}`}`],
        ['tracing', describeStatus(process)],
        ...(node === null ? [] : describeDoors(node)),
      );
    }
    console.log(table(rows));
  }
  return scope.state === 'unknown' || process?.status === 'unknown' ? 3 : 0;
}

export const status: Command = {
  name: 'status',
  operands: '[PID]',
  summary: "what a process' own switch and this kernel's ptrace_scope say",
  details: [
    'Looks from outside, as anybody can, and touches nothing.',
    'Exit code: 0, or 3 if it cannot be seen.',
  ],
  options: {},
  run,
};
