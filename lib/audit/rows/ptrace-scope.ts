import { type PtraceScope, parsePtraceScope } from '../../kernel/ptrace-scope.js';
import type { BootConfig } from '../boot/next-boot.js';
import type { NextBoot, SysctlAssignment, SysctlLoader } from '../sysctl/config.js';
import type { Profile } from './profile.js';
import { type AuditRow, type RowVerdict, row } from './row.js';

type Requirement = Profile['ptraceScope'];

const LOADER_NAMES: Record<SysctlLoader, string> = {
  'systemd-sysctl': 'systemd-sysctl',
  procps: 'sysctl --system (procps)',
  busybox: 'sysctl -p (busybox)',
  openrc: 'the script of OpenRC',
  void: 'the script of Void',
};

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

const placeOf = ({ file, line }: { file: string | null; line: number | null }): string =>
  file === null ? "the kernel's own value" : `${file}${line === null ? '' : `:${line}`}`;

function nextBootFinding(next: NextBoot, required: Requirement) {
  if (next.state === 'unknown') {
    const because = next.because.join('; ');
    return { verdict: 'unknown', found: 'unknown', because, remedy: REMEDY(required.value) } as const;
  }
  const { file, line } = next;
  const judged = judgeScope(parsePtraceScope(next.value), required);
  const where = file === null ? "no line sets it: the kernel's default" : placeOf(next);
  return { ...judged, file, line, because: `${judged.because} (${where})` };
}

/** The kernel of the next boot lacks Yama, certainly or perhaps. */
export type LackOfYama = { isCertain: true } | { isCertain: false; because: string };

const NO_YAMA = {
  verdict: 'fail',
  found: 'no Yama',
  because: 'this kernel has no kernel.yama.ptrace_scope that a loader could set',
} as const;

/** How the value comes about, for the reason of a row. */
function boot({ loading }: BootConfig): string {
  if (loading.state === 'loads') return `, loaded by ${LOADER_NAMES[loading.loader]}`;
  return loading.state === 'nothing-loads' ? `; nothing loads sysctl.d at boot: ${loading.because}` : '';
}

/** Judges the value after the next boot. If nothing loads sysctl.d, this is the kernel's own value or that of its command line. */
export function nextBootRow(lack: LackOfYama | null, config: BootConfig, required: Requirement): AuditRow {
  const about = {
    id: 'next-boot',
    title: 'kernel.yama.ptrace_scope after the next boot',
    required: required.in.includes('next-boot'),
    expected: expectedScope(required),
  };
  if (lack !== null && required.value > 0) {
    if (lack.isCertain) return row(about, NO_YAMA);
    const more = config.atBoot.state === 'unknown' ? config.atBoot.because : [];
    return row(about, { verdict: 'unknown', found: 'unknown', because: [lack.because, ...more].join('; ') });
  }
  const finding = nextBootFinding(config.atBoot, required);
  return row(about, { ...finding, because: `${finding.because}${boot(config)}` });
}

/** Says what loads sysctl.d at boot, and by which file. */
export function loadingRow({ loading }: BootConfig): AuditRow {
  const about = {
    id: 'sysctl-loader',
    title: 'what loads sysctl.d at boot',
    required: false,
    expected: 'a loader',
  };
  const { because, file, line } = loading;
  switch (loading.state) {
    case 'loads':
      return row(about, { verdict: 'pass', found: LOADER_NAMES[loading.loader], because, file, line });
    case 'nothing-loads': {
      // A container's image has no init; lines of sysctl.d are not expected to count there.
      const verdict = loading.init === 'none' ? 'not-applicable' : 'fail';
      return row(about, { verdict, found: 'nothing', because, file, line });
    }
    case 'unknown':
      return row(about, { verdict: 'unknown', found: 'unknown', because, file, line });
  }
}

/** Judges the value that each installed loader would set that init does not run. The verdict doesn't depend on these rows. */
export function byHandRows({ loading, loaders, nextBoot }: BootConfig, required: Requirement): AuditRow[] {
  return loaders
    .filter(loader => loading.state !== 'loads' || loading.loader !== loader)
    .map(loader => {
      const about = {
        id: `by-hand-${loader}`,
        title: `if ${LOADER_NAMES[loader]} ran at boot`,
        required: false,
        expected: expectedScope(required),
      };
      return row(about, nextBootFinding(nextBoot[loader], required));
    });
}

/**
 * Requires at least one line, all with the same value. Masked lines count too, since auditors search files with grep. A copy such
 * as NAME.rpmsave doesn't: no loader and no auditor reads a file of another ending than `.conf`.
 */
export function explicitRow(assignments: readonly SysctlAssignment[], required: Requirement): AuditRow {
  const about = {
    id: 'explicit',
    title: 'the lines that set it',
    required: true,
    expected: `one or more, each ${expectedScope(required)}`,
  };
  const lines = assignments.filter(
    ({ fate, file }) => fate !== 'malformed' && fate !== 'exclusion' && file.endsWith('.conf'),
  );
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

/** What a loader makes of the line that decides for another loader. */
function fateOf(
  assignments: readonly SysctlAssignment[],
  loader: SysctlLoader,
  decides: NextBoot & { state: 'known' },
): string {
  const name = LOADER_NAMES[loader];
  const { file, line } = decides;
  if (file === null) return '';
  const here = assignments.find(one => one.loader === loader && one.file === file && one.line === line);
  if (here === undefined || here.fate === 'not-read') return `${name} does not read ${placeOf(decides)}`;
  const by = here.by === null ? '' : placeOf(here.by);
  switch (here.fate) {
    case 'refused':
      if (by === '') return `the kernel refuses ${placeOf(decides)} from ${name} (${here.because})`;
      return `${name} writes ${by} first, and the kernel then refuses ${placeOf(decides)} (${here.because})`;
    case 'overridden':
    case 'excluded':
    case 'masked':
      return `for ${name}, ${placeOf(decides)} is ${here.fate} by ${by}`;
    default:
      return `for ${name}, ${placeOf(decides)} is ${here.fate}`;
  }
}

/** Compares the installed loaders. Different values mean that sysctl(8) by hand, or another init, would change ptrace_scope. */
export function loadersAgreeRow({ nextBoot, assignments, loaders }: BootConfig): AuditRow {
  const about = {
    id: 'loaders-agree',
    title: 'the installed loaders set the same value',
    required: false,
    expected: 'the same value',
  };
  // The first is the loader that init runs, if it is known.
  const [first, ...others] = loaders;
  if (first === undefined || others.length === 0) {
    const found = first === undefined ? 'no loader' : 'one loader';
    return row(about, { verdict: 'not-applicable', found, because: 'there are no two to compare' });
  }
  const found = loaders
    .map(loader => [loader, nextBoot[loader]] as const)
    .map(([loader, next]) => `${loader} ${next.state === 'known' ? next.value : 'unknown'}`)
    .join(', ');
  const one = nextBoot[first];
  if (one.state === 'unknown' || others.some(loader => nextBoot[loader].state === 'unknown'))
    return row(about, { verdict: 'unknown', found, because: 'one of them is unknown' });
  const differing = others
    .map(loader => ({ loader, next: nextBoot[loader] }))
    .find(({ next }) => next.state === 'known' && next.value !== one.value);
  if (differing?.next.state !== 'known') return row(about, { verdict: 'pass', found, because: 'they agree' });
  const { loader, next } = differing;
  const reasons = [fateOf(assignments, loader, one), fateOf(assignments, first, next)];
  return row(about, {
    verdict: 'fail',
    found,
    because: reasons.filter(reason => reason !== '').join('; '),
    file: next.file ?? one.file,
    line: next.file === null ? one.line : next.line,
    remedy: 'tracegate remediate, which writes a line that both take',
  });
}

/** Compares the running value with the value after the next boot. */
export function driftRow(running: PtraceScope | null, { atBoot: next }: BootConfig): AuditRow {
  const about = {
    id: 'drift',
    title: 'the next boot sets the value that runs now',
    required: false,
    expected: 'the same value',
  };
  if (running === null || running.state === 'absent')
    return row(about, { verdict: 'not-applicable', found: 'nothing', because: 'nothing runs here' });
  if (running.state === 'unknown' || next.state === 'unknown')
    return row(about, { verdict: 'unknown', found: 'unknown', because: 'one of them is unknown' });
  const now = `${running.value}`;
  const found = `now ${now}, then ${next.value}`;
  if (now === next.value) return row(about, { verdict: 'pass', found, because: 'they are the same' });
  return row(about, {
    verdict: 'fail',
    found,
    because: 'the next boot sets another value',
    file: next.file,
    line: next.line,
    remedy: `tracegate remediate --scope ${running.value}`,
  });
}
