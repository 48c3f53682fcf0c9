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

/** The tool that asks so: perf for its own call, otherwise a debugger. */
export const toolFor = ({ mode, tracer }: Question): Debugger =>
  mode === 'perf' ? PERF : debuggerNamed(tracer.comm);

/** By the tracer's own name where it is one of them, otherwise gdb. */
export function debuggerNamed(comm: string | null): Debugger {
  const known = comm !== null && Object.hasOwn(DEBUGGERS, comm) ? DEBUGGERS[comm] : undefined;
  return known ?? (DEBUGGERS.gdb as Debugger);
}
