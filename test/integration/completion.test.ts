// The scripts of `tracegate completion`, in the real shells. scripts/setup.sh installs zsh and fish.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allCommands } from '../../lib/cli/commands.js';
import { optionsOf } from '../../lib/cli/parse.js';
import { answered } from '../helpers/answered.js';
import { compile } from '../helpers/compile.js';
import { privateDirectory } from '../helpers/processes.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const scriptOf = async (shell: Shell) => (await answered(['completion', shell])).stdout;

/** Says the words of the command line that it was run with. */
const RUNS: Record<Shell, string> = {
  bash: `tracegate() { local IFS=,; echo "RAN:$*:"; }\nPS1='ready> '`,
  zsh: `tracegate() { print -r -- "RAN:\${(j:,:)@}:" }\nPS1='ready> '`,
  fish: `function tracegate; echo RAN:(string join , -- $argv):; end\nfunction fish_prompt; echo -n 'ready> '; end`,
};

/** A directory with the shell's start file, and the words that start it with that file alone. */
async function startOf(shell: Shell): Promise<{ home: string; words: string[] }> {
  const home = privateDirectory();
  const before = shell === 'zsh' ? 'autoload -Uz compinit; compinit -u -D\n' : '';
  const file = join(home, shell === 'zsh' ? '.zshrc' : 'start');
  writeFileSync(file, `${before}${await scriptOf(shell)}\n${RUNS[shell]}\n`);
  const words = {
    bash: ['bash', '--noprofile', '--rcfile', file, '-i'],
    zsh: ['zsh', '-d', '-i'],
    fish: ['fish', '--no-config', '-C', `source ${file}`, '-i'],
  }[shell];
  return { home, words };
}

const environment = (home: string) => ({
  PATH: process.env.PATH,
  HOME: home,
  TERM: 'dumb',
  LANG: 'C.UTF-8',
});

/** An interactive fish 3 leaves a directory in /tmp, whatever its environment says. */
const leftByFish = () => readdirSync('/tmp').filter(name => name.startsWith('fish.'));

/** The command lines that an interactive shell runs where these are typed, each with a tab at its end. */
async function completed(shell: Shell, lines: readonly string[]): Promise<string[]> {
  const { home, words } = await startOf(shell);
  const before = leftByFish();
  onTestFinished(() => {
    for (const name of leftByFish())
      if (!before.includes(name)) rmSync(join('/tmp', name), { recursive: true });
  });
  const typed = fileURLToPath(new URL('../fixtures/typed.py', import.meta.url));
  const child = spawn('/usr/bin/python3', [typed, ...lines, '--', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...environment(home), ZDOTDIR: home },
  });
  const said = await text(child.stdout);
  return [...said.matchAll(/RAN:(.*?):\r?\n/g)].map(([, ran]) => ran!);
}

/** A process with that name in the kernel. */
async function named(name: string): Promise<number> {
  const child = spawn(compile('named.c'), [Buffer.from(name).toString('hex')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.stdin.end());
  await once(child.stdout, 'data');
  return child.pid!;
}

/** What a shell offers for the last of the words, without a terminal. */
async function offers(shell: 'bash' | 'fish', words: readonly string[]): Promise<string[]> {
  const home = privateDirectory();
  const script = join(home, 'script');
  writeFileSync(script, await scriptOf(shell));
  const line = ['tracegate', ...words];
  const said =
    shell === 'fish'
      ? execFileSync('fish', ['--no-config', '-c', `source ${script}; complete -C "$argv"`, line.join(' ')], {
          env: environment(home),
        })
      : execFileSync('bash', [
          '-c',
          `source ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tracegate; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          ...line,
        ]);
  return `${said}`
    .split('\n')
    .filter(row => row !== '')
    .map(row => row.split('\t')[0]!);
}

describe.each(SHELLS)('%s', shell => {
  it('completes commands, options, their values, names of processes, files and users', async () => {
    const name = `tgc${process.pid}`;
    const pid = await named(`${name}-one`);
    await named(`${name};id`);
    const lines: [typed: string, ran: string][] = [
      ['tracegate sta', 'status'],
      ['tracegate probe --met', 'probe,--method'],
      ['tracegate probe --method sei', 'probe,--method,seize'],
      ['tracegate probe --method=sei', 'probe,--method=seize'],
      ['tracegate run --deny=pre', 'run,--deny=preload'],
      ['tracegate run --ptracer non', 'run,--ptracer,none'],
      ['tracegate remediate --allow-i', 'remediate,--allow-irreversible'],
      ['tracegate probe --as stran', 'probe,--as,stranger'],
      ['tracegate scan --uid www-', 'scan,--uid,www-data'],
      ['tracegate help expl', 'help,explain'],
      ['tracegate completion fi', 'completion,fish'],
      ['tracegate audit --root /pro', 'audit,--root,/proc'],
      ['tracegate audit --profile dev-', 'audit,--profile,dev-sec'],
      // An option that may be given several times.
      ['tracegate audit --root / --roo', 'audit,--root,/,--root'],
      ['tracegate grant /etc/host.con', 'grant,/etc/host.conf'],
      ['tracegate run --deny -- prlimi', 'run,--deny,--,prlimit'],
      [`tracegate status --tree ${name}`, `status,--tree,${name}-one`],
      [`tracegate map --from ${name}-o`, `map,--from,${name}-one`],
      // Only a pid may be granted. fish finds the pid by the name beside it.
      [`tracegate grant --debugger ${name}`, `grant,--debugger,${shell === 'fish' ? pid : name}`],
      ['tracegate scan --program sta', 'scan,--program,sta'],
    ];
    const ran = await completed(
      shell,
      lines.map(([typed]) => typed),
    );
    // zsh takes the slash back where the word ends.
    expect(ran.map(words => words.replace(/\/$/, ''))).toEqual(lines.map(([, words]) => words));
  });
});

describe.each(['bash', 'fish'] as const)('%s offers', shell => {
  it('each command, and each option of each command', async () => {
    const commands = await allCommands();
    expect(await offers(shell, [''])).toEqual(expect.arrayContaining(commands.map(({ name }) => name)));
    for (const command of commands) {
      const options = Object.keys(optionsOf(command)).map(name => `--${name}`);
      const offered = (await offers(shell, [command.name, '--'])).filter(
        word => word !== '--' && !word.endsWith('='),
      );
      expect([command.name, new Set(offered)]).toEqual([command.name, new Set(options)]);
    }
  });

  it('the pids, and of the names only those that no shell takes for anything else', async () => {
    const names = [`tg-${process.pid}`, '$(reboot)', 'a;b', '`id`', '\u001b[31m', "q'uote", '-option'];
    const pids: number[] = [];
    for (const name of names) pids.push(await named(name));
    const offered = await offers(shell, ['status', '']);
    expect(offered).toEqual(expect.arrayContaining([...pids.map(String), names[0]]));
    expect(offered.filter(word => !/^[A-Za-z0-9._+-]+$/.test(word) || word.startsWith('-'))).toEqual([]);
  });
});

it('another shell is a usage error', async () => {
  expect(await answered(['completion', 'tcsh'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'tracegate: completion takes one SHELL: bash, zsh, fish\n',
  });
});
