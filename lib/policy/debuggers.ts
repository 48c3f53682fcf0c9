import type { AccessMode } from './access-mode.js';
import type { Question } from './question.js';

/** How the usual tools are told to attach to a process, or to start one. */
export interface Debugger {
  attach(pid: number): string;
  start: string;
}

const DEBUGGERS: Record<string, Debugger> = {
  gdb: { attach: pid => `gdb -p ${pid}`, start: 'gdb --args PROGRAM' },
  lldb: { attach: pid => `lldb -p ${pid}`, start: 'lldb -- PROGRAM' },
  strace: { attach: pid => `strace -p ${pid}`, start: 'strace PROGRAM' },
  ltrace: { attach: pid => `ltrace -p ${pid}`, start: 'ltrace PROGRAM' },
  'py-spy': { attach: pid => `py-spy dump --pid ${pid}`, start: 'py-spy record -- python PROGRAM' },
  dlv: { attach: pid => `dlv attach ${pid}`, start: 'dlv exec PROGRAM' },
  gcore: { attach: pid => `gcore ${pid}`, start: 'gdb --args PROGRAM' },
  'eu-stack': { attach: pid => `eu-stack -p ${pid}`, start: 'gdb --args PROGRAM' },
};

const PERF: Debugger = { attach: pid => `perf record -p ${pid}`, start: 'perf record PROGRAM' };

const known = (name: string | null): Debugger | undefined =>
  name !== null && Object.hasOwn(DEBUGGERS, name) ? DEBUGGERS[name] : undefined;

/** A path as a shell takes it. */
export const quoted = (path: string): string =>
  /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** How a program is told that is none of these isn't known. */
function byPath(path: string, mode: AccessMode): Debugger {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const usual = mode !== 'perf' ? known(name) : name === 'perf' ? PERF : undefined;
  if (usual === undefined) return { attach: () => `${quoted(path)} …`, start: `${quoted(path)} …` };
  const withPath = (command: string) =>
    command.startsWith(`${name} `) ? `${quoted(path)}${command.slice(name.length)}` : command;
  return { attach: pid => withPath(usual.attach(pid)), start: withPath(usual.start) };
}

/** The program that is asked about. Else perf for its own call, otherwise a debugger: the tracer, if it is one of these, or gdb. */
export function toolFor({ mode, tracer, program }: Question): Debugger {
  if (program !== undefined) return byPath(program.file.path, mode);
  return mode === 'perf' ? PERF : (known(tracer.comm) ?? (DEBUGGERS.gdb as Debugger));
}
