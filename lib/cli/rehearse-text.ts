import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import { count, counted } from '../map/graph/names.js';
import type { Remedy } from '../policy/remedies/remedies.js';
import {
  CHANGES,
  type Change,
  type PairAtScope,
  type Recording,
  type Refusal,
  type Rehearsal,
  type RehearsedPair,
} from '../rehearse/rehearsal.js';
import { limitText, programName } from '../rehearse/rehearsal-words.js';
import { type Colour, colour, fold, printable, table } from './output.js';

/** The pairs of a list that the text shows. */
const SHOWN = 40;

const MARKS: Record<Change, [mark: string, style: Colour]> = {
  breaks: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  unchanged: ['✓', 'green'],
};

const timeText = (time: string): string => time.replace(/\.\d+Z$/, 'Z');

function remedyLines([remedy]: readonly Remedy[], width: number): string[] {
  if (remedy === undefined) return [];
  return remedy.actions.flatMap(({ who, what, command, call, opens }) => [
    `    → ${fold(printable(`${who}: ${what}`), 6, width)}`,
    ...[command, call].filter(text => text !== null).map(text => `      ${printable(text)}`),
    ...(opens === 'nothing' ? [] : [`      ${fold(`opens ${printable(opens)}`, 6, width)}`]),
  ]);
}

function refusalLines({ rule, because, ways, accesses, remedies }: Refusal, width: number): string[] {
  const text = `${counted(accesses, 'time')} by ${ways.join(', ')}: ${rule ?? 'refused'}: ${because}`;
  return [`    ${fold(printable(text), 6, width)}`, ...remedyLines(remedies, width)];
}

/** @param label what stands before the names: the mark of the change */
export function pairLines(
  pair: RehearsedPair,
  at: PairAtScope,
  width: number,
  label = MARKS[at.change][0],
): string[] {
  const [, style] = MARKS[at.change];
  const { breaks, unknown } = at.accesses;
  const numbers = [
    ...(breaks > 0
      ? [
          `${counted(breaks, 'access', 'accesses')} on ${counted(at.hosts, 'host')}, the last at ${timeText(at.last ?? '')}`,
        ]
      : []),
    ...(unknown > 0 ? [`${count(unknown)} unknown`] : []),
  ];
  const units = pair.units.length === 0 ? '' : `; by ${pair.units.map(printable).join(', ')}`;
  const title = `${label} ${programName(pair.tracer)} → ${programName(pair.target)}: ${numbers.join('; ')}${units}`;
  return [
    colour(style, fold(title, 4, width)),
    ...at.refusals.flatMap(refusal => refusalLines(refusal, width)),
    ...at.doubts.map(
      ({ because, ways, accesses }) =>
        `    ${fold(printable(`unknown: ${counted(accesses, 'time')} by ${ways.join(', ')}: ${because}`), 6, width)}`,
    ),
  ];
}

/** The pairs that don't stay as they are, as far as a laxer scope of the answer doesn't show them already. */
function scopeLines(
  rehearsal: Rehearsal,
  scope: PtraceScopeValue,
  laxer: PtraceScopeValue | undefined,
  width: number,
): string[] {
  const changed = rehearsal.pairs.filter(({ atScope }) => {
    const change = atScope[scope]?.change;
    return change !== 'unchanged' && (laxer === undefined || atScope[laxer]?.change !== change);
  });
  if (changed.length === 0) return [];
  const order = [...changed].sort(
    (a, b) =>
      CHANGES.indexOf(a.atScope[scope]?.change ?? 'unchanged') -
      CHANGES.indexOf(b.atScope[scope]?.change ?? 'unchanged'),
  );
  const lines = order.slice(0, SHOWN).flatMap(pair => {
    const at = pair.atScope[scope];
    return at === undefined ? [] : pairLines(pair, at, width);
  });
  const more = changed.length - SHOWN;
  return [
    '',
    colour(
      'bold',
      laxer === undefined ? `At ptrace_scope ${scope}` : `At ptrace_scope ${scope}, beyond those at ${laxer}`,
    ),
    ...lines,
    ...(more > 0 ? [`  and ${counted(more, 'pair')} more: --json has all`] : []),
  ];
}

function summaryTable({ atScope }: Rehearsal, scopes: readonly PtraceScopeValue[]): string {
  const rows = scopes.flatMap(scope => {
    const summary = atScope[scope];
    if (summary === undefined) return [];
    const { change, pairs, accesses, hosts } = summary;
    const [mark, style] = MARKS[change];
    const cells = [pairs.breaks, pairs.unknown, pairs.unchanged, accesses.breaks, hosts].map(count);
    return [[colour(style, `${mark} ${scope}`), ...cells]];
  });
  const head = [
    'ptrace_scope',
    'pairs that break',
    'unknown',
    'unchanged',
    'accesses that break',
    'on hosts',
  ];
  return table([head.map(word => colour('bold', word)), ...rows]);
}

function noteOf({ file, stopped, isCut, copyOf }: Recording): string[] {
  const name = printable(file);
  return [
    ...(isCut ? [`${name}: its last line is incomplete; all before it counts`] : []),
    ...(stopped === null && !isCut ? [`${name}: it has no end: it goes on, or the recorder was killed`] : []),
    ...(copyOf === null
      ? []
      : [`${name}: the same recording as ${printable(copyOf)}, which is counted once`]),
  ];
}

const listed = (title: string, lines: readonly string[], width: number): string[] =>
  lines.length === 0
    ? []
    : [
        '',
        colour('bold', title),
        ...lines.slice(0, SHOWN).map(line => `  ${fold(line, 4, width)}`),
        ...(lines.length > SHOWN ? [`  and ${count(lines.length - SHOWN)} more: --json has all`] : []),
      ];

export function rehearsalText(
  rehearsal: Rehearsal,
  scopes: readonly PtraceScopeValue[],
  width: number,
): string {
  const { hosts, accesses, begin, end, pairs, recordings, limits, overlapping, failed } = rehearsal;
  const limitsOf = (isHiding: boolean) => limits.filter(({ hides }) => hides === isHiding).map(limitText);
  const period = begin === null || end === null ? '' : `, from ${timeText(begin)} to ${timeText(end)}`;
  return [
    fold(
      `${counted(recordings.length, 'recording')} of ${counted(hosts, 'host')}${period}: ${counted(accesses, 'access', 'accesses')} by ${counted(pairs.length, 'pair')} of programs.`,
      0,
      width,
    ),
    '',
    summaryTable(rehearsal, scopes),
    ...scopes.flatMap((scope, at) => scopeLines(rehearsal, scope, scopes[at - 1], width)),
    ...listed('What may hide accesses, so that nothing proves that nothing breaks', limitsOf(true), width),
    ...listed(
      'Files that were not read to their end',
      failed.map(({ file, because }) => `${printable(file)}: ${printable(because)}`),
      width,
    ),
    ...listed(
      'Mind',
      [
        ...limitsOf(false),
        ...overlapping.map(
          host =>
            `${printable(host)}: two recordings are of the same time, so that accesses may be counted twice`,
        ),
        ...recordings.flatMap(noteOf),
      ],
      width,
    ),
  ].join('\n');
}
