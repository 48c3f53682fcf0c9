import type { AuditReport } from '../audit.js';
import { type AuditRow, type RowVerdict, reasonOf } from '../rows/row.js';
import { waiverText } from '../rows/waiver.js';
import { element, escapeXml, XML } from './xml.js';

/** XCCDF 1.2 (NISTIR 7275 r4), 6.6.4.2, table 35. A waived failure is no pass: its result is informational. */
const RESULTS: Record<RowVerdict, string> = {
  pass: 'pass',
  fail: 'fail',
  waived: 'informational',
  unknown: 'unknown',
  'not-applicable': 'notapplicable',
};

/** The names that catalogs have in XCCDF documents of others. */
const CATALOGS: Record<string, string> = { CCE: 'http://cce.mitre.org', CCI: 'http://cyber.mil/cci' };
const systemOf = (catalog: string) => CATALOGS[catalog] ?? `urn:tracegate:${encodeURIComponent(catalog)}`;

const BENCHMARK = 'xccdf_tracegate_benchmark_audit';
const ruleId = (row: string) => `xccdf_tracegate_rule_${row}`;
const profileId = (profile: string) => `xccdf_tracegate_profile_${profile}`;
/** The checking system is tracegate itself, and its check has the row's name. */
const check = (row: string) =>
  element('check', { system: 'urn:tracegate:audit' }, [element('check-content-ref', { href: row })]);
const words = (name: string, value: string, attributes: Record<string, string> = {}) =>
  element(name, attributes, escapeXml(value));

/** Of the same profile, the reports of several roots may have different rows. */
function uniqueBy<T>(all: readonly T[], key: (one: T) => string): T[] {
  return [...new Map(all.map(one => [key(one), one])).values()];
}

function ruleResult(row: AuditRow, { evidence, controls }: AuditReport): string {
  const { id, required, verdict, found, expected, waiver } = row;
  const override =
    waiver === null
      ? []
      : [
          element('override', { time: evidence.time, authority: waiver.owner }, [
            words('old-result', 'fail'),
            words('new-result', RESULTS.waived),
            words('remark', waiverText(waiver)),
          ]),
        ];
  return element(
    'rule-result',
    { idref: ruleId(id), role: required ? 'full' : 'unscored', time: evidence.time },
    [
      words('result', RESULTS[verdict]),
      ...override,
      ...(required
        ? controls.map(({ catalog, id }) => words('ident', id, { system: systemOf(catalog) }))
        : []),
      words('message', `found ${found}, expected ${expected}: ${reasonOf(row)}`, {
        severity: verdict === 'fail' ? 'error' : 'info',
      }),
      check(id),
    ],
  );
}

/** XCCDF 1.2, 7.2.5.3.3: the flat model counts the rules that pass. Results that are neither pass nor a problem don't count. */
function score(rows: readonly AuditRow[]): string {
  const scored = rows.filter(
    ({ required, verdict }) => required && verdict !== 'not-applicable' && verdict !== 'waived',
  );
  const passed = scored.filter(({ verdict }) => verdict === 'pass').length;
  return words('score', `${passed}`, { system: 'urn:xccdf:scoring:flat', maximum: `${scored.length}` });
}

function testResult(report: AuditReport, index: number): string {
  const { evidence, profile, root, rows } = report;
  const facts = {
    os: evidence.os?.name,
    kernel: evidence.kernel,
    root,
    auditor: evidence.auditor,
    'profile-version': evidence.profileVersion,
    command: evidence.command,
  };
  return element(
    'TestResult',
    {
      id: `xccdf_tracegate_testresult_${index + 1}`,
      'start-time': evidence.time,
      'end-time': evidence.time,
      'test-system': `cpe:/a:tracegate:tracegate:${evidence.toolVersion}`,
      version: evidence.toolVersion,
    },
    [
      element('benchmark', { href: `#${BENCHMARK}`, id: BENCHMARK }),
      words('title', `tracegate audit ${profile.id}`),
      element('profile', { idref: profileId(profile.id) }),
      words('target', evidence.host ?? root),
      element(
        'target-facts',
        {},
        Object.entries(facts).flatMap(([name, value]) =>
          value === null || value === undefined
            ? []
            : [words('fact', value, { name: `urn:tracegate:fact:${name}`, type: 'string' })],
        ),
      ),
      ...rows.map(row => ruleResult(row, report)),
      score(rows),
    ],
  );
}

function profileElement(id: string, reports: readonly AuditReport[]): string {
  const own = reports.filter(({ profile }) => profile.id === id);
  const required = new Set(own.flatMap(({ rows }) => rows.filter(row => row.required).map(row => row.id)));
  return element('Profile', { id: profileId(id) }, [
    words('title', own[0]?.profile.title ?? id),
    ...[...required].map(row => element('select', { idref: ruleId(row), selected: 'true' })),
  ]);
}

/**
 * Formats audits as XCCDF 1.2, the results format of SCAP: a benchmark with a rule for each row, a profile for each profile, and
 * a result for each audit.
 */
export function toXccdf(reports: readonly AuditReport[]): string {
  const rows = uniqueBy(
    reports.flatMap(report => report.rows),
    ({ id }) => id,
  );
  const [first] = reports;
  const day = first?.evidence.time.slice(0, 10) ?? '';
  return `${XML}${element(
    'Benchmark',
    {
      xmlns: 'http://checklists.nist.gov/xccdf/1.2',
      id: BENCHMARK,
      resolved: 'true',
      'xml:lang': 'en',
    },
    [
      words('status', 'draft', { date: day }),
      words('title', 'tracegate audit'),
      words('description', 'kernel.yama.ptrace_scope, now and after the next boot, and what weakens it'),
      element('platform', { idref: 'cpe:/o:linux:linux_kernel' }),
      words('version', first?.evidence.toolVersion ?? ''),
      element('metadata', {}, [
        words('dc:creator', 'tracegate', { 'xmlns:dc': 'http://purl.org/dc/elements/1.1/' }),
      ]),
      ...[...new Set(reports.map(({ profile }) => profile.id))].map(id => profileElement(id, reports)),
      ...rows.map(({ id, title }) =>
        element('Rule', { id: ruleId(id), selected: 'false' }, [words('title', title), check(id)]),
      ),
      ...reports.map(testResult),
    ],
  )}\n`;
}
