import type { Command } from '../command.js';
import { optionsOf } from '../parse.js';
import { hasCommand, type Kind, type Offer, offerOf, operandsOf, SAFE_NAME } from './offer.js';

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

export const fish = (
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
