import type { AuditReport } from '../audit.js';
import { type RowVerdict, VERDICTS } from '../rows/row.js';
import type { NextBoot } from '../sysctl/config.js';

export type Sample = [labels: Record<string, string>, value: number];

/** Prometheus' text format 0.0.4: the value of a label has these three characters escaped. */
const escapeLabel = (text: string) =>
  text.replace(/[\\"\n]/g, found => (found === '\n' ? '\\n' : `\\${found}`));

/** A metric with its samples. The name of a counter ends with `_total`. */
export function metric(
  name: string,
  help: string,
  samples: readonly Sample[],
  type: 'gauge' | 'counter' = 'gauge',
): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

/** A state set of OpenMetrics: each state is a series, with the value 1 for the state that holds. */
const states = (labels: Record<string, string>, holds: RowVerdict): Sample[] =>
  VERDICTS.map(verdict => [{ ...labels, verdict }, verdict === holds ? 1 : 0]);

/** Every series has the profile as a label, and the root of a tree, so that the metrics of several audits are told apart. */
const labelsOf = ({ profile, root }: AuditReport): Record<string, string> => ({
  profile: profile.id,
  ...(root !== '/' && { root }),
});

function scopes(report: AuditReport): Sample[] {
  const { running, nextBoot, loading, loaders } = report;
  const labels = labelsOf(report);
  const atBoot = loading.state === 'loads' ? loading.loader : '';
  const byHand = loaders.filter(({ use }) => use === 'by-hand');
  const next: [when: string, loader: string, next: NextBoot][] = [
    ['next_boot', atBoot, nextBoot],
    ...byHand.map(({ loader, sets }): [string, string, NextBoot] => ['by_hand', loader, sets]),
  ];
  return [
    ...(running?.state === 'present'
      ? [[{ ...labels, when: 'running', loader: '' }, running.value] satisfies Sample]
      : []),
    ...next.flatMap(([when, loader, value]): Sample[] =>
      value.state === 'known' && /^\d+$/.test(value.value)
        ? [[{ ...labels, when, loader }, Number(value.value)]]
        : [],
    ),
  ];
}

/** Formats audits for node_exporter's textfile collector. An unknown or absent scope has no sample; the rows report it. */
export function toPrometheus(reports: readonly AuditReport[]): string {
  const help = {
    scope: 'kernel.yama.ptrace_scope, now, after the next boot, and as each other loader sets it by hand.',
    row: 'The verdict on one row of the audit: 1 for the one that holds.',
    audit: 'The verdict on all that the profile asks for: 1 for the one that holds.',
    time: 'When the audit ran.',
  };
  return [
    metric('tracegate_ptrace_scope', help.scope, reports.flatMap(scopes)),
    metric(
      'tracegate_audit_row',
      help.row,
      reports.flatMap(report =>
        report.rows.flatMap(row =>
          states({ ...labelsOf(report), row: row.id, required: `${row.required}` }, row.verdict),
        ),
      ),
    ),
    metric(
      'tracegate_audit',
      help.audit,
      reports.flatMap(report => states(labelsOf(report), report.verdict)),
    ),
    metric(
      'tracegate_audit_timestamp_seconds',
      help.time,
      reports.map(report => [labelsOf(report), Math.floor(Date.parse(report.evidence.time) / 1000)]),
    ),
  ].join('');
}
