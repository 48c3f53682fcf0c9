import { type AuditReport, audit } from '../audit/audit.js';
import { toJunit } from '../audit/formats/junit.js';
import { toPrometheus } from '../audit/formats/prometheus.js';
import { toSarif } from '../audit/formats/sarif.js';
import { profileNames } from '../audit/rows/profile.js';
import { type AuditRow, type RowVerdict, reasonOf } from '../audit/rows/row.js';
import type { SysctlAssignment } from '../audit/sysctl/config.js';
import { type CommandBody, type ExitCode, USAGE, UsageError, type Values } from './command.js';
import { asJson, type Colour, colour, fold, printable, table, textWidth, wrapped } from './output.js';
import { version } from './version.js';
import { writeOutput } from './write-output.js';

const MARKS: Record<RowVerdict, [mark: string, style: Colour]> = {
  pass: ['✓ pass', 'green'],
  fail: ['✗ fail', 'red'],
  unknown: ['? unknown', 'yellow'],
  'not-applicable': ['- not applicable', 'dim'],
};

const marked = (verdict: RowVerdict): string => {
  const [mark, style] = MARKS[verdict];
  return colour(style, mark);
};

function describeRow(row: AuditRow, width: number): string {
  const { verdict, title, found, expected, remedy } = row;
  const isFine = verdict === 'pass' || verdict === 'not-applicable';
  const wanted = isFine ? '' : `, expected ${expected}`;
  return [
    fold(`${marked(verdict)}  ${title}: ${printable(found)}${wanted}`, 4, width),
    `    ${fold(printable(reasonOf(row)), 4, width)}`,
    ...(remedy === null ? [] : [`    → ${fold(remedy, 6, width)}`]),
  ].join('\n');
}

/** Each line once, with its fate under each loader. */
function describeAssignments({ assignments, provenance }: AuditReport): string {
  const lines = new Map<string, SysctlAssignment[]>();
  for (const one of assignments) {
    const place = `${one.file}:${one.line}`;
    lines.set(place, [...(lines.get(place) ?? []), one]);
  }
  const rows = [...lines].map(([place, each]) => {
    const fates = each.map(({ loader, fate, by }) => {
      const over = by === null ? '' : ` by ${by.file}${by.line === null ? '' : `:${by.line}`}`;
      return `${loader}: ${fate}${over}`;
    });
    const { package: name, known } = provenance.find(({ file }) => file === each[0]?.file) ?? {};
    const origin = name === undefined || name === null ? known : `package ${name}`;
    return [
      printable(place),
      printable(each[0]?.text.trim() ?? ''),
      printable(fates.join('; ')),
      printable(origin ?? ''),
    ];
  });
  return rows.length === 0 ? 'No line sets it.' : table(rows);
}

function describe(report: AuditReport, width: number): string {
  const { profile, rows, verdict, root } = report;
  const { document, item } = profile.source;
  const part = (isRequired: boolean) =>
    rows
      .filter(row => row.required === isRequired && row.verdict !== 'not-applicable')
      .map(row => describeRow(row, width))
      .join('\n');
  const rest = rows.filter(row => row.verdict === 'not-applicable').map(({ id }) => id);
  return [
    fold(
      `${marked(verdict)}  ${printable(`${profile.title} (${document}${item === null ? '' : `, ${item}`})${root === '/' ? '' : `, of ${root}`}`)}`,
      4,
      width,
    ),
    '',
    part(true),
    '',
    colour('bold', 'Beside the profile'),
    part(false),
    ...(rest.length === 0 ? [] : [wrapped(`${marked('not-applicable')}: ${rest.join(', ')}`, width)]),
    '',
    colour('bold', 'Lines on kernel.yama.ptrace_scope'),
    describeAssignments(report),
  ].join('\n');
}

const FORMATS: Record<string, (report: AuditReport, width: number) => string> = {
  human: describe,
  json: report => asJson('audit', report),
  sarif: report => JSON.stringify(toSarif(report, version()), null, 2),
  junit: toJunit,
  prometheus: report => toPrometheus(report, new Date()),
};

/** If nothing could be judged, the exit code is not that of a pass. */
const EXIT_CODES: Record<RowVerdict, ExitCode> = { pass: 0, fail: 1, unknown: 3, 'not-applicable': 3 };

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0)
    throw new UsageError('audit takes no argument: for another tree use tracegate audit --root DIR');
  const format = typeof values.format === 'string' ? values.format : 'human';
  const report = await audit({
    ...(typeof values.profile === 'string' && { profile: values.profile }),
    ...(typeof values.root === 'string' && { root: values.root }),
  });
  const output = typeof values.output === 'string' ? values.output : undefined;
  // A file has lines of any length.
  const width = output === undefined ? textWidth() : Number.POSITIVE_INFINITY;
  const text = FORMATS[values.json ? 'json' : format]?.(report, width) ?? '';
  writeOutput(text, output, 'ERR_TRACEGATE_AUDIT');
  return EXIT_CODES[report.verdict];
}

export const auditCommand: CommandBody = {
  details: [
    `Profiles: ${profileNames().join(', ')}; or a JSON file (schemas/profile.schema.json).`,
    'It reads files and /proc, and changes nothing. Some of them only root may read.',
  ],
  exitCodes: [['0', 'pass'], ['1', 'fail'], USAGE, ['3', 'unknown, or nothing to judge']],
  options: {
    profile: {
      type: 'string',
      value: 'PROFILE|FILE',
      words: profileNames(),
      help: 'the profile to check against (default: cis)',
    },
    root: {
      type: 'string',
      value: 'DIR',
      help: 'audit an unpacked image or a mounted disk; nothing in it is executed',
    },
    output: {
      type: 'string',
      value: 'FILE',
      help: 'write there instead of standard output, at once and readable by every user',
    },
    format: {
      type: 'string',
      value: 'F',
      words: Object.keys(FORMATS),
      help: 'human (default), json, sarif, junit or prometheus',
    },
  },
  run,
};
