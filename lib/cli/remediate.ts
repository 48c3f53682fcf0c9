import type { FileChange } from '../audit/remediate/edits.js';
import type { NextStep } from '../audit/remediate/next-steps.js';
import {
  type Consent,
  ConsentError,
  RefusedError,
  type RemediateOptions,
  type Remediation,
  remediate,
} from '../audit/remediate/remediate.js';
import { type UndoneRemediation, type UndoOptions, undoRemediation } from '../audit/remediate/undo.js';
import { TracegateError } from '../errors.js';
import {
  type CommandBody,
  type ExitCode,
  parseScope,
  SCOPES,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { colour, printable, printJson, textWidth, wrapped } from './output.js';
import { type Recorded, recordedAt, recordedLines } from './recorded-impact.js';

/** The changed lines in the form of a diff. A change never moves a line. */
function describeChange({ path, before, after, why }: FileChange): string[] {
  const [old, now] = [before?.split('\n') ?? [], after.split('\n')];
  const lines = now.flatMap((line, at) => {
    if (line === old[at]) return [];
    const removed = old[at] === undefined ? [] : [colour('red', `    - ${printable(old[at] ?? '')}`)];
    return line === '' && at === now.length - 1
      ? removed
      : [...removed, colour('green', `    + ${printable(line)}`)];
  });
  return [wrapped(`${before === null ? 'new file' : 'change'} ${printable(path)}: ${why}`), ...lines];
}

const CONSENTS: Record<Consent, string> = {
  allowIrreversible: '--allow-irreversible: 3 stays until the next boot, and root can’t lower it',
  allowDowngrade: '--allow-downgrade: more processes may attach than now, or than after the next boot',
};

function describeImpact({ tracers, tools, searched, notSearched }: Remediation['impact']): string[] {
  const name = ({ pid, comm }: { pid: number; comm: string | null }) => `${pid} ${printable(comm ?? '?')}`;
  return [
    ...tracers.map(tracer => {
      const unless =
        tracer.reattach === 'unknown'
          ? `, unless process ${tracer.target.pid} declares it (PR_SET_PTRACER)`
          : '';
      const text = `breaks: ${name(tracer)} traces ${name(tracer.target)}, and could not attach again (${tracer.by})${unless}`;
      return colour('yellow', text);
    }),
    ...tools.map(({ path, loses, source }) =>
      colour('yellow', `breaks: ${printable(path)} loses ${loses} (${source})`),
    ),
    ...(searched.length === 0
      ? []
      : [
          `searched for tools: ${searched.map(printable).join(', ')}; not in ${notSearched.map(printable).join(', ')}`,
        ]),
  ];
}

/** Commands and texts stay on lines of their own, to be copied. */
const indented = (text: string): string[] => text.split('\n').map(line => `    ${printable(line)}`);

const describeStep = ({ command, why }: NextStep): string[] => [
  wrapped(`next: ${why}:`),
  ...indented(command),
];

function describe(
  { scope, root, changes, running, runningStays, impact, consents, applied, kept, nextSteps }: Remediation,
  recorded: Recorded | null,
): string {
  const steps = [
    ...changes.flatMap(describeChange),
    ...(running === null ? [] : [`then kernel.yama.ptrace_scope: ${running.from} → ${running.to}`]),
  ];
  if (steps.length === 0 && runningStays === null)
    return colour(
      'green',
      `It is ${scope}, ${root === '/' ? 'now and after the next boot' : 'after a boot of this tree'}.`,
    );
  return [
    ...steps,
    ...(runningStays === null ? [] : [wrapped(colour('yellow', `the running value stays: ${runningStays}`))]),
    ...describeImpact(impact).map(line => wrapped(line)),
    ...(recorded === null ? [] : recordedLines(recorded, scope, textWidth())),
    ...(applied ? [] : consents.map(consent => wrapped(`needs ${CONSENTS[consent]}`))),
    ...kept.map(path => `kept: ${printable(path)}`),
    ...nextSteps.flatMap(describeStep),
    applied
      ? `${colour('green', 'Done, and verified.')} --undo takes the files back.`
      : 'Nothing was changed: add --apply to change it.',
  ].join('\n');
}

/** As diff(1): 1 where there is something to do. */
function exitCode({ applied, changes, running }: Remediation): ExitCode {
  return applied || (changes.length === 0 && running === null) ? 0 : 1;
}

/** As remediate(), with the consents that are missing named as options of this command. */
function remediateOrSayHow(options: RemediateOptions): Remediation {
  try {
    return remediate(options);
  } catch (error) {
    if (!(error instanceof ConsentError)) throw error;
    const needed = error.missing.map(consent => `it needs ${CONSENTS[consent]}`);
    throw new TracegateError(error.code, `not done: ${needed.join('; ')}`, { cause: error });
  }
}

function describeUndo({ root, restored, removed, runningBefore, applied }: UndoneRemediation): string {
  const running = runningBefore === null ? [] : [`the running value stays; before, it was ${runningBefore}`];
  return [
    ...restored.map(path => `${applied ? 'restored' : 'would restore'}: ${printable(path)}`),
    ...removed.map(path => `${applied ? 'removed' : 'would remove'}: ${printable(path)}`),
    ...(root === '/' ? running : []),
    applied ? colour('green', 'Undone.') : 'Nothing was changed: add --apply to change it.',
  ].join('\n');
}

function undo(options: UndoOptions, json: boolean): ExitCode {
  const result = undoRemediation(options);
  if (json) printJson('remediate-undo', result);
  else console.log(describeUndo(result));
  return result.applied ? 0 : 1;
}

/** A refusal is an answer, which `--json` has too. */
function refuse({ root, scope, refusal, message }: RefusedError, json: boolean): ExitCode {
  const { instead } = refusal;
  if (json) printJson('remediate-refusal', { scope, root, ...refusal });
  else console.error(wrapped(`tracegate: ${printable(message)}`, textWidth(undefined, process.stderr)));
  if (json || instead === null) return 3;
  console.error([`Instead, in ${instead.where}:`, ...indented(instead.text)].join('\n'));
  return 3;
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0) throw new UsageError('remediate takes no argument: tracegate remediate --scope 1');
  const root = typeof values.root === 'string' && { root: values.root };
  if (values.undo) {
    if (values.scope !== undefined)
      throw new UsageError('--undo takes no --scope: tracegate remediate --undo');
    if (values.recording !== undefined)
      throw new UsageError('--undo takes no --recording: tracegate remediate --undo');
    return undo({ ...root, apply: values.apply === true }, values.json === true);
  }
  if (typeof values.scope !== 'string') throw new UsageError('remediate needs --scope: 0, 1, 2 or 3');
  const scope = parseScope(values.scope);
  const recorded = Array.isArray(values.recording) ? await recordedAt(scope, values.recording) : null;
  let result: Remediation;
  try {
    result = remediateOrSayHow({
      scope,
      ...root,
      apply: values.apply === true,
      allowIrreversible: values['allow-irreversible'] === true,
      allowDowngrade: values['allow-downgrade'] === true,
    });
  } catch (error) {
    if (error instanceof RefusedError) return refuse(error, values.json === true);
    throw error;
  }
  if (values.json)
    printJson(
      'remediate',
      recorded === null ? result : { ...result, impact: { ...result.impact, recorded } },
    );
  else console.log(describe(result, recorded));
  return exitCode(result);
}

export const remediateCommand: CommandBody = {
  details: [
    'It shows what it would write, why, and what that breaks. With --apply it writes and verifies, or restores everything.',
    'Files of packages stay as they are. --undo takes back what was written, to the byte.',
  ],
  exitCodes: [
    ['0', 'nothing to do, or done'],
    ['1', 'a change or a consent is missing'],
    USAGE,
    ['3', 'impossible, senseless on this system, or another run holds the lock: nothing is changed'],
  ],
  options: {
    scope: { type: 'string', value: 'N', words: SCOPES, help: '0, 1, 2 or 3' },
    apply: { type: 'boolean', help: 'do it' },
    undo: { type: 'boolean', help: 'take back all files that it changed, to the byte; with --apply' },
    root: {
      type: 'string',
      value: 'DIR',
      help: 'change only the files of an unpacked image or a mounted disk',
    },
    recording: {
      type: 'string',
      value: 'FILE',
      multiple: true,
      help: 'show what the scope breaks of a recording of tracegate watch; a quoted pattern reads many; may be given several times',
    },
    'allow-irreversible': { type: 'boolean', help: 'allow 3, which stays until the next boot' },
    'allow-downgrade': { type: 'boolean', help: 'allow a value that is weaker than the present one' },
  },
  run,
};
