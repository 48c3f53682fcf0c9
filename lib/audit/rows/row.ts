import type { Waiver } from './profile.js';

/** What a row, or a whole profile, comes to. `waived` is a failure that a waiver of the profile accepts. */
export type RowVerdict = 'pass' | 'fail' | 'waived' | 'unknown' | 'not-applicable';

/** The finding on one setting. */
export interface AuditRow {
  id: string;
  title: string;
  /** True if the profile requires this row. The report's verdict depends only on required rows. */
  required: boolean;
  verdict: RowVerdict;
  /** The value that was found, in words. */
  found: string;
  expected: string;
  /** The reason for the verdict, with the evidence. */
  because: string;
  /** The file of the line that decides; null if no line decides. */
  file: string | null;
  line: number | null;
  /** What to do about the finding; null if nothing is to be done. */
  remedy: string | null;
  /** The waiver that accepts the failure; null if none does. */
  waiver: Waiver | null;
}

type Finding = Pick<AuditRow, 'verdict' | 'found' | 'because'> &
  Partial<Pick<AuditRow, 'file' | 'line' | 'remedy'>>;

export const row = (
  about: Pick<AuditRow, 'id' | 'title' | 'required' | 'expected'>,
  finding: Finding,
): AuditRow => ({ ...about, file: null, line: null, remedy: null, waiver: null, ...finding });

/** The reason of a row with the line that decides, unless the reason names the line already. */
export function reasonOf({ because, file, line }: AuditRow): string {
  if (file === null) return because;
  const place = line === null ? file : `${file}:${line}`;
  return because.includes(place) ? because : `${because} (${place})`;
}

/** The verdicts, from the worst on. */
export const VERDICTS: readonly RowVerdict[] = ['fail', 'unknown', 'waived', 'pass', 'not-applicable'];

/** The worst verdict of the required rows. `unknown` never counts as `pass`, and no required row means `not-applicable`. */
export function verdictOf(rows: readonly AuditRow[]): RowVerdict {
  const verdicts = new Set(rows.filter(({ required }) => required).map(({ verdict }) => verdict));
  return VERDICTS.find(verdict => verdicts.has(verdict)) ?? 'not-applicable';
}
