import type { Waiver } from './profile.js';
import type { AuditRow } from './row.js';

/**
 * Turns a failure into `waived` if a waiver accepts it. A waiver holds until its last day has passed, in UTC. An expired waiver
 * changes no verdict, and the row names it.
 */
export function withWaiver(row: AuditRow, waivers: readonly Waiver[], now: Date): AuditRow {
  if (row.verdict !== 'fail') return row;
  const day = now.toISOString().slice(0, 10);
  const all = waivers.filter(waiver => waiver.row === row.id);
  const waiver = all.find(({ expires }) => expires >= day);
  if (waiver !== undefined) return { ...row, verdict: 'waived', waiver };
  const expired = all.map(({ owner, expires }) => `the waiver of ${owner} expired on ${expires}`);
  return { ...row, because: [row.because, ...expired].join('; ') };
}

/** The sentence on a waived row. */
export const waiverText = ({ owner, reason, expires }: Waiver): string =>
  `waived by ${owner} until ${expires}: ${reason}`;
