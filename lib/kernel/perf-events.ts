import { readFileSync } from 'node:fs';
import { type Capability, capabilityNumber } from './capabilities.js';
import { labelOf } from './lsm-label.js';
import { native } from './native.js';
import { isSystemError, textOf } from './proc-files.js';

/**
 * The processes that may use perf_event_open at all:
 * - `everyone`
 * - `CAP_PERFMON`: processes with CAP_PERFMON or CAP_SYS_ADMIN
 * - `CAP_SYS_ADMIN`: processes with CAP_SYS_ADMIN
 * - `privileged`: processes with CAP_SYS_ADMIN; whether CAP_PERFMON is enough isn't seen
 * - `unknown`
 */
export type PerfAdmits = 'everyone' | 'CAP_PERFMON' | 'CAP_SYS_ADMIN' | 'privileged' | 'unknown';

/** Which processes may use perf_event_open(2) on this host. */
export type PerfEvents =
  /** `paranoid`: kernel.perf_event_paranoid */
  | { state: 'present'; paranoid: number; admits: PerfAdmits }
  /** The kernel has no perf events. */
  | { state: 'absent' }
  | { state: 'unknown'; cause: string };

const FILE = '/proc/sys/kernel/perf_event_paranoid';

/** Up to this value no known kernel refuses every event. Kernel: kernel/events/core.c, "perf event paranoia level" */
const LAST_OF_MAINLINE = 2;

const NO_CAPABILITY = -1;

/** Null: the question failed. */
function isAdmitted(capability: Capability | null): boolean | null {
  const answer = native().perfAdmits(capability === null ? NO_CAPABILITY : capabilityNumber(capability));
  return answer < 0 ? null : answer === 1;
}

/** Whether a label is AppArmor's. AppArmor has no hook in perf_event_open, but a profile can withhold a capability. */
const isAppArmor = (label: string) => label === 'unconfined' || / \([a-z]+\)$/.test(label);

/**
 * Mainline refuses every event at no value, Debian's kernel above 2, Ubuntu's kernel from 4 on. The required capability
 * differs too. Therefore a child with few capabilities asks the kernel for an event of a process that does not exist. A
 * refusal means nothing where SELinux may have answered (security_perf_event_open()).
 */
function askWhoIsAdmitted(): PerfAdmits {
  const everyone = isAdmitted(null);
  if (everyone === true) return 'everyone';
  const label = labelOf(process.pid);
  if (everyone === null || label === null || (label !== '' && !isAppArmor(label))) return 'unknown';
  const byPerfmon = isAdmitted('CAP_PERFMON');
  if (byPerfmon === true) return 'CAP_PERFMON';
  // If CAP_SYS_ADMIN is enough, neither a user namespace nor a profile caused the refusal of CAP_PERFMON.
  const isTold = byPerfmon === false && (label === '' || label === 'unconfined');
  return isTold && isAdmitted('CAP_SYS_ADMIN') === true ? 'CAP_SYS_ADMIN' : 'privileged';
}

/** The answers by value. A kernel always treats the same value in the same way. */
const known = new Map<number, PerfAdmits>();

function admittedAt(paranoid: number): PerfAdmits {
  if (paranoid <= LAST_OF_MAINLINE) return 'everyone';
  return known.get(paranoid) ?? askWhoIsAdmitted();
}

function parse(text: string): number | null {
  const value = text.trim();
  return /^-?\d+$/.test(value) ? Number(value) : null;
}

/**
 * Reads `kernel.perf_event_paranoid`, and asks the kernel for the meaning of a value above 2. Without the file the
 * kernel has no perf events. That answer requires that the directory is visible.
 *
 * Kernel: kernel/events/core.c, sysctl_perf_event_paranoid and perf_event_open()
 */
export function readPerfEvents(): PerfEvents {
  try {
    const text = readFileSync(FILE, 'utf8');
    const paranoid = parse(text);
    if (paranoid === null)
      return { state: 'unknown', cause: `not a paranoia level: ${JSON.stringify(text.slice(0, 32))}` };
    const admits = admittedAt(paranoid);
    if (parse(readFileSync(FILE, 'utf8')) !== paranoid)
      return { state: 'unknown', cause: 'kernel.perf_event_paranoid has just been changed' };
    if (admits !== 'unknown') known.set(paranoid, admits);
    return { state: 'present', paranoid, admits };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT' && textOf('/proc/sys/kernel/ostype') !== null) return { state: 'absent' };
    return { state: 'unknown', cause: error.message };
  }
}
