import type { Limit } from '../../kernel/core-dump-facts.js';
import { templateOf } from './core-dump.js';
import type { CoreFacts } from './verdict.js';

/** The receiver of the core. */
export type CoreDestination =
  /**
   * `path`: as far as it is known before the crash. `owner`: the uid of the file. `limit`: in bytes; the kernel cuts off
   * a longer core.
   */
  | { kind: 'file'; path: string; isExact: boolean; owner: number | null; limit: Limit | null }
  /** A program that the kernel runs as root in the initial namespaces. */
  | { kind: 'pipe'; program: string; command: string }
  | { kind: 'socket'; path: string; protocol: 'stream' | 'request' };

const least = (a: Limit, b: Limit): Limit => {
  if (a === 'unlimited') return b;
  return b === 'unlimited' ? a : Math.min(a, b);
};

const inDirectory = (directory: string, path: string) =>
  `${directory === '/' ? '' : directory}/${path.slice(path.lastIndexOf('/') + 1)}`;

/** Where the core would go. Null: the destination is unknown, or there is none. */
export function coreDestination(facts: CoreFacts): CoreDestination | null {
  const template = templateOf(facts);
  const { process, target, sites } = facts;
  if (template === null || process === null || target === null) return null;
  switch (template.kind) {
    case 'file': {
      const writings = process.dumpable.filter(value => value !== 'disabled');
      const owners = new Set(writings.map(value => (value === 'root' ? 0 : target.uids.fs)));
      const [owner = null] = owners.size === 1 ? owners : [];
      const site = writings[0] === 'root' ? sites.root : sites.user;
      const directory = site?.directories?.at(-1)?.path;
      const { limit, fileSizeLimit } = process;
      return {
        kind: 'file',
        path: directory === undefined ? template.path : inDirectory(directory, template.path),
        isExact: template.isExact && (template.path.startsWith('/') || directory !== undefined),
        owner,
        limit: limit === null || fileSizeLimit === null ? null : least(limit.soft, fileSizeLimit),
      };
    }
    case 'pipe':
      return { kind: 'pipe', program: template.program, command: template.command };
    case 'socket':
      return { kind: 'socket', path: template.path, protocol: template.protocol };
    default:
      return null;
  }
}

/** The crash signals that leave a core, by number. Kernel: include/linux/signal.h, SIG_KERNEL_COREDUMP_MASK */
const CORE_SIGNALS: Readonly<Record<string, number>> = {
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGSEGV: 11,
};

function signalsIn(mask: string | null): string[] {
  if (mask === null) return [];
  const bits = BigInt(`0x${mask}`);
  return Object.entries(CORE_SIGNALS)
    .filter(([, number]) => (bits >> BigInt(number - 1)) & 1n)
    .map(([name]) => name);
}

function signalNotes({ process }: CoreFacts): string[] {
  const caught = signalsIn(process?.caught ?? null);
  const ignored = signalsIn(process?.ignored ?? null);
  const blocked = signalsIn(process?.blocked ?? null);
  return [
    ...(caught.length > 0
      ? [`It handles ${caught.join(', ')} itself: a core comes only if the handler ends it by a signal.`]
      : []),
    ...(ignored.length > 0
      ? [
          `It ignores ${ignored.join(', ')} if another process sends it; a fault in its own code still ends it.`,
        ]
      : []),
    ...(blocked.length > 0
      ? [
          `It blocks ${blocked.join(', ')} if another process sends it; a fault in its own code still ends it.`,
        ]
      : []),
  ];
}

/** include/linux/mm_types.h, MMF_DUMP_ANON_PRIVATE */
const ANONYMOUS = 1;

function contentNotes(facts: CoreFacts): string[] {
  const { process } = facts;
  const destination = coreDestination(facts);
  const filter = process?.filter ?? null;
  const notes: string[] = [];
  if (filter !== null && (filter & ANONYMOUS) === 0)
    notes.push(
      `Its coredump_filter is 0x${filter.toString(16)}: the core lacks its private memory, stack and heap (echo 0x33 > /proc/PID/coredump_filter includes them).`,
    );
  if (destination?.kind !== 'file' || typeof destination.limit !== 'number') return notes;
  if (destination.limit < facts.settings.smallestLimit) return notes;
  const memory = process?.anonymousMemory ?? null;
  const size = memory === null ? '' : `; it has ${memory} bytes of private memory now`;
  notes.push(`A core is cut off at ${destination.limit} bytes, without its holes${size}.`);
  return notes;
}

/** Programs that receive cores, each with the place where it keeps them and the command that shows them. */
const KEEPERS: readonly { program: RegExp; note: string }[] = [
  {
    program: /\/systemd-coredump$/,
    note: 'systemd-coredump keeps it in /var/lib/systemd/coredump: `coredumpctl info PID`. Its ACL lets the user of the process read it, unless the process is set-id or its dumpable is not 1.',
  },
  {
    program: /\/apport$/,
    note: 'apport keeps it in /var/lib/apport/coredump and reports it in /var/crash, for the user of the process.',
  },
  { program: /\/abrt-hook-ccpp$/, note: 'ABRT keeps it: `abrt-cli list`.' },
];

function receiverNotes(facts: CoreFacts): string[] {
  const destination = coreDestination(facts);
  const { pipeLimit } = facts.settings;
  if (destination?.kind === 'pipe')
    return [
      ...KEEPERS.filter(({ program }) => program.test(destination.program)).map(({ note }) => note),
      ...(pipeLimit !== null && pipeLimit > 0
        ? [`core_pipe_limit is ${pipeLimit}: the kernel drops a core if that many are being read already.`]
        : []),
    ];
  if (destination?.kind === 'socket' && destination.protocol === 'request')
    return ['The server at the socket is asked first, and may refuse the core.'];
  return [];
}

function processNotes({ target, process }: CoreFacts): string[] {
  if (target === null || process === null) return [];
  const { tracerPid } = target;
  return [
    ...(tracerPid !== null && tracerPid > 0
      ? [`Process ${tracerPid} traces it, and gets each signal first.`]
      : []),
    ...(process.names.pid === 1
      ? [
          'It is pid 1 of its pid namespace: it gets no signal that it does not handle, and a fault of its own ends it.',
        ]
      : []),
  ];
}

/** What a user who waits for the core should know in addition to the verdict. Pure. */
export function coreNotes(facts: CoreFacts): string[] {
  if (facts.target?.kind !== 'user') return [];
  return [...receiverNotes(facts), ...contentNotes(facts), ...signalNotes(facts), ...processNotes(facts)];
}
