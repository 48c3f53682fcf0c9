// The options of tracegate-launch, which `tracegate run` becomes. The launcher runs without Node, so native/launch/options.cc
// has its own table. test/integration/launch-options.test.ts asks the launcher about each option, value and refusal.
//
// This file imports nothing, because lib/cli/tracegate.cts loads it before it becomes a command.

/** An option. One without words and without a number takes no value. */
interface LaunchOption {
  /** The words that are accepted. */
  values: readonly string[];
  /** The number that is accepted too, from 1 on. */
  number: { sign: string; name: string } | null;
  /** The value of the option alone. Then another value stands after `=` only. */
  implied: string | null;
}

/** The options that `tracegate run` has too. */
export const LAUNCH_OPTIONS = {
  deny: { values: ['sealed', 'detached', 'preload'], number: null, implied: 'sealed' },
  confine: {
    values: ['available', 'all', 'tracing', 'signals', 'abstract-sockets', 'best-effort'],
    number: null,
    implied: 'available',
  },
  'report-fd': { values: [], number: { sign: 'FD', name: 'the number of a descriptor' }, implied: null },
  ptracer: { values: ['any', 'none', 'tree'], number: { sign: 'PID', name: 'a pid' }, implied: null },
  tree: { values: [], number: null, implied: null },
  core: { values: ['off'], number: null, implied: null },
} as const satisfies Readonly<Record<string, LaunchOption>>;

export type LaunchOptionName = keyof typeof LAUNCH_OPTIONS;

/** The options that only tracegate itself gives to the launcher, each with the form of its value. */
export const INNER_OPTIONS = {
  'hold-fd': 'FD',
  'remove-socket': 'DEVICE:INODE:PATH',
  'die-with-parent': null,
  environment: 'FD:BYTES',
  setenv: 'NAME=VALUE',
} as const;

type InnerName = keyof typeof INNER_OPTIONS;

/** One word of the launcher's command line. */
export const launcherWord = (name: LaunchOptionName | InnerName, value?: string | number): string =>
  value === undefined ? `--${name}` : `--${name}=${value}`;

const optionOf = (name: LaunchOptionName): LaunchOption => LAUNCH_OPTIONS[name];

/** Whether the option takes a value at all. */
export function takesValues(name: LaunchOptionName): boolean {
  const { values, number } = optionOf(name);
  return values.length > 0 || number !== null;
}

/** The values as the help shows them: `PID|any|none|tree`. */
export function valuesShown(name: LaunchOptionName): string {
  const { values, number } = optionOf(name);
  return [...(number === null ? [] : [number.sign]), ...values].join('|');
}

const isNumber = (text: string): boolean => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) < 2 ** 31;

export function takesValue(name: LaunchOptionName, value: string): boolean {
  const { values, number } = optionOf(name);
  return values.includes(value) || (number !== null && isNumber(value));
}

/** Says which values an option takes. */
export function refusalOf(name: LaunchOptionName, value: string): string {
  const { values, number, implied } = optionOf(name);
  const words = [...(number === null ? [] : [number.name]), ...values];
  const last = words.pop();
  const wanted =
    words.length > 0
      ? `use ${words.join(', ')} or ${last}`
      : number === null
        ? `the only value is ${last}`
        : `use ${last}`;
  return `--${name}${implied === null ? ' ' : '='}${JSON.stringify(value)}: ${wanted}`;
}

type Given = { readonly [name in LaunchOptionName]?: unknown };

/** Why these options can't stand together. Null: they can. */
export function conflictOf(options: Given): string | null {
  const { deny, confine, ptracer = 'none', tree, 'report-fd': reportFd } = options;
  if (deny !== undefined && ptracer !== 'none')
    return '--ptracer allows a debugger and --deny refuses it: choose one';
  if (reportFd !== undefined && confine === undefined)
    return '--report-fd is for the report of --confine: give both';
  if (tree === undefined) return null;
  if (ptracer === 'tree') return '--ptracer tree already holds for the whole tree: leave out --tree';
  return ptracer === 'none'
    ? '--tree has each process of the tree declare a tracer: give --ptracer PID or --ptracer any'
    : null;
}

/** The options in the words `--name=value`, `--deny` and `--tree`. Null if a word is another one, or the launcher would refuse it. */
export function optionsIn(words: readonly string[]): Partial<Record<LaunchOptionName, string>> | null {
  const found: Partial<Record<LaunchOptionName, string>> = {};
  for (const word of words) {
    const [, name = '', value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (!Object.hasOwn(LAUNCH_OPTIONS, name)) return null;
    const option = name as LaunchOptionName;
    if (!takesValues(option)) {
      if (value !== undefined) return null;
      found[option] = '';
      continue;
    }
    const given = value ?? optionOf(option).implied;
    if (given === null || !takesValue(option, given) || found[option] !== undefined) return null;
    found[option] = given;
  }
  return conflictOf(found) === null ? found : null;
}

/**
 * A command for the addon's exec(): its words, or their number if a text has lost bytes that are not UTF-8. The addon then takes so
 * many words from the end of /proc/self/cmdline, which is no longer the command line if the process has a title (`--title`).
 */
export function commandFor(words: readonly string[]): { words: readonly string[]; count: number } {
  const isLossy = words.some(word => word.includes('\ufffd'));
  return isLossy ? { words: [], count: words.length } : { words, count: 0 };
}
