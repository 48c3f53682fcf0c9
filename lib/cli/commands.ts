import { type Command, type CommandBody, type CommandHeading, UsageError } from './command.js';
import { suggestion } from './parse.js';

interface Row extends Omit<CommandHeading, 'name'> {
  /** The body is loaded on request: loading all of them takes longer than most commands run. */
  load(): Promise<CommandBody>;
}

const ROWS: Readonly<Record<string, Row>> = {
  status: {
    operands: '[PID|NAME]',
    summary: "shows whether a process may be traced: its own switch, and this kernel's ptrace_scope",
    load: async () => (await import('./status.js')).status,
  },
  probe: {
    operands: 'PID|NAME…',
    summary: 'asks the kernel whether a process may be attached to',
    load: async () => (await import('./probe.js')).probeCommand,
  },
  explain: {
    operands: '[PID|NAME]',
    summary:
      'explains rule by rule why a process may or may not be traced, or leaves a core, and what would change that',
    load: async () => (await import('./explain.js')).explainCommand,
  },
  run: {
    operands: '-- CMD ARGS…',
    summary: 'becomes a command that is closed to tracing or confined, declares a tracer or leaves no core',
    load: async () => (await import('./run.js')).runCommand,
  },
  grant: {
    operands: 'SOCKET',
    summary: 'asks an app to allow one debugger for a while (serveGrants)',
    load: async () => (await import('./grant.js')).grantCommand,
  },
  grants: {
    operands: 'SOCKET',
    summary: 'lists the debuggers that an app allows by its grant socket',
    load: async () => (await import('./grants.js')).grantsCommand,
  },
  revoke: {
    operands: 'SOCKET',
    summary: 'revokes all grants of an app, by its grant socket',
    load: async () => (await import('./grants.js')).revokeCommand,
  },
  audit: {
    operands: '',
    summary:
      'shows ptrace_scope now and after the next boot, the line that sets it, and what a benchmark demands',
    load: async () => (await import('./audit.js')).auditCommand,
  },
  remediate: {
    operands: '',
    summary:
      'sets kernel.yama.ptrace_scope, now and for each boot, with the smallest change that takes effect',
    load: async () => (await import('./remediate.js')).remediateCommand,
  },
  scan: {
    operands: '',
    summary:
      'lists the processes of this host and whether each is closed or open, or saves a snapshot for map',
    load: async () => (await import('./scan.js')).scanCommand,
  },
  map: {
    operands: '[--diff A B]',
    summary:
      'shows which process of this host may trace which, how far a compromise spreads, and what each ptrace_scope would cut',
    load: async () => (await import('./map.js')).mapCommand,
  },
  watch: {
    operands: '',
    summary:
      'follows which process traces which on this host, with the verdict at each ptrace_scope, or records it for rehearse',
    load: async () => (await import('./watch.js')).watchCommand,
  },
  rehearse: {
    operands: 'FILE…',
    summary:
      'shows which programs that trace others a stricter ptrace_scope would refuse, by recordings of tracegate watch',
    load: async () => (await import('./rehearse.js')).rehearseCommand,
  },
  demo: {
    operands: '',
    summary: 'shows on real processes how a secret is read, and how an opt-out refuses the same attempt',
    load: async () => (await import('./demo.js')).demoCommand,
  },
  completion: {
    operands: 'SHELL',
    summary: 'prints a script by which bash, zsh or fish completes the words of tracegate',
    load: async () => (await import('./completion.js')).completionCommand,
  },
  help: {
    operands: '[COMMAND]',
    summary: 'shows the help of a command, or lists the commands',
    load: async () => (await import('./help.js')).helpCommand,
  },
};

export const COMMAND_NAMES: readonly string[] = Object.keys(ROWS);

export const HEADINGS: readonly CommandHeading[] = Object.entries(ROWS).map(
  ([name, { operands, summary }]) => ({ name, operands, summary }),
);

const loaded = async (name: string, { operands, summary, load }: Row): Promise<Command> => ({
  name,
  operands,
  summary,
  ...(await load()),
});

export async function findCommand(name: string): Promise<Command | undefined> {
  const row = Object.hasOwn(ROWS, name) ? ROWS[name] : undefined;
  return row && loaded(name, row);
}

export const unknownCommand = async (name: string): Promise<UsageError> =>
  new UsageError(
    `there is no command ${JSON.stringify(name)}${await suggestion(name, COMMAND_NAMES)} (tracegate --help lists them)`,
  );

export const allCommands = (): Promise<Command[]> =>
  Promise.all(Object.entries(ROWS).map(([name, row]) => loaded(name, row)));
