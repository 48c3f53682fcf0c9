import { type Command, UsageError } from './command.js';
import { suggestion } from './parse.js';

type Load = () => Promise<Command>;

/** Each command is loaded on request: loading all of them takes longer than most commands run. */
const LOADERS: Readonly<Record<string, Load>> = {
  status: async () => (await import('./status.js')).status,
  probe: async () => (await import('./probe.js')).probeCommand,
  explain: async () => (await import('./explain.js')).explainCommand,
  run: async () => (await import('./run.js')).runCommand,
  grant: async () => (await import('./grant.js')).grantCommand,
  grants: async () => (await import('./grants.js')).grantsCommand,
  revoke: async () => (await import('./grants.js')).revokeCommand,
  audit: async () => (await import('./audit.js')).auditCommand,
  remediate: async () => (await import('./remediate.js')).remediateCommand,
  scan: async () => (await import('./scan.js')).scanCommand,
  map: async () => (await import('./map.js')).mapCommand,
  demo: async () => (await import('./demo.js')).demoCommand,
  completion: async () => (await import('./completion.js')).completionCommand,
  help: async () => (await import('./help.js')).helpCommand,
};

export const COMMAND_NAMES: readonly string[] = Object.keys(LOADERS);

export async function findCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(LOADERS, name) ? LOADERS[name]?.() : undefined;
}

export const unknownCommand = async (name: string): Promise<UsageError> =>
  new UsageError(
    `there is no command ${JSON.stringify(name)}${await suggestion(name, COMMAND_NAMES)} (tracegate --help lists them)`,
  );

export const allCommands = (): Promise<Command[]> => Promise.all(Object.values(LOADERS).map(load => load()));
