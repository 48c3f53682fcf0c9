/** What the kernel makes of a text that is written to a key. */
export type Written = { accepted: true; value: string } | { accepted: false; because: string };

export type Write = (current: string, text: string) => Written;

/** TMPBUFLEN - 1: a number that fills it is refused. */
const LONGEST_NUMBER = 21;
const LARGEST = 3;

/**
 * A text written to `kernel.yama.ptrace_scope`: 0 to 3, in decimal, `0x` or octal; what follows a blank is not looked at; 3
 * is for ever.
 *
 * Kernel: security/yama/yama_lsm.c, yama_dointvec_minmax(); kernel/sysctl.c, __do_proc_dointvec(), proc_get_long()
 */
export function writePtraceScope(current: string, text: string): Written {
  const value = readInteger(text);
  if (value === null) return refused('not a number');
  if (value < 0 || value > LARGEST) return refused(`${value} is not 0 to ${LARGEST}`);
  if (current === `${LARGEST}` && value !== LARGEST)
    return refused(`${LARGEST} can't be lowered before the next boot`);
  return { accepted: true, value: `${value}` };
}

/** A key whose kernel side is not modelled: any text counts as taken. */
export const writeText: Write = (_current, text) => ({ accepted: true, value: text });

const refused = (because: string) => ({ accepted: false as const, because: `EINVAL: ${because}` });

/** isspace() in lib/ctype.c has the no-break space of latin1; proc_wspace_sep has not. */
function readInteger(text: string): number | null {
  const [, sign = '', digits = ''] =
    /^[ \t\n\v\f\r\xa0]*(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?=[ \t\n]|$)/.exec(text) ?? [];
  if (digits === '' || sign.length + digits.length >= LONGEST_NUMBER) return null;
  const value = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return sign === '' || value === 0 ? value : -value;
}
