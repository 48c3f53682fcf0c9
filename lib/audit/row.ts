export type RowVerdict = 'pass' | 'fail' | 'unknown' | 'not-applicable';

/** One thing that was looked at. */
export interface AuditRow {
  id: string;
  title: string;
  /** Whether the profile asks for it: the report's verdict is that of these. */
  required: boolean;
  verdict: RowVerdict;
  found: string;
  expected: string;
  because: string;
  /** Where it is decided, if a line does. */
  file: string | null;
  line: number | null;
  /** What to do; null where nothing is to be done. */
  remedy: string | null;
}

type Finding = Pick<AuditRow, 'verdict' | 'found' | 'because'> &
  Partial<Pick<AuditRow, 'file' | 'line' | 'remedy'>>;

export const row = (
  about: Pick<AuditRow, 'id' | 'title' | 'required' | 'expected'>,
  finding: Finding,
): AuditRow => ({ ...about, file: null, line: null, remedy: null, ...finding });

/** Unknown is not good enough, and nothing at all is no pass. */
export function verdictOf(rows: readonly AuditRow[]): RowVerdict {
  const verdicts = new Set(rows.filter(({ required }) => required).map(({ verdict }) => verdict));
  for (const verdict of ['fail', 'unknown', 'pass'] as const) if (verdicts.has(verdict)) return verdict;
  return 'not-applicable';
}
