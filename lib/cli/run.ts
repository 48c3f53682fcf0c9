import { isAbsolute } from 'node:path';
import { importingNodeOptions } from '../deny/children.js';
import { becomeCommand, type ConfineWay, type DenyWay, type LaunchOptions } from '../kernel/launch.js';
import {
  conflictOf,
  LAUNCH_OPTIONS,
  type LaunchOptionName,
  refusalOf,
  takesValue,
  valuesShown,
} from '../kernel/launch-options.js';
import type { Ptracer } from '../kernel/ptracer.js';
import { packageUrl } from '../package-files.js';
import { type CommandBody, USAGE, UsageError, type Values } from './command.js';

/** The value of an option that the launcher takes too. */
function checked(name: LaunchOptionName, value: string): string {
  if (!takesValue(name, value)) throw new UsageError(refusalOf(name, value));
  return value;
}

const parsePtracer = (text: string): Ptracer | 'tree' =>
  text === 'any' || text === 'none' || text === 'tree' ? text : Number(text);

/** The environment for a Node program. Other programs ignore it. */
function grantEnvironment(path: string): Record<string, string> {
  if (!isAbsolute(path))
    throw new UsageError(`--grant-socket ${JSON.stringify(path)}: give an absolute path`);
  return {
    TRACEGATE_GRANT_SOCKET: path,
    NODE_OPTIONS: importingNodeOptions(process.env.NODE_OPTIONS, packageUrl('dist/grants.js')),
  };
}

function parseOptions(values: Values): LaunchOptions {
  const { deny, confine, 'report-fd': reportFd, ptracer, tree, core, 'grant-socket': grantSocket } = values;
  const options: LaunchOptions = {
    ...(typeof deny === 'string' && { deny: checked('deny', deny) as DenyWay }),
    ...(typeof confine === 'string' && { confine: checked('confine', confine) as ConfineWay }),
    ...(typeof reportFd === 'string' && { 'report-fd': Number(checked('report-fd', reportFd)) }),
    ...(typeof ptracer === 'string' && { ptracer: parsePtracer(checked('ptracer', ptracer)) }),
    ...(tree === true && { tree }),
    ...(typeof core === 'string' && { core: checked('core', core) as 'off' }),
    ...(typeof grantSocket === 'string' && { env: grantEnvironment(grantSocket) }),
  };
  const conflict = conflictOf(options);
  if (conflict !== null) throw new UsageError(conflict);
  return options;
}

function run(operands: string[], values: Values): never {
  const options = parseOptions(values);
  // Without `--`, an option of the command would count as an option of `run`.
  const separator = process.argv.indexOf('--');
  if (separator < 0 || process.argv.length - separator - 1 !== operands.length) {
    throw new UsageError('put -- before the command: tracegate run --deny -- CMD ARGS…');
  }
  if (operands.length === 0) throw new UsageError('run needs a command: tracegate run --deny -- CMD ARGS…');
  return becomeCommand(operands, options);
}

export const runCommand: CommandBody = {
  details: [
    '--deny=sealed executes an unreadable copy: the process and its forks are closed from the first instruction. A program that it executes is open again, unless that is its own /proc/self/exe, as for child_process.fork() of Node.',
    '--deny=detached does the same with a copy in memory, on a detached mount, to which other processes of the uid have no path. It needs unprivileged user namespaces and Linux 5.2.',
    '--deny=preload is for programs that must be readable: a library closes the process milliseconds after the exec. A program that it executes is closed too, unless that is static or set-id.',
    'None of them closes the inspector of Node, which SIGUSR1 opens: for Node add --import tracegate/deny.',
    '--confine is the other direction: the program and all that it starts can trace only each other, and no process outside (Landlock, Linux 5.19). From Linux 6.12 on they can neither signal a process outside nor connect to its abstract sockets. sudo and other set-id programs give no rights then (no_new_privs). Files and network stay as they are: docs/confine.md says what stays open.',
    '--confine closes what this kernel can close, and names the rest. --confine=all ends with 125 in place of that. The values tracing, signals (with tracing) and abstract-sockets (with tracing) close less, and best-effort starts the command unconfined where there is no Landlock.',
    'A process with CAP_SYS_PTRACE, which root usually has, reads it anyway. docs/launch.md lists the limits.',
    '--ptracer PID and any hold for the first process alone: a process that it starts has no declaration.',
    '--ptracer tree opens the tree: at ptrace_scope 1 each process of it may attach to each other one, read its memory and take its descriptors. A process outside of the tree stays refused. The tree is no boundary inside: a malicious program that any of its processes starts reads all of it.',
    '--ptracer tree and --tree preload a library, which declares after each exec and each fork(). It does not reach static and set-id programs, a clone() without exec, the children of a program without LD_PRELOAD, and other pid namespaces. If the first process ends, the others are closed to each other.',
  ],
  exitCodes: [
    ['N', "the command's own"],
    USAGE,
    ['125', 'it could not be done as asked'],
    ['126', 'the command is not executable'],
    ['127', 'the command was not found'],
  ],
  failure: 125,
  isTextOnly: true,
  options: {
    deny: {
      type: 'string',
      value: valuesShown('deny'),
      implied: LAUNCH_OPTIONS.deny.implied,
      help: 'other processes of its uid may not attach, read its memory or environment, or get its core',
    },
    confine: {
      type: 'string',
      value: valuesShown('confine'),
      implied: LAUNCH_OPTIONS.confine.implied,
      help: 'it may not trace, read or signal processes outside of its tree (docs/confine.md)',
    },
    'report-fd': {
      type: 'string',
      value: valuesShown('report-fd'),
      help: 'writes to this descriptor, as JSON, what --confine has closed and how that was tried',
    },
    ptracer: {
      type: 'string',
      value: valuesShown('ptracer'),
      help: 'the tracer that may attach at ptrace_scope 1, beside ancestors (PR_SET_PTRACER); tree: the processes of the command, to each other',
    },
    tree: {
      type: 'boolean',
      help: 'each process of the tree declares the tracer of --ptracer PID or any, and not the command alone',
    },
    'grant-socket': {
      type: 'string',
      value: 'PATH',
      help: 'for Node: a socket at which operators ask the app to allow a debugger (tracegate grant)',
    },
    core: {
      type: 'string',
      value: valuesShown('core'),
      help: 'neither a core file nor a core handler: RLIMIT_CORE 1',
    },
  },
  run,
};
