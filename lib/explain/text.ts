import type { HostFacts } from '../kernel/host.js';
import { BOOLEAN, checkedOptions, FUNCTION, integer, type OptionKinds, text } from '../options.js';
import type { AccessMode } from '../policy/access/access-mode.js';
import type { Outcome, Step } from '../policy/access/verdict.js';
import { printable } from '../printable.js';
import type { DebuggerFacts } from './debugger.js';
import type { Explanation } from './explain.js';
import { type Emphasis, fold, nameOf, type Paint, RULE_WIDTH, remedyList, stepLine } from './lines.js';
import type { Observed } from './observed.js';

export type { Emphasis, Paint } from './lines.js';

/** How a text is laid out. */
export interface TextOptions {
  /** Shows an emphasis; by default there is none. */
  paint?: Paint;
  /** Columns to break lines at; 100 by default. */
  width?: number;
  /** Also shows the evidence of rules that pass, and the place of each rule in the kernel's source. */
  steps?: boolean;
  /** The name for this process in the text; `this process` by default. */
  self?: string;
}

const WANTS: Record<AccessMode, string> = {
  attach: 'attach to',
  'vm-read': 'read the memory of',
  getfd: 'take descriptors from',
  mem: 'open /proc/PID/mem of',
  read: 'read /proc/PID/exe, cwd and the like of',
  environ: 'read the environment of',
  kcmp: 'compare by kcmp the resources of',
  perf: 'profile the user space of',
  traceme: 'become by PTRACE_TRACEME the tracer of',
};

const programName = ({ path }: DebuggerFacts) => printable(path.slice(path.lastIndexOf('/') + 1));

function headline(explanation: Explanation, self: string): string {
  const { answer, mode, tracer, pid, comm, confined, debugger: program } = explanation;
  const starter =
    tracer.pid === null
      ? 'a stranger of its uid'
      : tracer.isSelf
        ? self
        : `process ${nameOf(tracer.comm, tracer.pid)}`;
  const asked = program === null ? starter : `${programName(program)}, started by ${starter},`;
  const who = confined === 'assumption' ? `${asked.replace(/,$/, '')}, if confined,` : asked;
  const isOfChild = mode === 'traceme' && (tracer.pid === pid || program !== null);
  const targetName = isOfChild ? 'a program that the tracer starts' : nameOf(comm, pid);
  const may = { allowed: 'may', denied: 'may not', unknown: 'may or may not' }[answer];
  return `${answer}: ${who} ${may} ${WANTS[mode]} ${targetName}`;
}

/** Shows an unknown rule as a refusal, if the kernel refused and no other rule can have refused. */
function shownOutcome({ rule, outcome }: Step, { answer, observed, refusedBy }: Explanation): Outcome {
  const isSettled =
    answer === 'denied' && observed !== null && refusedBy.length === 1 && refusedBy[0] === rule;
  return outcome === 'unknown' && isSettled ? 'deny' : outcome;
}

/** Each important rule with its evidence, and the other rules in one line. With `showsAll` every rule is important. */
function stepLines(explanation: Explanation, showsAll: boolean, paint: Paint, width: number): string[] {
  const { steps, decidedBy, remedies } = explanation;
  // If the target can't be traced at all, the other rules are of no interest.
  const isImpossible = remedies[0]?.kind === 'instead';
  const isTold = ({ rule, outcome }: Step) =>
    showsAll || (isImpossible ? rule === decidedBy : outcome !== 'pass');
  const named = (outcomes: readonly Outcome[]) =>
    steps.filter(step => !isTold(step) && outcomes.includes(step.outcome)).map(({ rule }) => rule);
  const inOneLine = (outcome: Outcome, rules: string[]) =>
    rules.length > 0 ? [stepLine('', outcome, rules.join(', '), paint, width)] : [];
  return [
    ...steps.filter(isTold).map(step => {
      const text = showsAll ? `${step.because} [${step.reference}]` : step.because;
      return stepLine(step.rule.padEnd(RULE_WIDTH), shownOutcome(step, explanation), text, paint, width);
    }),
    ...inOneLine('deny', named(['deny'])),
    ...inOneLine('unknown', named(['unknown'])),
    ...inOneLine('pass', named(['pass', 'allow'])),
  ];
}

const undetectableNames = ({ undetectable }: Explanation) =>
  undetectable.map(name => (name === 'bpf' ? 'a BPF LSM' : 'Landlock')).join(' or ');

const exceptUndetectable = (explanation: Explanation) =>
  explanation.undetectable.length > 0
    ? `, unless it was ${undetectableNames(explanation)}, which can't always be seen`
    : '';

const exceptRuledOut = ({ lsmsRuledOut }: HostFacts) =>
  lsmsRuledOut.length > 0 ? `; not among them: ${lsmsRuledOut.join(', ')}` : '';

/** The line about two threads, where the threads of a process have different rights. */
function threadLine({ threads, facts, pid, verdict }: Explanation): string | null {
  if (threads === null) return null;
  const by = threads.tracer === facts.tracer.pid ? 'The tracer' : `Thread ${threads.tracer} of the tracer`;
  const of = threads.target === pid ? 'the target' : `thread ${threads.target} of the target`;
  const may = verdict === 'allowed' ? 'may' : 'may or may not';
  return `${by} ${may} do this to ${of}, although the answer for the first threads is stricter. The rules above are about these two threads: all threads of a process share its memory.`;
}

const DOMAINS = {
  assumption:
    'This assumes that the tracer was started by `tracegate run --confine`: in a Landlock domain with all that it starts.',
  tracegate:
    'The tracer is confined by tracegate: this process started it, or a process above it, by spawnConfined().',
  trial:
    'The tracer is in a Landlock domain, and so is all that it starts: a child tried how many more the kernel lets it enter.',
};

/** The text for a refusal that no visible rule explains. */
function hiddenRefusal(explanation: Explanation): string {
  const { facts } = explanation;
  const active = undetectableNames(explanation);
  const named = active === '' ? 'no such module is visible here' : `here it can be ${active}`;
  const list =
    facts.host.lsms === null
      ? `the kernel's list of them can't be read${exceptRuledOut(facts.host)}`
      : `the kernel's list: ${facts.host.lsms.join(', ')}`;
  return `Every rule that can be seen passes, and the kernel refused: something that can't be seen from outside refused; ${named} (${list}).`;
}

/** The answer comes from a seccomp filter of this process. A stranger need not have that filter. */
function filterLine({ answer }: Explanation, { syscall, code }: Observed): string {
  const does =
    code === 'SIGSYS' ? `ends each process that calls ${syscall}` : `answers ${syscall} with ${code}`;
  const said = `A seccomp filter of this process ${does}, before the kernel looks at the target`;
  return answer === 'denied'
    ? `${said}.`
    : `${said}: this says nothing about a stranger, which may have no such filter.`;
}

function kernelLine(explanation: Explanation): string | null {
  const { observed, agrees, verdict, refusedBy, answer } = explanation;
  if (observed === null) return null;
  if (observed.answeredBy === 'seccomp') return filterLine(explanation, observed);
  // For a debugger the kernel is asked only where the exec changes no right.
  const asked = explanation.debugger === null ? 'asked' : 'asked by a process with the same rights';
  const said = `The kernel was ${asked} (${observed.syscall}) and ${observed.code === null ? 'allowed it' : `answered ${observed.code}`}`;
  if (observed.answeredBy === 'landlock')
    return `${said}. The process that asked has inherited the Landlock domain of this process, which may have refused: this says nothing about a stranger outside.`;
  if (observed.outcome === 'unknown') return `${said}: that is no answer.`;
  if (answer === 'unknown') return `${said}: a rule that is unknown above may still refuse.`;
  if (agrees === true) return `${said}, as computed.`;
  if (verdict === 'unknown') {
    if (observed.outcome === 'allowed') return `${said}: so the rules that are unknown above pass.`;
    if (refusedBy.length !== 1) return `${said}: one of ${refusedBy.join(', ')} refused.`;
    const isOnlyOpen = explanation.steps.every(
      ({ outcome, rule }) => outcome !== 'unknown' || rule === refusedBy[0],
    );
    const why = isOnlyOpen
      ? 'every other rule that can be seen passes'
      : 'no other rule that can be seen refuses alone';
    return `${said}: ${why}, so ${refusedBy[0]} refused${exceptUndetectable(explanation)}.`;
  }
  if (verdict === 'allowed') return `${said}. ${hiddenRefusal(explanation)}`;
  return `${said}, although ${explanation.decidedBy} should refuse: please report that with the output of --json.`;
}

const HIDDEN =
  "No fact about the target can be read: /proc hides it (hidepid), isn't mounted, or is that of another pid namespace. Ask again as root, or in the pid namespace of the target.";

function remediesText({ remedies, answer, verdict, facts }: Explanation, width: number): string | null {
  if (answer === 'unknown' && facts.target?.kind === 'unknown') return fold(HIDDEN, 0, width);
  if (remedies.length === 0) {
    return answer === 'denied' ? 'Nothing that is known here would change it.' : null;
  }
  // A check that isn't visible may still refuse.
  const verb = verdict === 'allowed' ? 'may' : 'would';
  return remedyList(remedies, verb, width);
}

const scopeName = ({ scope }: Explanation) =>
  scope.state === 'present'
    ? `ptrace_scope ${scope.value}, ${scope.name}`
    : scope.state === 'absent'
      ? 'no Yama'
      : 'ptrace_scope unknown';

export const TEXT_OPTIONS: OptionKinds<TextOptions> = {
  paint: FUNCTION,
  width: integer('columns'),
  steps: BOOLEAN,
  self: text('a name'),
};

/**
 * An explanation for people, as the command line and the matchers print it.
 *
 * Applies to: pure data.
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { explainSync, explanationText } from 'tracegate/explain';
 *
 * const text = explanationText(explainSync(process.pid), { width: 80 });
 * assert.match(text, /^✗ denied: this process may not attach to/);
 * ```
 */
export function explanationText(explanation: Explanation, options: TextOptions = {}): string {
  const {
    paint = (_: Emphasis, plain: string) => plain,
    width = 100,
    steps: showsAll = false,
    self = 'this process',
  } = checkedOptions(options, TEXT_OPTIONS);
  const { answer, debugger: program } = explanation;
  const emphasis = ({ allowed: 'good', denied: 'bad', unknown: 'open' } as const)[answer];
  const sign = { allowed: '✓', denied: '✗', unknown: '?' }[answer];
  const domainLine = explanation.confined && DOMAINS[explanation.confined];
  const told = [threadLine(explanation), domainLine, kernelLine(explanation)].filter(line => line !== null);
  const remedies = remediesText(explanation, width);
  return [
    paint(emphasis, `${sign} ${headline(explanation, self)} (${scopeName(explanation)})`),
    '',
    ...(program === null ? [] : [fold(printable(`${program.because}.`), 0, width), '']),
    ...stepLines(explanation, showsAll, paint, width),
    ...told.flatMap(line => ['', fold(line, 0, width)]),
    ...(remedies === null ? [] : ['', remedies]),
  ].join('\n');
}
