import type { AuditReport } from '../audit.js';
import { type AuditRow, reasonOf } from '../rows/row.js';

/** XML 1.0, 2.2: most control characters are forbidden, also in escaped form. */
const escapeXml = (text: string) =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/g, '\ufffd')
    .replace(/[<>&"']/g, character => `&#${character.codePointAt(0)};`);

const element = (name: string, attributes: Record<string, string | number>, content = '') => {
  const text = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(`${value}`)}"`);
  return content === '' ? `<${name}${text.join('')}/>` : `<${name}${text.join('')}>\n${content}\n</${name}>`;
};

/** A row that the profile doesn't require is `skipped` with its text, so that it can't fail a build. */
function outcome(row: AuditRow): string {
  const { verdict, required, found, expected, because, remedy } = row;
  if (verdict === 'pass') return '';
  const message = `found ${found}, expected ${expected}: ${reasonOf(row)}`;
  if (!required || verdict === 'not-applicable')
    return element('skipped', { message: `${verdict}: ${message}` });
  const type = `tracegate.${verdict}`;
  return element(verdict === 'fail' ? 'failure' : 'error', { message, type }, escapeXml(remedy ?? because));
}

const count = (rows: readonly AuditRow[], test: (row: AuditRow) => boolean) => rows.filter(test).length;

/** Formats an audit as JUnit XML. Each row is a test case. */
export function toJunit({ rows, profile, root }: AuditReport): string {
  const name = `tracegate audit ${profile.id}${root === '/' ? '' : ` ${root}`}`;
  const cases = rows.map(row =>
    element(
      'testcase',
      { name: `${row.id}: ${row.title}`, classname: `tracegate.audit.${profile.id}` },
      outcome(row),
    ),
  );
  const suite = element(
    'testsuite',
    {
      name,
      tests: rows.length,
      failures: count(rows, ({ required, verdict }) => required && verdict === 'fail'),
      errors: count(rows, ({ required, verdict }) => required && verdict === 'unknown'),
      skipped: count(
        rows,
        ({ required, verdict }) => verdict === 'not-applicable' || (!required && verdict !== 'pass'),
      ),
    },
    cases.join('\n'),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suite}\n</testsuites>\n`;
}
