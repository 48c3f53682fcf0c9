import {
  type Command,
  NOT_FOUND_OUT,
  type Option,
  PLACEHOLDERS,
  placeholdersIn,
  USAGE,
  UsageError,
  wordsOf,
} from './command.js';
import { allCommands } from './commands.js';
import { optionsOf } from './parse.js';

type Kind = (typeof PLACEHOLDERS)[keyof typeof PLACEHOLDERS];

/** What a shell offers in one place: words, and things of the machine. */
interface Offer {
  words: readonly string[];
  kinds: readonly Kind[];
}

const kindsIn = (text: string): Kind[] => placeholdersIn(text).map(placeholder => PLACEHOLDERS[placeholder]);

const offerOf = (option: Option): Offer => ({ words: wordsOf(option), kinds: kindsIn(option.value ?? '') });

/** Whether another command stands after `--`. */
const hasCommand = ({ operands }: Command): boolean => operands.startsWith('-- ');

const operandsOf = (command: Command): Offer =>
  hasCommand(command)
    ? { words: ['--'], kinds: [] }
    : { words: command.words ?? [], kinds: kindsIn(command.operands) };

/** Options with a value. That of `--deny[=WAY]` stands after `=` only. */
const valued = (command: Command) =>
  Object.entries(optionsOf(command)).filter(([, { type }]) => type === 'string');

/** A text in single quotes, for bash and zsh. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** In a script of a shell: the processes whose names a shell may take as they are. Any process may take any name. */
const SAFE_NAME = 'A-Za-z0-9._+-';

const BASH_KINDS: Record<Kind, string> = {
  pid: '_tracegate_pids',
  'process-name': '_tracegate_process_names',
  file: '_tracegate_names -f',
  directory: '_tracegate_names -d',
  user: '_tracegate_names -u',
  program: '_tracegate_names -c',
};

const bashOffer = ({ words, kinds }: Offer): string =>
  [
    ...(words.length === 0 ? [] : [`_tracegate_words ${words.join(' ')}`]),
    ...kinds.map(kind => BASH_KINDS[kind]),
  ]
    .map(call => `${call};`)
    .join(' ');

function bashCommand(command: Command): string {
  const { name } = command;
  const names = Object.entries(optionsOf(command)).flatMap(([option, { short }]) => [
    ...(short === undefined ? [] : [`-${short}`]),
    `--${option}`,
  ]);
  return [
    ...valued(command).map(([option, row]) => {
      const apart = row.implied === undefined ? `${name}:--${option} | ` : '';
      return `    ${apart}${name}:--${option}:=) ${bashOffer(offerOf(row))} return ;;`;
    }),
    `    ${name}:*) if [[ $cur == -* ]]; then _tracegate_words ${names.join(' ')}; else ${bashOffer(operandsOf(command)) || ':;'} fi ;;`,
  ].join('\n');
}

const bash = (
  commands: readonly Command[],
): string => `# bash completion of tracegate, by \`tracegate completion bash\`

_tracegate_words() {
  local word
  for word; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

_tracegate_names() {
  local name
  [[ $1 == -[fd] ]] && compopt -o filenames
  while IFS= read -r name; do
    COMPREPLY+=("$name")
  done < <(compgen "$1" -- "$cur")
}

_tracegate_pids() {
  local directory
  for directory in /proc/[0-9]*; do
    _tracegate_words "\${directory#/proc/}"
  done
}

_tracegate_process_names() {
  local directory name
  for directory in /proc/[0-9]*; do
    { IFS= read -r name <"$directory/comm"; } 2>/dev/null
    [[ $name == [A-Za-z._]* && $name != *[!${SAFE_NAME}]* ]] && _tracegate_words "$name"
  done
}

_tracegate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} option=\${COMP_WORDS[COMP_CWORD - 1]} joined= at
  COMPREPLY=()
  # \`--name=value\` is three words.
  if [[ $cur == = ]]; then
    cur= joined=:=
  elif [[ $option == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]} joined=:=
  fi
  if ((COMP_CWORD == 1)); then
    _tracegate_words ${commands.map(({ name }) => name).join(' ')} -h --help -v --version
    return
  fi
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -- ]] || continue
    if ((at == COMP_CWORD - 1)); then _tracegate_names -c; else _tracegate_names -f; fi
    return
  done
  case \${COMP_WORDS[1]}:$option$joined in
${commands.map(bashCommand).join('\n')}
  esac
}

complete -F _tracegate tracegate
`;

const ZSH_KINDS: Record<Kind, string> = {
  pid: '_tracegate_pids',
  'process-name': '_tracegate_process_names',
  file: '_files',
  directory: '_files -/',
  user: '_users',
  program: '_command_names -e',
};

/** An action of _arguments. */
function zshAction({ words, kinds }: Offer): string {
  if (kinds.length === 0) return words.length === 0 ? ' ' : `(${words.join(' ')})`;
  const calls = kinds.map(kind => ZSH_KINDS[kind]);
  const list = words.length === 0 ? [] : [`compadd ${words.join(' ')}`];
  return list.length + calls.length === 1 ? `${calls[0]}` : `{ ${[...list, ...calls].join('; ')} }`;
}

const bracketed = (text: string): string => `[${text.replace(/[[\]\\]/g, '\\$&')}]`;

function zshOption([name, option]: [string, Option]): string {
  const { short, value, implied, help, type } = option;
  const shown = bracketed(help);
  if (type === 'boolean')
    return short === undefined
      ? quoted(`--${name}${shown}`)
      : `'(-${short} --${name})'{-${short},--${name}}${quoted(shown)}`;
  const [equals, colons] = implied === undefined ? ['=', ':'] : ['=-', '::'];
  const what = (value ?? '').replaceAll(':', '\\:');
  return quoted(`--${name}${equals}${shown}${colons}${what}:${zshAction(offerOf(option))}`);
}

function zshOperands(command: Command): string[] {
  const offer = operandsOf(command);
  if (hasCommand(command)) return [quoted('1::command:(--)')];
  if (offer.words.length + offer.kinds.length === 0) return [];
  const many = command.operands.includes('…') ? '*' : '';
  return [
    quoted(`${many || '::'}${many && ':'}${command.operands}:${zshAction(offer)}`.replace(/^::/, '1::')),
  ];
}

const zsh = (commands: readonly Command[]): string => `#compdef tracegate
# zsh completion of tracegate, by \`tracegate completion zsh\`

_tracegate_safe_name() {
  name=
  { IFS= read -r name <$1/comm } 2>/dev/null
  [[ $name == [A-Za-z._]* && $name != *[^${SAFE_NAME}]* ]]
}

_tracegate_pids() {
  local directory name
  local -a pids
  for directory in /proc/<->(N); do
    if _tracegate_safe_name $directory; then pids+=(\${directory:t}:$name); else pids+=(\${directory:t}); fi
  done
  _describe -t processes process pids
}

_tracegate_process_names() {
  local directory name
  for directory in /proc/<->(N); do
    _tracegate_safe_name $directory && compadd -- $name
  done
}

_tracegate() {
  local curcontext=$curcontext state line
  local -a listed
  local -i end
  typeset -A opt_args
  _arguments -C \\
    '(- *)'{-h,--help}'[lists the commands]' \\
    '(- *)'{-v,--version}'[shows the version]' \\
    '1:command:->command' \\
    '*::argument:->argument'
  case $state in
    command)
      listed=(
${commands.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join('\n')}
      )
      _describe -t commands command listed
      ;;
    argument)
      end=\${words[(i)--]}
      if ((end < CURRENT)); then
        shift $end words
        ((CURRENT -= end))
        _normal
        return
      fi
      case $line[1] in
${commands
  .map(
    command =>
      `        ${command.name})\n          _arguments ${[...Object.entries(optionsOf(command)).map(zshOption), ...zshOperands(command)].join(' \\\n            ')}\n          ;;`,
  )
  .join('\n')}
      esac
      ;;
  esac
}

# Sourced, or found in fpath.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _tracegate "$@"; else compdef _tracegate tracegate; fi
`;

const FISH_KINDS: Record<Kind, string> = {
  pid: '(__tracegate_pids)',
  'process-name': '(__tracegate_process_names)',
  file: '(__fish_complete_path (commandline -ct))',
  directory: '(__fish_complete_directories (commandline -ct))',
  user: '(__fish_complete_users)',
  program: '(complete -C (commandline -ct))',
};

const fishQuoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

const fishOffer = ({ words, kinds }: Offer): string[] => {
  const all = [...words, ...kinds.map(kind => FISH_KINDS[kind])];
  return all.length === 0 ? [] : ['-a', fishQuoted(all.join(' '))];
};

function fishCommand(command: Command): string[] {
  const condition = ['-n', fishQuoted(`__tracegate_is ${command.name}`)];
  const complete = (...words: string[]) => ['complete -c tracegate', ...condition, ...words].join(' ');
  const operands = fishOffer(operandsOf(command));
  return [
    ...Object.entries(optionsOf(command)).map(([name, option]) =>
      complete(
        ...(option.short === undefined ? [] : ['-s', option.short]),
        '-l',
        name,
        ...(option.type === 'string' && option.implied === undefined ? ['-x'] : []),
        ...(option.type === 'string' ? fishOffer(offerOf(option)) : []),
        '-d',
        fishQuoted(option.help),
      ),
    ),
    ...(operands.length === 0 ? [] : [complete(...operands)]),
    ...(hasCommand(command)
      ? ["complete -c tracegate -n __tracegate_has_command -a '(__fish_complete_subcommand --fcs-skip=3)'"]
      : []),
  ];
}

const fish = (
  commands: readonly Command[],
): string => `# fish completion of tracegate, by \`tracegate completion fish\`

function __tracegate_processes
    string match -r '^/proc/[0-9]+$' -- /proc/*
end

function __tracegate_safe_name
    read -l name 2>/dev/null <$argv[1]/comm
    string match -r '^[A-Za-z._][${SAFE_NAME}]*$' -- "$name"
end

function __tracegate_pids
    for directory in (__tracegate_processes)
        printf '%s\\t%s\\n' (string replace /proc/ '' $directory) (__tracegate_safe_name $directory)
    end
end

function __tracegate_process_names
    for directory in (__tracegate_processes)
        __tracegate_safe_name $directory
    end
end

function __tracegate_is
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]; and not contains -- -- $words
end

function __tracegate_has_command
    contains -- -- (commandline -opc)
end

function __tracegate_is_first
    test (count (commandline -opc)) -eq 1
end

complete -c tracegate -f
complete -c tracegate -n __tracegate_is_first -s h -l help -d 'lists the commands'
complete -c tracegate -n __tracegate_is_first -s v -l version -d 'shows the version'
${commands
  .map(
    ({ name, summary }) =>
      `complete -c tracegate -n __tracegate_is_first -a ${name} -d ${fishQuoted(summary)}`,
  )
  .join('\n')}
${commands.flatMap(fishCommand).join('\n')}
`;

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh, fish };
const NAMES = Object.keys(SHELLS);

async function run([shell, ...more]: string[]): Promise<number> {
  const script = shell !== undefined && Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined || more.length > 0)
    throw new UsageError(`completion takes one SHELL: ${NAMES.join(', ')}`);
  process.stdout.write(script(await allCommands()));
  return 0;
}

export const completionCommand: Command = {
  name: 'completion',
  operands: 'SHELL',
  words: NAMES,
  summary: 'prints a script by which bash, zsh or fish completes the words of tracegate',
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
