import { isAbsolute } from 'node:path';
import { importingNodeOptions } from '../deny/children.js';
import { becomeCommand, DENY_WAYS, type DenyWay, type LaunchOptions } from '../deny/launch.js';
import type { Ptracer } from '../kernel/ptracer.js';
import { type Command, parsePid, UsageError, type Values } from './command.js';

function parseDeny(text: string): DenyWay {
  const way = DENY_WAYS.find(known => known === text);
  if (way === undefined)
    throw new UsageError(`--deny=${JSON.stringify(text)}: it is ${DENY_WAYS.join(' or ')}`);
  return way;
}

function parsePtracer(text: string): Ptracer {
  return text === 'any' || text === 'none' ? text : parsePid(text);
}

function parseCore(text: string): 'off' {
  if (text !== 'off') throw new UsageError(`--core ${JSON.stringify(text)}: it is off`);
  return text;
}

/** The environment for a Node program. Other programs ignore it. */
function grantEnvironment(path: string): Record<string, string> {
  if (!isAbsolute(path))
    throw new UsageError(`--grant-socket ${JSON.stringify(path)}: give an absolute path`);
  const register = new URL('../debugger/register.js', import.meta.url);
  return {
    TRACEGATE_GRANT_SOCKET: path,
    NODE_OPTIONS: importingNodeOptions(process.env.NODE_OPTIONS, register),
  };
}

function parseOptions({ deny, ptracer, core, 'grant-socket': grantSocket }: Values): LaunchOptions {
  const options: LaunchOptions = {
    ...(typeof deny === 'string' && { deny: parseDeny(deny) }),
    ...(typeof ptracer === 'string' && { ptracer: parsePtracer(ptracer) }),
    ...(typeof core === 'string' && { core: parseCore(core) }),
    ...(typeof grantSocket === 'string' && { env: grantEnvironment(grantSocket) }),
  };
  if (options.deny !== undefined && options.ptracer !== undefined && options.ptracer !== 'none') {
    throw new UsageError('--ptracer lets a debugger in and --deny keeps it out: choose one');
  }
  return options;
}

function run(operands: string[], values: Values): never {
  if (values.json)
    throw new UsageError('run has no answer of its own to give as JSON: it becomes the command');
  const options = parseOptions(values);
  // Without `--`, an option of the command would count as an option of `run`.
  const separator = process.argv.indexOf('--');
  if (separator < 0 || process.argv.length - separator - 1 !== operands.length) {
    throw new UsageError('put -- before the command: tracegate run --deny -- CMD ARGS…');
  }
  if (operands.length === 0) throw new UsageError('run needs a command: tracegate run --deny -- CMD ARGS…');
  return becomeCommand(operands.length, options);
}

export const runCommand: Command = {
  name: 'run',
  operands: '-- CMD ARGS…',
  summary: 'becomes a command that is closed to tracing, declares its tracer or leaves no core',
  details: [
    '--deny=sealed executes an unreadable copy: closed from the first instruction, with all that it forks. What it',
    '  executes starts open again, unless it executes its own /proc/self/exe, as child_process.fork() of Node does.',
    '--deny=detached does the same, and a process of the same uid has no path to the copy: it lies in memory, on a detached',
    '  mount. It needs unprivileged user namespaces and Linux 5.2.',
    '--deny=preload, for programs that must be readable: closed from a constructor on, milliseconds after the exec;',
    '  what it executes is closed too, by LD_PRELOAD, unless that is static or set-id.',
    'None of them closes the inspector of a Node, which SIGUSR1 opens: for Node add --import tracegate/deny.',
    'As root, other processes of root read it anyway if they have CAP_SYS_PTRACE. docs/launch.md tells the limits.',
    "Exit code: the command's own; 127 not found, 126 not executable, 125 it could not be done as asked, 2 usage.",
  ],
  options: {
    deny: {
      type: 'string',
      value: 'sealed|detached|preload',
      implied: 'sealed',
      help: 'other processes of its uid may not attach, read its memory or environment, or get its core',
    },
    ptracer: {
      type: 'string',
      value: 'PID|any|none',
      help: 'who, beside its ancestors, may attach at ptrace_scope 1: PR_SET_PTRACER',
    },
    'grant-socket': {
      type: 'string',
      value: 'PATH',
      help: 'of a Node: operators may ask there for a debugger to be let in (tracegate grant)',
    },
    core: { type: 'string', value: 'off', help: 'neither a core file nor a core handler: RLIMIT_CORE 1' },
  },
  run,
};
