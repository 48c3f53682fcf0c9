import type { CoreNameFacts, CoreProcessFacts, Limit } from '../../kernel/core-dump-facts.js';
import type { CoreSettings } from '../../kernel/core-settings.js';
import type { Dumpable } from '../../kernel/dumpable.js';

/** The destination that core_pattern gives for one process. */
export type CoreTemplate =
  /** `isExact`: the values of all `%` parts are known. */
  | { kind: 'file'; path: string; isExact: boolean; isDirectoryExact: boolean }
  /** The program, and the whole command, as core_pattern has them. */
  | { kind: 'pipe'; program: string; command: string }
  /** `request`: the kernel first asks the server what it wants (`@@`). */
  | { kind: 'socket'; path: string; protocol: 'stream' | 'request' }
  /** The kernel gives up, and writes no core. */
  | { kind: 'unusable'; why: string }
  | { kind: 'unknown'; why: string };

const NUMBERS: Record<Dumpable, number> = { disabled: 0, user: 1, root: 2 };
const NO_LIMIT = (2n ** 64n - 1n).toString();

const limitText = (limit: Limit) => (limit === 'unlimited' ? NO_LIMIT : `${limit}`);

/** The kernel escapes a name, so that it can't lead to another directory. Kernel: fs/coredump.c, cn_esc_printf() */
function escaped(text: string): string {
  if (text === '') return '!';
  return /^\.\.?$/.test(text) ? `!${text.slice(1)}` : text.replaceAll('/', '!');
}

const fileNameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

type Expansion = (process: CoreProcessFacts, dumpable: Dumpable) => string | number | null;

const named =
  (name: keyof CoreNameFacts): Expansion =>
  ({ names }) =>
    names[name];

const escapedName =
  (name: 'comm' | 'exe' | 'hostname'): Expansion =>
  ({ names }) => {
    const text = names[name];
    return text === null ? null : escaped(text);
  };

const unforeseen: Expansion = () => null;

/** Kernel: fs/coredump.c, format_corename(), since 6.17 coredump_parse(). The kernel drops any other letter. */
const EXPANSIONS: Readonly<Record<string, Expansion>> = {
  '%': () => '%',
  p: named('pid'),
  P: named('globalPid'),
  // The number of the crashing thread, which is unknown before the crash.
  i: unforeseen,
  I: unforeseen,
  u: named('uid'),
  g: named('gid'),
  d: (_, dumpable) => NUMBERS[dumpable],
  s: unforeseen,
  t: unforeseen,
  h: escapedName('hostname'),
  e: escapedName('comm'),
  f: ({ names }) => (names.exe === null ? null : escaped(fileNameOf(names.exe))),
  E: escapedName('exe'),
  c: ({ limit }) => (limit === null ? null : limitText(limit.soft)),
  C: unforeseen,
  F: () => '',
};

interface Expanded {
  text: string;
  isExact: boolean;
  hasPid: boolean;
}

/** Replaces the `%` parts of a pattern. A part whose value isn't known stays as it is. */
function expand(pattern: string, process: CoreProcessFacts, dumpable: Dumpable): Expanded {
  let isExact = true;
  let hasPid = false;
  const text = pattern.replace(/%(.?)/gsu, (whole, letter: string) => {
    if (letter === 'p') hasPid = true;
    const expansion = Object.hasOwn(EXPANSIONS, letter) ? EXPANSIONS[letter] : undefined;
    if (expansion === undefined) return '';
    const value = expansion(process, dumpable);
    if (value === null) isExact = false;
    return value === null ? whole : `${value}`;
  });
  return { text, isExact, hasPid };
}

function fileTemplate(
  pattern: string,
  { usesPid }: CoreSettings,
  process: CoreProcessFacts,
  dumpable: Dumpable,
): CoreTemplate {
  const { text, isExact, hasPid } = expand(pattern, process, dumpable);
  const addsPid = hasPid ? false : usesPid;
  const { pid } = process.names;
  const path = addsPid ? `${text}.${pid ?? '%p'}` : text;
  if (addsPid === null && pattern === '')
    return { kind: 'unknown', why: "core_pattern is empty, and core_uses_pid can't be read" };
  if (path === '') return { kind: 'unusable', why: 'core_pattern is empty, and core_uses_pid is 0' };
  const directory = expand(pattern.slice(0, pattern.lastIndexOf('/') + 1), process, dumpable);
  return {
    kind: 'file',
    path,
    isExact: isExact && addsPid !== null && !(addsPid && pid === null),
    isDirectoryExact: directory.isExact,
  };
}

function pipeTemplate(rest: string): CoreTemplate {
  const command = rest.trim();
  if (command === '') return { kind: 'unusable', why: 'core_pattern has no program after its |' };
  return { kind: 'pipe', program: command.split(/\s+/)[0] ?? '', command };
}

const MOST_IN_SOCKET_PATH = 107;

function socketTemplate(rest: string): CoreTemplate {
  const isRequest = rest.startsWith('@');
  const path = isRequest ? rest.slice(1) : rest;
  const because = !path.startsWith('/')
    ? 'is not absolute'
    : path.includes(' ')
      ? 'has a blank'
      : path.split('/').includes('..')
        ? 'has ..'
        : Buffer.byteLength(path) > MOST_IN_SOCKET_PATH
          ? 'is too long for a socket'
          : null;
  if (because !== null) return { kind: 'unusable', why: `the path of the socket in core_pattern ${because}` };
  return { kind: 'socket', path, protocol: isRequest ? 'request' : 'stream' };
}

/**
 * Where core_pattern sends the core of this process. Pure.
 *
 * Kernel: fs/coredump.c, format_corename(), since 6.17 coredump_parse()
 */
export function coreTemplate(
  settings: CoreSettings,
  process: CoreProcessFacts,
  dumpable: Dumpable,
): CoreTemplate {
  const { pattern } = settings;
  if (pattern === null) return { kind: 'unknown', why: "core_pattern can't be read" };
  switch (coreTargetOf(settings)) {
    case 'file':
      return fileTemplate(pattern, settings, process, dumpable);
    case 'pipe':
      return pipeTemplate(pattern.slice(1));
    case 'socket':
      return socketTemplate(pattern.slice(1));
    case 'unknown':
      return {
        kind: 'unknown',
        why: 'whether this kernel takes @ in core_pattern for a socket is not known',
      };
  }
}

export type CoreTarget = 'file' | 'pipe' | 'socket' | 'unknown';

/** The kind of destination that core_pattern gives for every process. */
export function coreTargetOf({
  pattern,
  hasSockets,
}: Pick<CoreSettings, 'pattern' | 'hasSockets'>): CoreTarget {
  if (pattern === null) return 'unknown';
  if (pattern.startsWith('|')) return 'pipe';
  if (!pattern.startsWith('@') || hasSockets === false) return 'file';
  return hasSockets === null ? 'unknown' : 'socket';
}
