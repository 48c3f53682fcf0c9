import type { AuditReport } from '../audit.js';

type Sample = [labels: Record<string, string>, value: number];

/** Prometheus' text format, 0.0.4: in a label's value these three are escaped. */
const escapeLabel = (text: string) =>
  text.replace(/[\\"\n]/g, found => (found === '\n' ? '\\n' : `\\${found}`));

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ''].join('\n');
}

/** For node_exporter's textfile collector. What is unknown, or not there, has no sample of its own, and a row that says so. */
export function toPrometheus(
  { rows, running, nextBoot, loaders, profile, verdict }: AuditReport,
  now: Date,
): string {
  const scopes: Sample[] =
    running?.state === 'present' ? [[{ when: 'running', loader: '' }, running.value]] : [];
  for (const loader of ['systemd-sysctl', 'procps'] as const) {
    const next = nextBoot[loader];
    if (loaders[loader] !== 'not-installed' && next.state === 'known' && /^\d+$/.test(next.value))
      scopes.push([{ when: 'next_boot', loader }, Number(next.value)]);
  }
  return [
    metric(
      'tracegate_ptrace_scope',
      'kernel.yama.ptrace_scope, now and as each loader sets it at the next boot.',
      scopes,
    ),
    metric(
      'tracegate_audit_row',
      'One row of the audit; its verdict is a label, and the value 1 where it is a pass or not applicable.',
      rows.map(row => [
        { profile: profile.id, row: row.id, required: `${row.required}`, verdict: row.verdict },
        row.verdict === 'pass' || row.verdict === 'not-applicable' ? 1 : 0,
      ]),
    ),
    metric('tracegate_audit_pass', 'Whether every row that the profile asks for is a pass.', [
      [{ profile: profile.id, verdict }, verdict === 'pass' ? 1 : 0],
    ]),
    metric('tracegate_audit_timestamp_seconds', 'When the audit ran.', [
      [{}, Math.floor(now.getTime() / 1000)],
    ]),
  ].join('');
}
