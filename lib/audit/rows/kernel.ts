import type { Running } from './observations.js';
import { type AuditRow, row } from './row.js';

/**
 * The first release of each series with the fix: ptrace no longer treats an exiting process as dumpable. Before the fix another
 * process could take open files from a set-id program while the program exits. Mainline: 31e62c2ebbfd, "ptrace: slightly saner
 * 'get_dumpable()' logic", in 7.1.
 */
const FIXED: readonly [series: string, patch: number][] = [
  ['7.0', 8],
  ['6.18', 31],
  ['6.12', 89],
  ['6.6', 139],
  ['6.1', 173],
  ['5.15', 207],
  ['5.10', 256],
];
const MAINLINE = [7, 1] as const;
const CVE = 'CVE-2026-46333';
const LOOK_UP = `look up ${CVE} in the distribution's tracker (security-tracker.debian.org, ubuntu.com/security, access.redhat.com), with the package's version`;

/** Judges the release number of a kernel.org kernel. A distribution backports fixes without a change of this number. */
export function kernelRow(running: Running | null): AuditRow {
  const about = {
    id: 'kernel-cve-2026-46333',
    title: `the kernel has the fix of ${CVE}`,
    required: false,
    expected: `7.1, or ${FIXED.map(([series, patch]) => `${series}.${patch}`).join(', ')}`,
  };
  if (running === null)
    return row(about, { verdict: 'not-applicable', found: 'nothing', because: 'nothing runs in this tree' });
  const found = running.kernelRelease;
  const [, major = '', minor = '', patch, rest = ''] = /^(\d+)\.(\d+)(?:\.(\d+))?(.*)$/.exec(found) ?? [];
  if (major === '')
    return row(about, { verdict: 'unknown', found, because: 'it is no version', remedy: LOOK_UP });
  const [number, minorNumber] = [Number(major), Number(minor)];
  if (number > MAINLINE[0] || (number === MAINLINE[0] && minorNumber >= MAINLINE[1]))
    return row(about, { verdict: 'pass', found, because: 'it came after the fix' });
  if (rest !== '')
    return row(about, {
      verdict: 'unknown',
      found,
      because: "a distribution's own kernel, whose version does not show whether it has the fix",
      remedy: LOOK_UP,
    });
  const fixed = FIXED.find(([series]) => series === `${major}.${minor}`)?.[1];
  if (fixed === undefined)
    return row(about, {
      verdict: 'unknown',
      found,
      because: 'no fixed release of that series is known',
      remedy: LOOK_UP,
    });
  if (Number(patch ?? 0) >= fixed)
    return row(about, { verdict: 'pass', found, because: `fixed in ${major}.${minor}.${fixed}` });
  return row(about, {
    verdict: 'fail',
    found,
    because: `fixed in ${major}.${minor}.${fixed}: older kernels let another process take open files of a set-id program while it exits`,
    remedy: 'update the kernel; ptrace_scope 2 keeps ordinary users from it until then',
  });
}
