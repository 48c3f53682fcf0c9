/** The kernel's answer to a text that is written to a key. */
export type Written = { accepted: true; value: string } | { accepted: false; because: string };

export type Write = (current: string, text: string) => Written;

/** TMPBUFLEN - 1; the kernel refuses a number of this length or more. */
const LONGEST_NUMBER = 21;
const NO_LOWER = 3;

/**
 * A write to `kernel.yama.ptrace_scope`: 0 to 3. The value 3 can't be lowered before the next boot.
 *
 * Kernel: security/yama/yama_lsm.c, yama_dointvec_minmax()
 */
export const writePtraceScope: Write = (current, text) => {
  const written = writeInteger(text, NO_LOWER);
  if (written.accepted && current === `${NO_LOWER}` && written.value !== current)
    return refused(`${NO_LOWER} can't be lowered before the next boot`);
  return written;
};

/**
 * A write to `fs.suid_dumpable`: 0 to 2.
 *
 * Kernel: fs/exec.c or, later, fs/coredump.c: proc_dointvec_minmax_coredump()
 */
export const writeSuidDumpable: Write = (_current, text) => writeInteger(text, 2);

/** A write to a key that is not modelled: every text counts as accepted. */
export const writeText: Write = (_current, text) => ({ accepted: true, value: text });

const WRITES: ReadonlyMap<string, Write> = new Map([
  ['kernel/yama/ptrace_scope', writePtraceScope],
  ['fs/suid_dumpable', writeSuidDumpable],
]);

/** The kernel's answer to writes of this key, a path below /proc/sys. */
export const kernelWrite = (key: string): Write => WRITES.get(key) ?? writeText;

const refused = (because: string) => ({ accepted: false as const, because: `EINVAL: ${because}` });

/**
 * Parses a number from 0 to `largest` in decimal, hexadecimal (`0x`) or octal. Text after a blank is ignored.
 *
 * Kernel: kernel/sysctl.c, proc_dointvec_minmax(), __do_proc_dointvec(), proc_get_long()
 */
function writeInteger(text: string, largest: number): Written {
  const value = readInteger(text);
  if (value === null) return refused('not a number');
  if (value < 0 || value > largest) return refused(`${value} is not 0 to ${largest}`);
  return { accepted: true, value: `${value}` };
}

/** A no-break space of latin1 may precede a number (isspace(), lib/ctype.c), but may not end it (proc_wspace_sep). */
function readInteger(text: string): number | null {
  const [, sign = '', digits = ''] =
    /^[ \t\n\v\f\r\xa0]*(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?=[ \t\n]|$)/.exec(text) ?? [];
  if (digits === '' || sign.length + digits.length >= LONGEST_NUMBER) return null;
  const value = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return sign === '' || value === 0 ? value : -value;
}
