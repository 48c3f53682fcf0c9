import type { AccessMode } from '../access/access-mode.js';
import type { Question } from '../access/question.js';

/** The commands by which a tool attaches to a process, or starts a program. */
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

/** A path, quoted for a shell. */
export const quoted = (path: string): string =>
  /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** The commands of the tool at a path. The arguments of an unknown program aren't known. */
function byPath(path: string, mode: AccessMode): Debugger {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const usual = mode !== 'perf' ? known(name) : name === 'perf' ? PERF : undefined;
  if (usual === undefined) return { attach: () => `${quoted(path)} …`, start: `${quoted(path)} …` };
  const withPath = (command: string) =>
    command.startsWith(`${name} `) ? `${quoted(path)}${command.slice(name.length)}` : command;
  return { attach: pid => withPath(usual.attach(pid)), start: withPath(usual.start) };
}

/**
 * The tool that the commands name. The program that is asked about comes first. Otherwise: perf for its own access mode,
 * the tracer if it is a known debugger, or gdb.
 */
export function toolFor({ mode, tracer, program }: Question): Debugger {
  if (program !== undefined) return byPath(program.file.path, mode);
  return mode === 'perf' ? PERF : (known(tracer.comm) ?? (DEBUGGERS.gdb as Debugger));
}
