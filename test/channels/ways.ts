// The ways into a process that another of its uid may try, one an entry.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { ChannelName } from '../../lib/index.js';
import { IS_ROOT, STRACE_ATTACHED } from '../helpers/processes.js';
import { times } from '../helpers/tier.js';
import { throughPipe } from './core-pipe.js';
import { attempt, judge, judgeProgram, type Outcome, placesIn, startThief } from './thief.js';
import { MARKER, type Place, SOCKET_FD, type Victim, type VictimStart } from './victim.js';

export interface Way {
  name: string;
  /**
   * The check that the way must pass: the kernel's check of an attach, which Yama filters; the check of a read; the
   * permission to send a signal; or the permission to read a file that the program writes.
   */
  by: 'attach' | 'read' | 'signal' | 'file';
  /** The secrets that the way reads if it is open. */
  brings: Place[] | 'opens';
  /** If the result isn't a secret: its description. */
  note?: string;
  closedBy: ChannelName;
  start?: VictimStart;
  /** A kernel may be built without it. */
  isOptional?: boolean;
  /** A program around another of these ways: it takes seconds, and Yama sees no difference. */
  isProgram?: boolean;
  /** Why it can't be tried on this kernel, where it can't. */
  missing?: () => string | null;
  /** The attempt ends it, so it has a victim of its own. */
  endsVictim?: boolean;
  /** Of one that the attempt ends: before denyTracing(). */
  prepare?: (victim: Victim) => Promise<unknown>;
  attempt: (victim: Victim) => Promise<Outcome>;
}

export const MEMORY: Place[] = ['argument', 'buffer', 'environment', 'string'];
const { SIGABRT, SIGSEGV, SIGUSR2, SIGHUP, SIGWINCH } = constants.signals;

const byThief =
  (command: string, ...words: string[]) =>
  (victim: Victim) =>
    attempt(victim, command, `${victim.pid}`, ...words);

export async function run(victim: Victim, ...words: string[]): Promise<string> {
  return (await startThief(victim, 'run', ...words)).heard;
}

/** Reads the files that a way has left in the victim's directory, and removes them: a core has up to a gigabyte. */
export async function leftIn(victim: Victim, prefix: string): Promise<Outcome> {
  const found = await attempt(victim, 'files', victim.directory, prefix);
  for (const name of readdirSync(victim.directory))
    if (name.startsWith(prefix)) rmSync(join(victim.directory, name));
  return found;
}

/** The first strings behind `environ`, read by the debugger. */
async function gdb(victim: Victim): Promise<Outcome> {
  const show = ['set print elements 0', 'print *((char**)environ)@4'].flatMap(line => ['-ex', line]);
  const heard = await run(victim, 'gdb', '-nx', '-batch', '-p', `${victim.pid}`, ...show);
  return judgeProgram(victim, heard);
}

async function gcore(victim: Victim): Promise<Outcome> {
  const heard = await run(victim, 'gcore', '-o', 'copied', `${victim.pid}`);
  const found = await leftIn(victim, 'copied');
  return found.state === 'leaks' ? found : judgeProgram(victim, heard);
}

/** The data that the victim writes while it is traced. */
async function strace(victim: Victim): Promise<Outcome> {
  const words = ['strace', '-f', '-s', '256', '-e', 'trace=write', '-p', `${victim.pid}`];
  const thief = await startThief(victim, 'run', ...words);
  const isAttached = await thief.complains(STRACE_ATTACHED);
  await victim.call('write');
  if (isAttached) process.kill(thief.pid, 'SIGINT'); // it detaches, and ends
  return judgeProgram(victim, await thief.heard);
}

/** The file that the victim leaves when this call ends it. */
export const byItsEnd = (name: 'fail' | 'fill', prefix: string) => async (victim: Victim) => {
  await victim.call(name).catch(() => {});
  await victim.ended;
  return leftIn(victim, prefix);
};

type Until = (victim: Victim) => Promise<unknown>;

/** A signal that every process of its uid may send, and the file that it leaves. */
const bySignal =
  (signal: number, prefix: string, done: Until = victim => victim.settled()) =>
  async (victim: Victim) => {
    const sent = await startThief(victim, 'signal', `${victim.pid}`, `${signal}`);
    if (!/^sent$/m.test(await sent.heard)) return judge(victim, await sent.heard);
    await done(victim);
    return leftIn(victim, prefix);
  };

/** The same, when the attacker has raised the limit again that the victim may have lowered. */
const byCoreDump = (signal: number, prefix: string) => async (victim: Victim) => {
  await (await startThief(victim, 'raise-core-limit', `${victim.pid}`)).heard;
  return bySignal(signal, prefix, ({ ended }) => ended)(victim);
};

const limitCores = (soft: string) => (victim: Victim) => victim.call('limitCores', soft);

const corePattern = () => readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();

/** Whether, and why, a core file would not be found. */
export function noCoreFile(): string | null {
  return corePattern() === 'core' ? null : 'core_pattern of this machine is not `core`';
}

/** Above 2, which Debian's kernels have, every process needs CAP_PERFMON, for any target. */
function noPerfForUsers(): string | null {
  const file = '/proc/sys/kernel/perf_event_paranoid';
  const isClosed = existsSync(file) && Number(readFileSync(file, 'utf8')) > 2;
  return isClosed ? 'perf_event_paranoid keeps it from every user' : null;
}

function noCorePipe(): string | null {
  if (process.env.TRACEGATE_LAB === undefined)
    return 'core_pattern is one for the whole machine, so the lab alone tries it';
  return IS_ROOT ? null : 'core_pattern is root’s to set';
}

const CLIENT = readFileSync(join(import.meta.dirname, 'inspector-client.mjs'), 'utf8');

/** How long the attacker goes on: Node opens its inspector in a thread of its own, some time after the signal. */
const PATIENCE = { open: 600_000, closed: times(1_000, 3_000) };

/** Sends SIGUSR1, unless `pid` is 0, and asks the inspector that listens there. */
export async function inspectAt(
  victim: Victim,
  port: number,
  limit = PATIENCE.open,
  pid = victim.pid,
): Promise<string> {
  const words = ['--input-type=module', '-e', CLIENT, `${pid}`, `${port}`, MARKER, `${limit}`];
  return run(victim, process.execPath, ...words);
}

async function inspector(victim: Victim): Promise<Outcome> {
  // This time only passes if the way is closed: an open way answers before.
  const isClosed = (await victim.call('usr1Listeners')) > 0;
  const heard = await inspectAt(victim, victim.port, isClosed ? PATIENCE.closed : PATIENCE.open);
  if (/^refused /m.test(heard)) return judge(victim, heard);
  const places = placesIn(victim, heard);
  if (places.length > 0) return { state: 'leaks', places };
  const [, code] = /^no inspector: (.*)$/m.exec(heard) ?? [];
  if (code === undefined || (await victim.call('inspector')) !== null)
    throw new Error(`neither got in nor was refused: ${heard}`);
  return { state: 'refused', by: `connect: ${code}` };
}

/** Told on its command line to leave something at a signal. */
export const AT_SIGNALS: VictimStart = { execArgv: ['--report-on-signal', '--heapsnapshot-signal=SIGWINCH'] };

/** The same by its environment, as Node reads it: the last one counts, and an underscore is a dash. */
const PLANTED: VictimStart = {
  env: {
    NODE_OPTIONS:
      '--report-on-signal --report-signal=SIGHUP --heapsnapshot-signal=SIGUSR2 --heapsnapshot_signal=SIGWINCH',
  },
};

/** V8 then maps no half gigabyte for compiled code: a core is a fifth as large. */
export const SMALL: VictimStart = { execArgv: ['--jitless', '--no-expose-wasm'] };

export const WAYS: Way[] = [
  { name: 'ptrace attach', by: 'attach', brings: MEMORY, closedBy: 'dumpable', attempt: byThief('attach') },
  { name: 'ptrace seize', by: 'attach', brings: MEMORY, closedBy: 'dumpable', attempt: byThief('seize') },
  {
    name: '`gdb -p`',
    by: 'attach',
    brings: ['environment'],
    closedBy: 'dumpable',
    isProgram: true,
    attempt: gdb,
  },
  {
    name: '`gcore`',
    by: 'attach',
    brings: MEMORY,
    closedBy: 'dumpable',
    isProgram: true,
    start: SMALL,
    attempt: gcore,
  },
  { name: '`strace -p`', by: 'attach', brings: ['written'], closedBy: 'dumpable', attempt: strace },
  {
    name: '`process_vm_readv`',
    by: 'attach',
    brings: MEMORY,
    closedBy: 'dumpable',
    attempt: byThief('process_vm_readv'),
  },
  { name: '/proc/PID/mem', by: 'attach', brings: MEMORY, closedBy: 'dumpable', attempt: byThief('mem') },
  {
    name: '`pidfd_getfd` of an open socket',
    by: 'attach',
    brings: ['socket'],
    closedBy: 'dumpable',
    attempt: byThief('pidfd_getfd', `${SOCKET_FD}`),
  },
  {
    name: '/proc/PID/environ',
    by: 'read',
    brings: ['environment'],
    closedBy: 'dumpable',
    attempt: byThief('proc', 'environ'),
  },
  {
    name: '/proc/PID/maps',
    by: 'read',
    brings: 'opens',
    note: 'where everything lies: undoes address randomization',
    closedBy: 'dumpable',
    attempt: byThief('proc', 'maps'),
  },
  {
    name: '/proc/PID/auxv',
    by: 'read',
    brings: 'opens',
    note: 'where the program and its stack protector’s random bytes lie',
    closedBy: 'dumpable',
    attempt: byThief('proc', 'auxv'),
  },
  {
    name: '/proc/PID/fd/N of an unlinked file',
    by: 'read',
    brings: ['file'],
    closedBy: 'dumpable',
    attempt: victim => attempt(victim, 'link', `${victim.pid}`, `${victim.fd}`),
  },
  {
    name: '`perf_event_open`',
    isOptional: true,
    by: 'read',
    brings: 'opens',
    note: 'samples of its stack and of where it runs',
    closedBy: 'dumpable',
    missing: noPerfForUsers,
    attempt: byThief('perf_event_open'),
  },
  {
    name: '`kcmp`',
    isOptional: true,
    by: 'read',
    brings: 'opens',
    note: 'which resources it shares with which process, in the kernel’s order of addresses',
    closedBy: 'dumpable',
    attempt: byThief('kcmp'),
  },
  {
    name: 'SIGUSR1, then Node’s inspector over a WebSocket',
    by: 'signal',
    brings: ['buffer', 'environment', 'string'],
    closedBy: 'inspector',
    start: AT_SIGNALS,
    attempt: inspector,
  },
  {
    name: 'SIGABRT, and the core file',
    by: 'signal',
    brings: MEMORY,
    closedBy: 'dumpable',
    missing: noCoreFile,
    start: SMALL,
    prepare: limitCores('unlimited'),
    attempt: byCoreDump(SIGABRT, 'core'),
  },
  {
    name: 'SIGSEGV, and the core file',
    by: 'signal',
    brings: MEMORY,
    closedBy: 'dumpable',
    missing: noCoreFile,
    start: SMALL,
    prepare: limitCores('unlimited'),
    attempt: byCoreDump(SIGSEGV, 'core'),
  },
  {
    name: 'SIGABRT, and a core_pattern pipe (RLIMIT_CORE 0)',
    by: 'signal',
    brings: MEMORY,
    closedBy: 'dumpable',
    missing: noCorePipe,
    start: SMALL,
    prepare: limitCores('0'),
    attempt: victim => throughPipe(victim, handled => bySignal(SIGABRT, 'piped', handled)(victim)),
  },
  {
    name: 'report on signal (`--report-on-signal`)',
    by: 'signal',
    brings: ['environment'],
    closedBy: 'reports',
    start: AT_SIGNALS,
    attempt: bySignal(SIGUSR2, 'report.'),
  },
  {
    name: 'report of an uncaught exception (`--report-uncaught-exception`)',
    by: 'file',
    brings: ['environment'],
    closedBy: 'reports',
    start: { execArgv: ['--report-uncaught-exception'] },
    endsVictim: true,
    attempt: byItsEnd('fail', 'report.'),
  },
  {
    name: 'heap snapshot on signal (`--heapsnapshot-signal`)',
    by: 'signal',
    brings: ['string'],
    closedBy: 'heap-snapshots',
    start: AT_SIGNALS,
    attempt: bySignal(SIGWINCH, 'Heap.'),
  },
  {
    name: 'report on signal, by NODE_OPTIONS',
    by: 'signal',
    brings: ['environment'],
    closedBy: 'reports',
    start: PLANTED,
    attempt: bySignal(SIGHUP, 'report.'),
  },
  {
    name: 'heap snapshot on signal, by NODE_OPTIONS',
    by: 'signal',
    brings: ['string'],
    closedBy: 'heap-snapshots',
    start: PLANTED,
    attempt: bySignal(SIGWINCH, 'Heap.'),
  },
];
