// A waiver accepts a failure of its row, until its last day has passed in UTC. Nothing else of the row changes.
import { expect, it } from 'vitest';
import { type RowVerdict, row, verdictOf } from '../../lib/audit/rows/row.js';
import { withWaiver } from '../../lib/audit/rows/waiver.js';

const waiver = { row: 'drift', owner: 'Ada', reason: 'ticket 7', expires: '2027-01-31' };
const about = { id: 'drift', title: 'a row', required: true, expected: 'the same value' };
const found = (verdict: RowVerdict) => row(about, { verdict, found: '0', because: 'weaker' });
const at = (time: string) => withWaiver(found('fail'), [waiver], new Date(time));

it('accepts a failure until the end of its last day in UTC', () => {
  expect(at('2026-11-29T12:00:00Z')).toEqual({ ...found('fail'), verdict: 'waived', waiver });
  expect(at('2027-01-31T23:59:59.999Z').verdict).toBe('waived');
  expect(at('2027-01-31T23:30:00-01:00').verdict).toBe('fail');
});

it('changes no verdict after that, and the row names it', () => {
  expect(at('2027-02-01T00:00:00Z')).toEqual({
    ...found('fail'),
    because: 'weaker; the waiver of Ada expired on 2027-01-31',
  });
});

it('a waiver that holds counts beside one that has expired', () => {
  const expired = { ...waiver, owner: 'Bob', expires: '2020-01-01' };
  expect(withWaiver(found('fail'), [expired, waiver], new Date('2026-11-29')).waiver).toBe(waiver);
});

it.each(['pass', 'unknown', 'not-applicable'] as const)('changes no row that is %s', verdict => {
  expect(withWaiver(found(verdict), [waiver], new Date('2026-11-29'))).toEqual(found(verdict));
});

it('changes no other row', () => {
  const other = { ...found('fail'), id: 'yama' };
  expect(withWaiver(other, [waiver], new Date('2026-11-29'))).toEqual(other);
});

it.each<[RowVerdict[], RowVerdict]>([
  [['pass', 'waived'], 'waived'],
  [['waived', 'unknown', 'pass'], 'unknown'],
  [['waived', 'fail'], 'fail'],
  [['not-applicable', 'waived'], 'waived'],
])('the verdict on rows that are %j is %s', (verdicts, verdict) => {
  expect(verdictOf(verdicts.map(found))).toBe(verdict);
});
