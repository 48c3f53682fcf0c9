import type { Command, Option } from '../command.js';
import { optionsOf } from '../parse.js';
import { hasCommand, type Kind, type Offer, offerOf, operandsOf, quoted, SAFE_NAME } from './offer.js';

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
  const { short, value, implied, help, type, multiple } = option;
  const shown = bracketed(help);
  if (type === 'boolean')
    return short === undefined
      ? quoted(`--${name}${shown}`)
      : `'(-${short} --${name})'{-${short},--${name}}${quoted(shown)}`;
  const [equals, colons] = implied === undefined ? ['=', ':'] : ['=-', '::'];
  const what = (value ?? '').replaceAll(':', '\\:');
  const often = multiple ? '*' : '';
  return quoted(`${often}--${name}${equals}${shown}${colons}${what}:${zshAction(offerOf(option))}`);
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

export const zsh = (commands: readonly Command[]): string => `#compdef tracegate
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
