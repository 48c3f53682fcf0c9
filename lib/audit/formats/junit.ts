import type { AuditReport } from '../audit.js';
import { type AuditRow, reasonOf } from '../rows/row.js';
import { waiverText } from '../rows/waiver.js';
import { element, escapeXml, XML } from './xml.js';

/** A row that can't fail a build is `skipped` with its text: one that the profile doesn't require, or that is waived. */
const isSkipped = ({ verdict, required }: AuditRow): boolean =>
  verdict === 'not-applicable' || verdict === 'waived' || (!required && verdict !== 'pass');

function outcome(row: AuditRow): string[] {
  const { verdict, found, expected, because, remedy, waiver } = row;
  if (verdict === 'pass') return [];
  const message = `found ${found}, expected ${expected}: ${reasonOf(row)}`;
  const waived = waiver === null ? '' : ` (${waiverText(waiver)})`;
  if (isSkipped(row)) return [element('skipped', {}, escapeXml(`${verdict}: ${message}${waived}`))];
  const type = `tracegate.${verdict}`;
  return [element(verdict === 'fail' ? 'failure' : 'error', { message, type }, escapeXml(remedy ?? because))];
}

const count = (rows: readonly AuditRow[], test: (row: AuditRow) => boolean) => rows.filter(test).length;

function suite({ rows, profile, root, evidence }: AuditReport): string {
  const properties = {
    os: evidence.os?.name,
    kernel: evidence.kernel,
    tracegate: evidence.toolVersion,
    'profile version': evidence.profileVersion,
    command: evidence.command,
  };
  return element(
    'testsuite',
    {
      name: `tracegate audit ${profile.id}${root === '/' ? '' : ` ${root}`}`,
      tests: rows.length,
      failures: count(rows, ({ required, verdict }) => required && verdict === 'fail'),
      errors: count(rows, ({ required, verdict }) => required && verdict === 'unknown'),
      skipped: count(rows, isSkipped),
      timestamp: evidence.time,
      hostname: evidence.host ?? '',
    },
    [
      element(
        'properties',
        {},
        Object.entries(properties).flatMap(([name, value]) =>
          value === null || value === undefined ? [] : [element('property', { name, value })],
        ),
      ),
      ...rows.map(row =>
        element(
          'testcase',
          { name: `${row.id}: ${row.title}`, classname: `tracegate.audit.${profile.id}` },
          outcome(row),
        ),
      ),
    ],
  );
}

/** Formats audits as JUnit XML. Each audit is a suite, and each of its rows a test case. */
export const toJunit = (reports: readonly AuditReport[]): string =>
  `${XML}${element('testsuites', {}, reports.map(suite))}\n`;
