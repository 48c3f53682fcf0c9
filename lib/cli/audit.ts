import { type AuditReport, auditorOf, loadProfile } from '../audit/audit.js';
import { toCsv } from '../audit/formats/csv.js';
import { toJunit } from '../audit/formats/junit.js';
import { toPrometheus } from '../audit/formats/prometheus.js';
import { toSarif } from '../audit/formats/sarif.js';
import { toXccdf } from '../audit/formats/xccdf.js';
import { controlName, profileNames } from '../audit/rows/profile.js';
import { type AuditRow, type RowVerdict, reasonOf, VERDICTS } from '../audit/rows/row.js';
import { waiverText } from '../audit/rows/waiver.js';
import type { SysctlAssignment } from '../audit/sysctl/config.js';
import { TracegateError } from '../errors.js';
import { SCHEMA_VERSIONS } from '../schema-versions.js';
import { type CommandBody, type ExitCode, USAGE, UsageError, type Values } from './command.js';
import {
  asJson,
  type Colour,
  colour,
  fold,
  printable,
  table,
  textFor,
  textWidth,
  wrapped,
} from './output.js';
import { writeOutput } from './write-output.js';

const MARKS: Record<RowVerdict, [mark: string, style: Colour]> = {
  pass: ['✓ pass', 'green'],
  fail: ['✗ fail', 'red'],
  waived: ['! waived', 'yellow'],
  unknown: ['? unknown', 'yellow'],
  'not-applicable': ['- not applicable', 'dim'],
};

const marked = (verdict: RowVerdict): string => {
  const [mark, style] = MARKS[verdict];
  return colour(style, mark);
};

function describeRow(row: AuditRow, width: number): string {
  const { verdict, title, found, expected, remedy, waiver } = row;
  const isFine = verdict === 'pass' || verdict === 'not-applicable';
  const wanted = isFine ? '' : `, expected ${expected}`;
  return [
    fold(`${marked(verdict)}  ${title}: ${printable(found)}${wanted}`, 4, width),
    `    ${fold(printable(reasonOf(row)), 4, width)}`,
    ...(waiver === null ? [] : [`    ${fold(printable(waiverText(waiver)), 4, width)}`]),
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

/** When, of what, by what, and how to repeat it. */
function describeEvidence({ evidence, profile, controls }: AuditReport, width: number): string {
  const { time, host, auditor, os, kernel, toolVersion, profileVersion, command } = evidence;
  const ids = controls.map(controlName).join(', ');
  const rows = [
    ['time', time],
    ['host', `${host ?? 'unnamed'}${kernel === null ? `, audited on ${auditor}` : ''}`],
    ['system', `${os?.name ?? 'no os-release'}${kernel === null ? '' : `, kernel ${kernel}`}`],
    ['by', `tracegate ${toolVersion}, profile ${profile.id} ${profileVersion ?? 'without a version'}`],
    ['controls', ids === '' ? 'none for this system' : ids],
    ...(command === null ? [] : [['again', command]]),
  ];
  return table(
    rows.map(row => row.map(printable)),
    width,
  );
}

/** The row that the verdict comes from. */
const deciding = ({ rows, verdict }: AuditReport): AuditRow | undefined =>
  rows.find(row => row.required && row.verdict === verdict);

interface NotAudited {
  root: string;
  because: string;
}

/** All audits in a table, and how many have each verdict. */
function describeSummary(
  reports: readonly AuditReport[],
  failed: readonly NotAudited[],
  width: number,
): string {
  const rows = reports.map(report => {
    const { verdict, profile, root, evidence } = report;
    const row = deciding(report);
    return [
      marked(verdict),
      profile.id,
      printable(root),
      printable(evidence.os?.name ?? ''),
      printable(row === undefined ? '' : `${row.found}: ${reasonOf(row)}`),
    ];
  });
  const counts = VERDICTS.map(
    verdict => [reports.filter(report => report.verdict === verdict).length, verdict] as const,
  );
  return [
    colour('bold', 'Summary'),
    table(rows, width),
    ...failed.map(({ root, because }) =>
      colour('red', `not audited: ${printable(root)}: ${printable(because)}`),
    ),
    [...counts, [failed.length, 'not audited'] as const]
      .filter(([count]) => count > 0)
      .map(([count, what]) => `${count} ${what}`)
      .join(', '),
  ].join('\n');
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
    describeEvidence(report, width),
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

const FORMATS = {
  sarif: toSarif,
  junit: toJunit,
  prometheus: toPrometheus,
  csv: toCsv,
  xccdf: toXccdf,
} as const;

/** One audit has its own text and JSON; those of several have a summary. */
function formatted(
  format: string,
  reports: readonly AuditReport[],
  failed: readonly NotAudited[],
  isOne: boolean,
  width: number,
): string {
  const [only] = reports;
  if (format !== 'human' && format !== 'json') return FORMATS[format as keyof typeof FORMATS](reports);
  if (isOne && only !== undefined) return format === 'json' ? asJson('audit', only) : describe(only, width);
  if (format === 'json') {
    const { audit: schemaVersion } = SCHEMA_VERSIONS;
    const all = reports.map(report => ({ schemaVersion, ...report }));
    return asJson('audits', { reports: all, failed });
  }
  return [...reports.map(report => describe(report, width)), describeSummary(reports, failed, width)].join(
    '\n\n',
  );
}

/** If nothing could be judged, the exit code is not that of a pass. */
const EXIT_CODES: Record<RowVerdict, ExitCode> = {
  pass: 0,
  waived: 0,
  fail: 1,
  unknown: 3,
  'not-applicable': 3,
};

const NOT_APPLICABLE = 'not-applicable';

/** The exit code of several audits: that of a failure, else that of what is not known. */
const worst = (codes: readonly ExitCode[]): ExitCode => (codes.includes(1) ? 1 : codes.includes(3) ? 3 : 0);

/** An option that may be given several times. */
const list = (value: Values[string], otherwise: string): string[] =>
  Array.isArray(value) ? value : [otherwise];

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0)
    throw new UsageError('audit takes no argument: for another tree use tracegate audit --root DIR');
  const roots = list(values.root, '/');
  const profiles = list(values.profile, 'cis');
  const isOne = roots.length === 1 && profiles.length === 1;
  // A profile that can't be read is no fault of a root.
  const loaded = await Promise.all(profiles.map(loadProfile));
  const reports: AuditReport[] = [];
  const failed: NotAudited[] = [];
  for (const root of roots) {
    try {
      reports.push(...loaded.map(auditorOf(root)));
    } catch (error) {
      if (isOne || !(error instanceof TracegateError)) throw error;
      failed.push({ root, because: error.message });
      console.error(`tracegate: ${printable(error.message)}`);
    }
  }
  const format = values.json ? 'json' : typeof values.format === 'string' ? values.format : 'human';
  const output = typeof values.output === 'string' ? values.output : undefined;
  // A file has lines of any length.
  const width = output === undefined ? textWidth() : Number.POSITIVE_INFINITY;
  const text = formatted(format, reports, failed, isOne, width);
  writeOutput(format === 'human' ? textFor(output, text) : text, output, 'ERR_TRACEGATE_AUDIT');
  const codes = reports.map(({ verdict }) => (verdict === values.accept ? 0 : EXIT_CODES[verdict]));
  return worst(failed.length === 0 ? codes : [...codes, 3]);
}

export const auditCommand: CommandBody = {
  details: [
    `Profiles: ${profileNames().join(', ')}; or a JSON file (schemas/profile.schema.json).`,
    'It reads files and /proc, and changes nothing. Some of them only root may read.',
  ],
  exitCodes: [
    ['0', 'pass, or every failure is waived'],
    ['1', 'fail; of several audits, one at least'],
    USAGE,
    ['3', 'unknown, or nothing to judge; of several audits, one at least, and none fails'],
  ],
  options: {
    profile: {
      type: 'string',
      value: 'PROFILE|FILE',
      words: profileNames(),
      multiple: true,
      help: 'the profile to check against (default: cis); may be given several times',
    },
    root: {
      type: 'string',
      value: 'DIR',
      multiple: true,
      help: 'audit an unpacked image or a mounted disk; nothing in it is executed; may be given several times',
    },
    output: {
      type: 'string',
      value: 'FILE',
      help: 'write there instead of standard output, at once and readable by every user',
    },
    format: {
      type: 'string',
      value: 'F',
      words: ['human', 'json', ...Object.keys(FORMATS)],
      help: 'human (default), json, sarif, junit, prometheus, csv or xccdf',
    },
    accept: {
      type: 'string',
      value: 'VERDICT',
      words: [NOT_APPLICABLE],
      help: 'not-applicable: this verdict ends with 0, and only unknown with 3',
    },
  },
  run,
};
