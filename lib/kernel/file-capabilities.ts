import { native } from './native.js';
import { textOf } from './proc-files.js';

/** The capabilities that a file gives to the process that executes it: setcap(8), the attribute security.capability. */
export interface FileCapabilities {
  /** Hexadecimal masks. */
  permitted: string;
  inheritable: string;
  /** Whether the permitted set is effective from the start of the program. */
  effective: boolean;
  /** The root uid of the user namespaces where the capabilities count, as we see it; 0 is the file system's own root. */
  rootId: number;
}

/** include/uapi/linux/capability.h: VFS_CAP_REVISION_2 and _3, by their number of words. */
const REVISIONS = new Map([
  [5, 0x02000000],
  [6, 0x03000000],
]);
const REVISION_MASK = 0xff000000;
const FLAG_EFFECTIVE = 1;

let valid: bigint | undefined;

/** The capabilities that this kernel knows. The kernel ignores the other bits of a file. */
function validMask(): bigint {
  if (valid === undefined) {
    const last = textOf('/proc/sys/kernel/cap_last_cap');
    valid = (1n << BigInt(last !== null && /^\d+$/.test(last) ? Number(last) + 1 : 64)) - 1n;
  }
  return valid;
}

const maskOf = (low = 0, high = 0): string =>
  (((BigInt(high) << 32n) | BigInt(low)) & validMask()).toString(16).padStart(16, '0');

/**
 * Reads the file capabilities of a program, and follows a link. `'unknown'`: the attribute can't be read, or has a form
 * that the kernel doesn't show.
 *
 * Kernel: security/commoncap.c, get_vfs_caps_from_disk() and cap_inode_getsecurity()
 */
export const readFileCapabilities = (path: string): FileCapabilities | 'none' | 'unknown' =>
  capabilitiesOf(native().fileCapabilities(path));

/**
 * The files below the directories that have capabilities, and `'unknown'` for the files and directories that can't be read.
 * Links are not followed.
 */
export function findFileCapabilities(directories: string[]): Map<string, FileCapabilities | 'unknown'> {
  const answers = native().findFileCapabilities(directories);
  const found = new Map<string, FileCapabilities | 'unknown'>();
  for (let at = 0; at < answers.length; at += 2) {
    const capabilities = capabilitiesOf(answers[at + 1] as number[] | number);
    if (capabilities !== 'none') found.set(answers[at] as string, capabilities);
  }
  return found;
}

function capabilitiesOf(words: number[] | number): FileCapabilities | 'none' | 'unknown' {
  if (typeof words === 'number') return 'unknown';
  if (words.length === 0) return 'none';
  const [header = 0, permitted, inheritable, permittedHigh, inheritableHigh, rootId = 0] = words;
  if (REVISIONS.get(words.length) !== (header & REVISION_MASK) >>> 0) return 'unknown';
  return {
    permitted: maskOf(permitted, permittedHigh),
    inheritable: maskOf(inheritable, inheritableHigh),
    effective: (header & FLAG_EFFECTIVE) !== 0,
    rootId,
  };
}
