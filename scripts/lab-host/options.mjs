// @ts-check
// The lab's options: one table for the parser and the help.

/** @typedef {'uml' | 'qemu' | 'arm64'} Kernel */
/**
 * @typedef {object} Options
 * @property {Kernel} kernel
 * @property {string} release
 * @property {number[]} scopes
 * @property {number} timeout seconds for each scope
 * @property {number} mem bytes
 * @property {number} cpus
 * @property {'tcg' | 'kvm'} accel
 * @property {boolean} stdin
 * @property {boolean} help
 * @property {number} commandAt index of the command's first word in the arguments
 */

/** A wrong call: one line that says what and what to do; exit code 2. */
export class UsageError extends Error {}

const UNITS = { M: 2 ** 20, G: 2 ** 30 };

/** @type {Record<string, { value?: string, help: string, read?: (text: string) => unknown, default: string | boolean }>} */
const TABLE = {
  kernel: {
    value: 'uml|qemu|arm64',
    default: 'uml',
    help: "User-Mode Linux (2 s, one CPU), the stock kernel in QEMU (adds Landlock, AppArmor), or Debian's arm64",
    read: text => oneOf(text, ['uml', 'qemu', 'arm64']),
  },
  release: {
    value: 'VERSION',
    default: '6.1',
    help: 'for qemu: which of the kernels that setup.sh unpacked, such as 6.1 or 6.12',
    read: text => version(text),
  },
  scope: {
    value: 'N[,N…]',
    default: '1',
    help: 'kernel.yama.ptrace_scope: the command runs once at each, in one boot, at 3 last',
    read: text => [...new Set(text.split(',').map(scope => Number(oneOf(scope, ['0', '1', '2', '3']))))],
  },
  timeout: { value: 'SECONDS', default: '600', help: 'for each scope', read: text => positive(text) },
  mem: { value: 'SIZE', default: '2G', help: "the guest's memory", read: text => size(text) },
  cpus: {
    value: 'N',
    default: '1',
    help: 'for qemu: where code is translated, more are slower',
    read: text => count(text),
  },
  accel: { value: 'tcg|kvm', default: 'tcg', help: 'for qemu', read: text => oneOf(text, ['tcg', 'kvm']) },
  stdin: { default: false, help: 'reads stdin to its end and gives it to the command (else /dev/null)' },
  help: { default: false, help: 'this page' },
};

/**
 * @param {string[]} words
 * @returns {Options}
 */
export function parseOptions(words) {
  /** @type {Record<string, unknown>} */
  const found = {};
  let at = 0;
  for (; at < words.length && words[at] !== '--'; at++) {
    const word = words[at] ?? '';
    const [, name = '', , inline] = /^--([a-z]+)(=(.*))?$/s.exec(word) ?? [];
    const row = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
    if (row === undefined) {
      throw new UsageError(
        word.startsWith('-')
          ? `unknown option '${word}': the options are ${Object.keys(TABLE)
              .map(known => `--${known}`)
              .join(' ')}`
          : `unexpected word '${word}': put the command after --`,
      );
    }
    if (row.read === undefined) {
      if (inline !== undefined) throw new UsageError(`--${name} takes no value: leave '=${inline}' out`);
      found[name] = true;
      continue;
    }
    const text = inline ?? words[++at];
    if (text === undefined || text === '--')
      throw new UsageError(`--${name} needs a value: --${name} ${row.value}`);
    try {
      found[name] = row.read(text);
    } catch (error) {
      throw new UsageError(`--${name} '${text}' is not usable: give ${/** @type {Error} */ (error).message}`);
    }
  }
  for (const [name, row] of Object.entries(TABLE)) {
    found[name] ??= row.read === undefined ? row.default : row.read(String(row.default));
  }
  if (found.help !== true && at + 1 >= words.length)
    throw new UsageError('no command: scripts/lab [options] -- CMD ARGS…');
  const { scope, ...rest } = found;
  return /** @type {Options} */ (/** @type {unknown} */ ({ ...rest, scopes: scope, commandAt: at + 1 }));
}

export function helpText() {
  const rows = Object.entries(TABLE).map(([name, { value = '', help, default: usual }]) => {
    const usually = typeof usual === 'string' ? ` (default ${usual})` : '';
    return `  ${`--${name} ${value}`.padEnd(24)} ${help}${usually}`;
  });
  return `usage: scripts/lab [options] -- CMD ARGS…

Boots a throw-away kernel with Yama on this machine's own files and runs CMD there, once at each scope,
as root, in the same directory with the same environment, plus TRACEGATE_LAB and TRACEGATE_SCOPE.
Files that CMD writes are real, except below /tmp, /run and /dev/shm; /tmp and /dev/shm begin empty at each scope.

${rows.join('\n')}

exit code: CMD's (the first that isn't 0) · 2 usage · 3 no kernel installed · 70 the guest failed or CMD was
killed by a signal · 124 timed out · 128+N the lab was ended by signal N
`;
}

/** @param {string} text @param {string[]} words */
function oneOf(text, words) {
  if (!words.includes(text)) throw new Error(`one of ${words.join(', ')}`);
  return text;
}

/** @param {string} text */
function positive(text) {
  const number = Number(text);
  // Beyond 2^31 ms Node's timers fire at once.
  if (!(number > 0 && number * 1000 < 2 ** 31)) throw new Error('a number of seconds above 0');
  return number;
}

/** @param {string} text */
function count(text) {
  if (!/^[1-9]$/.test(text)) throw new Error('a number from 1 to 9');
  return Number(text);
}

/** @param {string} text */
function version(text) {
  if (!/^\d+\.\d+$/.test(text)) throw new Error('a version such as 6.12');
  return text;
}

/** @param {string} text */
function size(text) {
  const [, number, unit] = /^([1-9]\d{0,5})([MG])$/.exec(text) ?? [];
  if (number === undefined) throw new Error('a size such as 512M or 2G');
  return Number(number) * UNITS[/** @type {'M' | 'G'} */ (unit)];
}
