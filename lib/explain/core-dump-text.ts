import { checkedOptions } from '../options.js';
import type { CoreDestination } from '../policy/core-dump/notes.js';
import { printable } from '../printable.js';
import type { CoreDumpExplanation } from './core-dump.js';
import { type Emphasis, fold, nameOf, RULE_WIDTH, remedyList, stepLine } from './lines.js';
import { TEXT_OPTIONS, type TextOptions } from './text.js';

function headline({ answer, pid, comm }: CoreDumpExplanation): string {
  const does = {
    allowed: 'leaves a core dump',
    denied: 'leaves no core dump',
    unknown: 'may or may not leave a core dump',
  }[answer];
  return `${answer}: ${nameOf(comm, pid)} ${does} if it crashes now`;
}

function receiver(destination: CoreDestination): string {
  switch (destination.kind) {
    case 'file': {
      const owner = destination.owner === null ? 'its owner' : `uid ${destination.owner}`;
      const path = destination.isExact ? destination.path : `${destination.path}, by core_pattern,`;
      return `the file ${path} of mode 600, for ${owner} and root`;
    }
    case 'pipe':
      return `${destination.program}, which runs as root, outside of all containers`;
    case 'socket':
      return `the program that listens at the socket ${destination.path}`;
  }
}

/** One line about the receiver of the core. */
function toWhom({ answer, destination }: CoreDumpExplanation): string | null {
  if (destination === null) return null;
  return `${answer === 'allowed' ? 'The core goes to' : 'A core would go to'} ${receiver(destination)}.`;
}

const UNDETECTABLE: Readonly<Record<string, string>> = {
  'posix-acl': 'an access control list of the directory',
  'file-system': 'a full file system or a quota',
  landlock: 'a Landlock sandbox',
  bpf: 'a BPF LSM',
  apparmor: "AppArmor's policy",
  selinux: "SELinux' policy",
  smack: "Smack's policy",
  helper: 'what that program makes of the core',
  server: 'what the server makes of the core',
};

function undetectableLine({ undetectable }: CoreDumpExplanation): string | null {
  if (undetectable.length === 0) return null;
  return `Assumed not to refuse, because they can’t be seen: ${undetectable.map(name => UNDETECTABLE[name] ?? name).join(', ')}.`;
}

/** The rules that decide or are unknown; with `all` every rule with its source. */
function stepLines(
  { steps }: CoreDumpExplanation,
  all: boolean,
  paint: NonNullable<TextOptions['paint']>,
  width: number,
): string[] {
  const told = steps.filter(({ outcome }) => all || outcome !== 'pass');
  const passing = steps.filter(step => !told.includes(step)).map(({ rule }) => rule);
  return [
    ...told.map(({ rule, outcome, because, reference }) =>
      stepLine(rule.padEnd(RULE_WIDTH), outcome, all ? `${because} [${reference}]` : because, paint, width),
    ),
    ...(passing.length > 0 ? [stepLine('', 'pass', passing.join(', '), paint, width)] : []),
  ];
}

/**
 * A {@link CoreDumpExplanation} for people, as the command line prints it.
 *
 * Applies to: pure data.
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { setDumpable } from 'tracegate';
 * import { coreDumpText, explainCoreDump } from 'tracegate/explain';
 *
 * setDumpable('disabled');
 * assert.match(coreDumpText(explainCoreDump(process.pid)), /leaves no core dump if it crashes now/);
 * ```
 */
export function coreDumpText(explanation: CoreDumpExplanation, options: TextOptions = {}): string {
  const {
    paint = (_: Emphasis, plain: string) => plain,
    width = 100,
    steps: showsAll = false,
  } = checkedOptions(options, TEXT_OPTIONS);
  const { answer, notes, remedies } = explanation;
  const emphasis = ({ allowed: 'good', denied: 'bad', unknown: 'open' } as const)[answer];
  const sign = { allowed: '✓', denied: '✗', unknown: '?' }[answer];
  const lines = [toWhom(explanation), ...notes, undetectableLine(explanation)].filter(line => line !== null);
  return [
    paint(emphasis, `${sign} ${headline(explanation)}`),
    '',
    ...stepLines(explanation, showsAll, paint, width),
    ...(lines.length > 0 ? ['', ...lines.map(line => fold(printable(line), 0, width))] : []),
    ...(remedies.length > 0 ? ['', remedyList(remedies, 'would', width)] : []),
  ].join('\n');
}
