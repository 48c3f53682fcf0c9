import type { Command } from '../command.js';
import { optionsOf } from '../parse.js';
import { type Kind, type Offer, offerOf, operandsOf, SAFE_NAME, valued } from './offer.js';

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

export const bash = (
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
