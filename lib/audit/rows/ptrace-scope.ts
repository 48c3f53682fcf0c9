import { type PtraceScope, parsePtraceScope } from '../../kernel/ptrace-scope.js';
import type { LoaderUse } from '../boot/loader-use.js';
import type { NextBoot, SysctlAssignment, SysctlConfig, SysctlLoader } from '../sysctl/config.js';
import type { Profile } from './profile.js';
import { type AuditRow, type RowVerdict, row } from './row.js';

type Requirement = Profile['ptraceScope'];

const LOADERS: readonly SysctlLoader[] = ['systemd-sysctl', 'procps'];
const LOADER_NAMES = { 'systemd-sysctl': 'systemd-sysctl', procps: 'sysctl --system (procps)' } as const;

export const expectedScope = ({ value, match }: Requirement): string =>
  match === 'exactly' || value === 3 ? `exactly ${value}` : `${value} or stricter`;

/** Compares a known value with the required value. */
function judge(value: number, required: Requirement): { verdict: RowVerdict; because: string } {
  if (value === required.value) return { verdict: 'pass', because: 'as required' };
  if (value < required.value) return { verdict: 'fail', because: `weaker than ${expectedScope(required)}` };
  return required.match === 'exactly'
    ? { verdict: 'fail', because: `stricter, but the profile takes exactly ${required.value}` }
    : { verdict: 'pass', because: 'stricter than required' };
}

const REMEDY = (value: number) => `tracegate remediate --scope ${value}`;

function judgeScope(scope: PtraceScope, required: Requirement) {
  switch (scope.state) {
    case 'present': {
      const judged = judge(scope.value, required);
      const remedy = judged.verdict === 'pass' ? null : REMEDY(required.value);
      return { ...judged, found: `${scope.value}`, remedy };
    }
    case 'absent': {
      const remedy = 'boot with yama in the lsm= list, with a kernel that has it (CONFIG_SECURITY_YAMA)';
      const because = 'this kernel runs without Yama: every process of a uid may attach to the others';
      return { verdict: required.value === 0 ? 'pass' : 'fail', found: 'no Yama', because, remedy } as const;
    }
    case 'unknown':
      return { verdict: 'unknown', found: 'unknown', because: scope.cause } as const;
  }
}

/** Judges the running value. `running` is null for a tree that doesn't run. */
export function runningRow(running: PtraceScope | null, required: Requirement): AuditRow {
  const about = {
    id: 'running',
    title: 'kernel.yama.ptrace_scope now',
    required: required.in.includes('running'),
    expected: expectedScope(required),
  };
  if (running === null)
    return row(about, { verdict: 'not-applicable', found: 'nothing', because: 'nothing runs in this tree' });
  return row(about, judgeScope(running, required));
}

function nextBootFinding(next: NextBoot, required: Requirement) {
  if (next.state === 'unknown') {
    const because = `${next.because.join('; ')} (a kernel begins with 1, Debian's with 0)`;
    return { verdict: 'unknown', found: 'unknown', because, remedy: REMEDY(required.value) } as const;
  }
  const { file, line } = next;
  const scope = parsePtraceScope(next.value);
  const judged = judgeScope(scope, required);
  const where =
    file === null ? "no line sets it: the kernel's default" : `${file}${line === null ? '' : `:${line}`}`;
  return { ...judged, file, line, because: `${judged.because} (${where})` };
}

const NO_YAMA = {
  verdict: 'fail',
  found: 'no Yama',
  because: 'this kernel has no kernel.yama.ptrace_scope that a loader could set',
} as const;

/** Judges the value that each loader would set at the next boot. */
export function nextBootRows(
  hasNoYama: boolean,
  config: SysctlConfig,
  use: Record<SysctlLoader, LoaderUse>,
  required: Requirement,
): AuditRow[] {
  const isRequired = required.in.includes('next-boot');
  return LOADERS.map(loader => {
    const about = {
      id: `next-boot-${loader}`,
      title: `after the next boot, by ${LOADER_NAMES[loader]}`,
      // A loader that init doesn't run is reported, but the verdict doesn't depend on it.
      required: isRequired && use[loader] === 'at-boot',
      expected: expectedScope(required),
    };
    if (use[loader] === 'not-installed')
      return row(about, { verdict: 'not-applicable', found: 'nothing', because: 'it is not installed' });
    if (hasNoYama && required.value > 0) return row(about, NO_YAMA);
    return row(about, nextBootFinding(config.nextBoot[loader], required));
  });
}

/** Requires at least one line, all with the same value. Masked lines count too, since auditors search files with grep. */
export function explicitRow(assignments: readonly SysctlAssignment[], required: Requirement): AuditRow {
  const about = {
    id: 'explicit',
    title: 'the lines that set it',
    required: true,
    expected: `one or more, each ${expectedScope(required)}`,
  };
  const lines = assignments.filter(({ fate }) => fate !== 'malformed' && fate !== 'exclusion');
  const places = [...new Set(lines.map(({ file, line, value }) => `${file}:${line} (${value})`))].sort();
  const values = new Set(lines.map(({ value }) => value));
  const found = places.length === 0 ? 'no line' : places.join(', ');
  const [only] = values;
  if (values.size === 1) {
    const { verdict, because } = judgeScope(parsePtraceScope(only ?? ''), required);
    return row(about, { verdict, found, because: `they agree: ${because}` });
  }
  if (values.size > 1)
    return row(about, {
      verdict: 'fail',
      found,
      because: 'they conflict',
      remedy: 'remove the lines that set another value',
    });
  return row(about, {
    verdict: 'fail',
    found,
    because: 'the profile asks for a line',
    remedy: 'tracegate remediate',
  });
}

/** Compares the two loaders. Different values mean that sysctl(8) by hand, or another init, would change ptrace_scope. */
export function loadersAgreeRow(config: SysctlConfig, use: Record<SysctlLoader, LoaderUse>): AuditRow {
  const about = {
    id: 'loaders-agree',
    title: 'both loaders set the same value',
    required: false,
    expected: 'the same value',
  };
  if (LOADERS.some(loader => use[loader] === 'not-installed'))
    return row(about, { verdict: 'not-applicable', found: 'one loader', because: 'only one is installed' });
  const [systemd, procps] = LOADERS.map(loader => config.nextBoot[loader]) as [NextBoot, NextBoot];
  if (systemd.state === 'unknown' || procps.state === 'unknown')
    return row(about, { verdict: 'unknown', found: 'unknown', because: 'one of them is unknown' });
  const found = `systemd-sysctl ${systemd.value}, procps ${procps.value}`;
  if (systemd.value === procps.value) return row(about, { verdict: 'pass', found, because: 'they agree' });
  const decides = procps.file === null ? systemd : procps;
  return row(about, {
    verdict: 'fail',
    found,
    because:
      'they read other files, or in another order (procps reads /etc/sysctl.conf last, systemd-sysctl not at all)',
    file: decides.file,
    line: decides.line,
    remedy: 'tracegate remediate, which writes a line that both take',
  });
}

/** Compares the running value with the value after the next boot. */
export function driftRow(
  running: PtraceScope | null,
  config: SysctlConfig,
  use: Record<SysctlLoader, LoaderUse>,
): AuditRow {
  const about = {
    id: 'drift',
    title: 'the next boot sets the value that runs now',
    required: false,
    expected: 'the same value',
  };
  const loader = LOADERS.find(name => use[name] === 'at-boot');
  if (running === null || running.state === 'absent' || loader === undefined)
    return row(about, {
      verdict: 'not-applicable',
      found: 'nothing',
      because: 'nothing runs here, or nothing loads a file at boot',
    });
  const next = config.nextBoot[loader];
  if (running.state === 'unknown' || next.state === 'unknown')
    return row(about, { verdict: 'unknown', found: 'unknown', because: 'one of them is unknown' });
  const now = `${running.value}`;
  const found = `now ${now}, then ${next.value}`;
  if (now === next.value) return row(about, { verdict: 'pass', found, because: 'they are the same' });
  return row(about, {
    verdict: 'fail',
    found,
    because: `${loader} sets another value`,
    file: next.file,
    line: next.line,
    remedy: `tracegate remediate --scope ${running.value}`,
  });
}
