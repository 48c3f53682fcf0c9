import { type Command, type CommandBody, NOT_FOUND_OUT, USAGE, UsageError } from './command.js';
import { allCommands } from './commands.js';
import { bash } from './completion/bash.js';
import { fish } from './completion/fish.js';
import { zsh } from './completion/zsh.js';

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh, fish };
const NAMES = Object.keys(SHELLS);

async function run([shell, ...more]: string[]): Promise<number> {
  const script = shell !== undefined && Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined || more.length > 0)
    throw new UsageError(`completion takes one SHELL: ${NAMES.join(', ')}`);
  process.stdout.write(script(await allCommands()));
  return 0;
}

export const completionCommand: CommandBody = {
  words: NAMES,
  details: [
    'bash, in ~/.bashrc: source <(tracegate completion bash)',
    'zsh, in ~/.zshrc after compinit: source <(tracegate completion zsh)',
    'fish: tracegate completion fish > ~/.config/fish/completions/tracegate.fish',
  ],
  exitCodes: [['0', 'done'], USAGE, NOT_FOUND_OUT],
  isTextOnly: true,
  options: {},
  run,
};
