/** A program that debugs or examines another process. The words are those after its name, with `{}` for the pid. */
export interface Debugger {
  /** By what it gets into its target: ptrace(2), or perf_event_open(2) alone. */
  by: 'ptrace' | 'perf';
  /** The words by which it attaches to a process. Null: it takes no pid. */
  attach: string | null;
  /** Whether words of the caller may follow those of `attach`. A subcommand has options of its own. */
  takesMore: boolean;
  /** The words by which it starts PROGRAM and traces that from the start (PTRACE_TRACEME). Null: it can't. */
  start: string | null;
}

const traces = (attach: string | null, start: string | null = null): Debugger => ({
  by: 'ptrace',
  attach,
  takesMore: attach !== null && /^(-|\{\})/.test(attach),
  start,
});

/** The known debuggers, by the name of the program. */
export const DEBUGGERS: Readonly<Record<string, Debugger>> = {
  gdb: traces('-p {}', '--args PROGRAM'),
  lldb: traces('-p {}', '-- PROGRAM'),
  strace: traces('-p {}', 'PROGRAM'),
  ltrace: traces('-p {}', 'PROGRAM'),
  rr: traces(null, 'record PROGRAM'),
  dlv: traces('attach {}', 'exec PROGRAM'),
  // Only vgdb can trace a program that runs under valgrind.
  valgrind: traces(null),
  vgdb: traces('--pid={}'),
  gcore: traces('{}'),
  'eu-stack': traces('-p {}'),
  pstack: traces('{}'),
  'py-spy': traces('dump --pid {}', 'record -- python PROGRAM'),
  rbspy: traces('snapshot --pid {}', 'record -- ruby PROGRAM'),
  criu: traces('dump -t {}'),
  reptyr: traces('{}'),
  'dotnet-dump': traces('collect -p {}'),
  createdump: traces('{}'),
  perf: { by: 'perf', attach: 'record -p {}', takesMore: false, start: 'record PROGRAM' },
};

/** The debugger that is meant where none is named. */
export const USUAL_DEBUGGER = 'gdb';

export const findDebugger = (name: string): Debugger | undefined =>
  Object.hasOwn(DEBUGGERS, name) ? DEBUGGERS[name] : undefined;
