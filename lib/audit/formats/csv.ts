import { printable } from '../../printable.js';
import type { AuditReport } from '../audit.js';
import { controlName } from '../rows/profile.js';
import { waiverText } from '../rows/waiver.js';

/**
 * RFC 4180, 2.5 to 2.7. A spreadsheet takes a cell that begins with one of these characters for a formula; a single quote before
 * it prevents that. The names of files and hosts of a tree are not ours.
 */
function cell(value: string | number | boolean | null): string {
  const text = printable(`${value ?? ''}`).replace(/^[=+@-]/, "'$&");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const COLUMNS = [
  'time',
  'host',
  'os',
  'kernel',
  'root',
  'tracegate',
  'profile',
  'profile version',
  'row',
  'title',
  'required',
  'verdict',
  'found',
  'expected',
  'because',
  'file',
  'line',
  'remedy',
  'waiver',
  'controls',
] as const;

/** Formats audits as CSV (RFC 4180): a line with the names of the columns, and a line for each row. */
export function toCsv(reports: readonly AuditReport[]): string {
  const lines = reports.flatMap(({ evidence, root, profile, rows, controls }) => {
    const names = controls.map(controlName).join('; ');
    return rows.map(
      (row): Record<(typeof COLUMNS)[number], string | number | boolean | null> => ({
        time: evidence.time,
        host: evidence.host,
        os: evidence.os?.name ?? null,
        kernel: evidence.kernel,
        root,
        tracegate: evidence.toolVersion,
        profile: profile.id,
        'profile version': evidence.profileVersion,
        row: row.id,
        title: row.title,
        required: row.required,
        verdict: row.verdict,
        found: row.found,
        expected: row.expected,
        because: row.because,
        file: row.file,
        line: row.line,
        remedy: row.remedy,
        waiver: row.waiver === null ? null : waiverText(row.waiver),
        controls: row.required ? names : null,
      }),
    );
  });
  return [COLUMNS, ...lines.map(line => COLUMNS.map(column => line[column]))]
    .map(cells => `${cells.map(cell).join(',')}\r\n`)
    .join('');
}
