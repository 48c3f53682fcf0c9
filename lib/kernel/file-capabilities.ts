import { native } from './native.js';
import { textOf } from './proc-files.js';

/** What a program's file gives to the process that executes it: setcap(8), the attribute security.capability. */
export interface FileCapabilities {
  /** Hexadecimal masks. */
  permitted: string;
  inheritable: string;
  /** Whether the program also starts with its permitted set effective. */
  effective: boolean;
  /** The uid, as we see it, of the root of the user namespaces in which they count; 0 is the file system's own root. */
  rootId: number;
}

/** include/uapi/linux/capability.h: VFS_CAP_REVISION_2 and _3, by the number of words that they have. */
const REVISIONS = new Map([
  [5, 0x02000000],
  [6, 0x03000000],
]);
const REVISION_MASK = 0xff000000;
const FLAG_EFFECTIVE = 1;

let valid: bigint | undefined;

/** The capabilities that this kernel knows: of a file's others it takes no notice. */
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
 * A link is followed. `'unknown'`: the attribute can't be read, or isn't of a form that the kernel shows.
 *
 * Kernel: security/commoncap.c, get_vfs_caps_from_disk() and cap_inode_getsecurity()
 */
export function readFileCapabilities(path: string): FileCapabilities | 'none' | 'unknown' {
  const words = native().fileCapabilities(path);
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
