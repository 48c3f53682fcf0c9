import type { AuditReport } from '../audit.js';
import type { RowVerdict } from '../rows/row.js';
import type { NextBoot } from '../sysctl/config.js';

type Sample = [labels: Record<string, string>, value: number];

/** Prometheus' text format 0.0.4: the value of a label has these three characters escaped. */
const escapeLabel = (text: string) =>
  text.replace(/[\\"\n]/g, found => (found === '\n' ? '\\n' : `\\${found}`));

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ''].join('\n');
}

const VERDICTS: readonly RowVerdict[] = ['pass', 'fail', 'unknown', 'not-applicable'];

/** A state set of OpenMetrics: each state is a series, with the value 1 for the state that holds. */
const states = (labels: Record<string, string>, holds: RowVerdict): Sample[] =>
  VERDICTS.map(verdict => [{ ...labels, verdict }, verdict === holds ? 1 : 0]);

// Every series has the profile as a label, so that the files of two profiles can lie in one directory.
function scopes({ profile: { id: profile }, running, nextBoot, loading, loaders }: AuditReport): Sample[] {
  const atBoot = loading.state === 'loads' ? loading.loader : '';
  const byHand = loaders.filter(({ use }) => use === 'by-hand');
  const next: [when: string, loader: string, next: NextBoot][] = [
    ['next_boot', atBoot, nextBoot],
    ...byHand.map(({ loader, sets }): [string, string, NextBoot] => ['by_hand', loader, sets]),
  ];
  return [
    ...(running?.state === 'present'
      ? [[{ profile, when: 'running', loader: '' }, running.value] satisfies Sample]
      : []),
    ...next.flatMap(([when, loader, value]): Sample[] =>
      value.state === 'known' && /^\d+$/.test(value.value)
        ? [[{ profile, when, loader }, Number(value.value)]]
        : [],
    ),
  ];
}

/** Formats an audit for node_exporter's textfile collector. An unknown or absent scope has no sample; the rows report it. */
export function toPrometheus(report: AuditReport, now: Date): string {
  const { rows, profile, verdict } = report;
  const help = {
    scope: 'kernel.yama.ptrace_scope, now, after the next boot, and as each other loader sets it by hand.',
    row: 'The verdict on one row of the audit: 1 for the one that holds.',
    audit: 'The verdict on all that the profile asks for: 1 for the one that holds.',
    time: 'When the audit ran.',
  };
  return [
    metric('tracegate_ptrace_scope', help.scope, scopes(report)),
    metric(
      'tracegate_audit_row',
      help.row,
      rows.flatMap(row =>
        states({ profile: profile.id, row: row.id, required: `${row.required}` }, row.verdict),
      ),
    ),
    metric('tracegate_audit', help.audit, states({ profile: profile.id }, verdict)),
    metric('tracegate_audit_timestamp_seconds', help.time, [
      [{ profile: profile.id }, Math.floor(now.getTime() / 1000)],
    ]),
  ].join('');
}
