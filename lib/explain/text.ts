import type { AccessMode } from '../policy/access-mode.js';
import type { Remedy } from '../policy/remedies.js';
import type { Outcome, Step } from '../policy/verdict.js';
import type { Explanation } from './explain.js';
import { printable } from './printable.js';

export type Emphasis = 'good' | 'bad' | 'open' | 'faint' | 'strong';
export type Paint = (emphasis: Emphasis, text: string) => string;

export interface TextOptions {
  /** How to show an emphasis; not at all by default. */
  paint?: Paint;
  /** Columns to break lines at. */
  width?: number;
  /** Also the evidence of the rules that let pass, and where each rule stands in the kernel's source. */
  steps?: boolean;
}

const WANTS: Record<AccessMode, string> = {
  attach: 'attach to',
  'vm-read': 'read the memory of',
  mem: 'open /proc/PID/mem of',
  read: 'read /proc/PID/fd, exe and the like of',
  environ: 'read the environment of',
  kcmp: 'look by kcmp or perf_event_open at',
  traceme: 'become by PTRACE_TRACEME the tracer of',
};

const nameOf = (comm: string | null, pid: number) => `${pid}${comm === null ? '' : ` (${printable(comm)})`}`;

function headline({ answer, mode, tracer, pid, comm }: Explanation): string {
  const who =
    tracer.pid === null
      ? 'a stranger of its uid'
      : tracer.isSelf
        ? 'this process'
        : `process ${nameOf(tracer.comm, tracer.pid)}`;
  const whom = mode === 'traceme' && tracer.pid === pid ? 'a program that it starts' : nameOf(comm, pid);
  const may = { allowed: 'may', denied: 'may not', unknown: 'may or may not' }[answer];
  return `${answer}: ${who} ${may} ${WANTS[mode]} ${whom}`;
}

const SIGNS: Record<Outcome, { sign: string; emphasis: Emphasis }> = {
  pass: { sign: '✓ pass', emphasis: 'faint' },
  allow: { sign: '✓ allow', emphasis: 'good' },
  deny: { sign: '✗ deny', emphasis: 'bad' },
  unknown: { sign: '? unknown', emphasis: 'open' },
};

/** Words up to the width; what goes on in another line stands under its first. */
function fold(text: string, indent: number, width: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length + 1 > width - indent) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

const SIGN_WIDTH = 11;
const RULE_WIDTH = 19;

function stepLine(name: string, outcome: Outcome, text: string, paint: Paint, width: number): string {
  const { sign, emphasis } = SIGNS[outcome];
  const folded = fold(text, 2 + SIGN_WIDTH + name.length, width);
  return `  ${paint(emphasis, `${sign.padEnd(SIGN_WIDTH)}${name}${folded}`)}`;
}

/** Each rule with its evidence; what merely lets pass in one line, unless all is asked for. */
function stepLines(steps: readonly Step[], showsAll: boolean, paint: Paint, width: number): string[] {
  const passed = showsAll ? [] : steps.filter(({ outcome }) => outcome === 'pass');
  const told = steps.filter(step => !passed.includes(step));
  return [
    ...told.map(({ rule, outcome, because, reference }) =>
      stepLine(
        rule.padEnd(RULE_WIDTH),
        outcome,
        showsAll ? `${because} [${reference}]` : because,
        paint,
        width,
      ),
    ),
    ...(passed.length > 0
      ? [stepLine('', 'pass', passed.map(({ rule }) => rule).join(', '), paint, width)]
      : []),
  ];
}

/** What refused where no rule that shows does. */
function hiddenRefusal({ unseen, facts }: Explanation): string {
  const active = unseen.map(name => (name === 'bpf' ? 'BPF LSM' : 'Landlock'));
  const named = active.length > 0 ? `here it can be ${active.join(' or ')}` : `here no such module shows`;
  const list =
    facts.host.lsms === null
      ? "the kernel's list of them can't be read"
      : `the kernel's list: ${facts.host.lsms.join(', ')}`;
  return `Every rule that shows lets it pass, and the kernel refused: something that doesn't show from outside did; ${named} (${list}).`;
}

function kernelLine(explanation: Explanation): string | null {
  const { observed, agrees, verdict, refusedBy } = explanation;
  if (observed === null) return null;
  const said = `The kernel was asked (${observed.syscall}) and ${observed.code === null ? 'let it pass' : `said ${observed.code}`}`;
  if (observed.outcome === 'unknown') return `${said}: that is no answer.`;
  if (agrees === true) return `${said}, as computed.`;
  if (verdict === 'unknown') {
    if (observed.outcome === 'allowed') return `${said}: so what isn't seen above lets it pass.`;
    return refusedBy.length === 1
      ? `${said}: so ${refusedBy[0]} refused, as far as anything shows.`
      : `${said}: one of ${refusedBy.join(', ')} refused.`;
  }
  if (verdict === 'allowed') return `${said}. ${hiddenRefusal(explanation)}`;
  return `${said}, although ${explanation.decidedBy} should refuse: please report that with the output of --json.`;
}

function remedyLines({ actions }: Remedy, number: number, width: number): string {
  const lines = actions.flatMap(({ who, what, command, call, opens }, at) => [
    `${at === 0 ? `${number}.`.padStart(4) : '   +'} ${fold(`${who}: ${what}`, 5, width)}`,
    ...[command, call].filter(text => text !== null).map(text => `       ${text}`),
    ...(opens === 'nothing' ? [] : [`       ${fold(`opens ${opens}`, 7, width)}`]),
  ]);
  return lines.join('\n');
}

function remediesText({ remedies, answer, verdict }: Explanation, width: number): string | null {
  if (remedies.length === 0) {
    return answer === 'denied' ? 'Nothing that is known here would change it.' : null;
  }
  // What refuses without showing may go on to refuse.
  const verb = verdict === 'allowed' ? 'may' : 'would';
  const title =
    remedies[0]?.kind === 'instead'
      ? 'What to do instead:'
      : `What ${verb} change it, from what opens least to what opens most:`;
  return [title, ...remedies.map((remedy, at) => remedyLines(remedy, at + 1, width))].join('\n');
}

const scopeName = ({ scope }: Explanation) =>
  scope.state === 'present'
    ? `ptrace_scope ${scope.value}, ${scope.name}`
    : scope.state === 'absent'
      ? 'no Yama'
      : 'ptrace_scope unknown';

/** An explanation for people, as the command line and the matchers print it. */
export function explanationText(
  explanation: Explanation,
  { paint = (_, text) => text, width = 100, steps: showsAll = false }: TextOptions = {},
): string {
  const { answer, steps } = explanation;
  const emphasis = ({ allowed: 'good', denied: 'bad', unknown: 'open' } as const)[answer];
  const sign = { allowed: '✓', denied: '✗', unknown: '?' }[answer];
  const kernel = kernelLine(explanation);
  const remedies = remediesText(explanation, width);
  return [
    paint(emphasis, `${sign} ${headline(explanation)} (${scopeName(explanation)})`),
    '',
    ...stepLines(steps, showsAll, paint, width),
    ...(kernel === null ? [] : ['', fold(kernel, 0, width)]),
    ...(remedies === null ? [] : ['', remedies]),
  ].join('\n');
}
