import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { getDumpable } from '../kernel/dumpable.js';
import { native } from '../kernel/native.js';
import { remedyForRefusal } from '../kernel/permission-model.js';
import { ownTracer } from '../kernel/trace-status.js';
import { BOOLEAN, CHECKED_ELSEWHERE, checkedOptions, type OptionKinds, oneOf } from '../options.js';
import { attachedTracer } from './attached-tracer.js';
import { type Channel, type ChannelName, type Closing, failed } from './channel.js';
import { children } from './children.js';
import { coreDumps } from './core-dumps.js';
import { declaredTracer } from './declared-tracer.js';
import { diagnosticFiles } from './diagnostic-files.js';
import { dumpable } from './dumpable.js';
import { heapSnapshots } from './heap-snapshots.js';
import { inspectorChannel, lateOpening } from './inspector.js';
import { memoryDescriptors } from './memory-descriptors.js';
import { reports } from './reports.js';
import { type Verified, verifyByStranger } from './verify.js';

export type { ChannelName } from './channel.js';
export type { Verified } from './verify.js';

/** What denyTracing() closes, and what it does if a channel stays open. */
export interface DenyOptions {
  /** Channels to leave as they are: `{ inspector: false }`. By default denyTracing() closes all but `children`. */
  channels?: Partial<Record<Exclude<ChannelName, 'children'>, boolean>>;
  /** The process stays dumpable; only `RLIMIT_CORE` then prevents core dumps. */
  keepDumpable?: boolean;
  /** Lowers the hard limit on core dumps too; allowTracing() can't restore it. */
  hardLimits?: boolean;
  /** If a channel could not be closed: `throw` an error (default), or `warn` by process.emitWarning(). */
  policy?: 'throw' | 'warn';
  /** Has a stranger (an unrelated process of the same uid) try to attach and read. Default: true. */
  verify?: boolean;
  /** Changes NODE_OPTIONS, so that Node programs started later by this process run denyTracing() too. Default: false. */
  children?: boolean;
  /** With `TRACEGATE=off` in the environment denyTracing() then changes nothing. */
  allowOverride?: boolean;
}

/** The state of each channel after denyTracing(). */
export interface DenyReport {
  /** Channels that other processes of the uid can no longer use. */
  closed: ChannelName[];
  /** Channels that are still open: by nature, by an option, or because closing them failed. */
  open: { channel: ChannelName; why: string; remedy: string }[];
  /** Operations that this process, or other processes on it, can no longer do. */
  sideEffects: string[];
  /** The pid of a tracer that is attached; denyTracing() can't detach a tracer. */
  tracedBy: number | null;
  /** The attempts of the stranger; empty with `verify: false`. */
  verified: Verified[];
}

/** The inspector is first: until SIGUSR1 is closed, a signal can open the inspector, which no other channel closes. */
const CHANNELS: readonly Channel[] = [
  inspectorChannel,
  dumpable,
  declaredTracer,
  coreDumps,
  reports,
  heapSnapshots,
  diagnosticFiles,
  attachedTracer,
];

/** With `verify` there is one channel more, which reads /proc of every process on the host. */
const ALL = [...CHANNELS, memoryDescriptors];
const NAMES = ALL.map(({ name }) => name);

const CHANNEL_OPTIONS = Object.fromEntries(NAMES.map(name => [name, BOOLEAN])) as unknown as OptionKinds<
  NonNullable<DenyOptions['channels']>
>;

const OPTIONS: OptionKinds<DenyOptions> = {
  channels: CHECKED_ELSEWHERE,
  keepDumpable: BOOLEAN,
  hardLimits: BOOLEAN,
  policy: oneOf(['throw', 'warn']),
  verify: BOOLEAN,
  children: BOOLEAN,
  allowOverride: BOOLEAN,
};

function checked(options: DenyOptions): DenyOptions {
  const { channels, ...given } = checkedOptions(options, OPTIONS);
  if (channels === undefined) return given;
  return { ...given, channels: checkedOptions(channels, CHANNEL_OPTIONS, 'channels') };
}

/** Restores each channel to its state before the first call that closed the channel. */
const undoings = new Map<ChannelName, (() => void) | 'impossible'>();
let lastOptions: DenyOptions | null = null;

const SKIPPED = {
  why: 'the option channels leaves it as it is',
  remedy: 'leave it out of the option channels',
};
const OVERRIDDEN = {
  why: 'TRACEGATE=off is in the environment, and allowOverride permits it',
  remedy: 'start the process without TRACEGATE=off',
};

const wanted = (options: DenyOptions) => [
  ...(verifies(options) ? ALL : CHANNELS),
  ...(options.children ? [children] : []),
];

const verifies = ({ verify = true }: DenyOptions) => verify;

interface Draft extends DenyReport {
  failures: ChannelName[];
}

function note(draft: Draft, name: ChannelName, closing: Closing): void {
  if (closing.state === 'open') {
    draft.open.push({ channel: name, why: closing.why, remedy: closing.remedy });
    if (closing.isFailure) draft.failures.push(name);
  } else {
    draft.closed.push(name);
    draft.sideEffects.push(...closing.sideEffects);
  }
  const { undo = 'nothing' } = closing;
  if (undo !== 'nothing' && !undoings.has(name)) undoings.set(name, undo);
}

const isSkipped = ({ channels = {} }: DenyOptions, name: ChannelName) =>
  name !== 'children' && channels[name] === false;

/** A channel that throws counts as failed, and the other channels are still closed. */
function attempt(channel: Channel, options: DenyOptions): Closing {
  const { keepDumpable = false, hardLimits = false } = options;
  const stays = keepDumpable || (isSkipped(options, 'dumpable') && getDumpable() === 'user');
  try {
    return channel.close({ keepDumpable: stays, hardLimits });
  } catch (error) {
    if (!isError(error)) throw error;
    return failed(error.message, remedyFor(error));
  }
}

function closeAll(options: DenyOptions): Draft {
  const draft: Draft = { closed: [], open: [], sideEffects: [], tracedBy: null, verified: [], failures: [] };
  const isOff = options.allowOverride === true && process.env.TRACEGATE === 'off';
  for (const channel of wanted(options)) {
    const reason = isOff ? OVERRIDDEN : isSkipped(options, channel.name) ? SKIPPED : null;
    if (reason !== null) draft.open.push({ channel: channel.name, ...reason });
    else note(draft, channel.name, attempt(channel, options));
  }
  draft.tracedBy = ownTracer() || null;
  if (!isOff) lastOptions = options;
  return draft;
}

/** True if the kernel refused at least one attempt on this channel and allowed none. */
function isRefused(verified: readonly Verified[], channel: ChannelName): boolean {
  const outcomes = verified.filter(each => each.channel === channel).map(({ outcome }) => outcome);
  return outcomes.includes('denied') && !outcomes.includes('allowed');
}

const remedyFor = (error: unknown) => remedyForRefusal(error) ?? 'see the message';
const messageOf = (error: unknown) => (isError(error) ? error.message : String(error));

/** Reports a closed channel as open if an attempt of the stranger succeeded, or if no attempt gave an answer. */
async function verify(draft: Draft): Promise<void> {
  const tried = (['dumpable', 'inspector'] as const).filter(name => draft.closed.includes(name));
  if (tried.length === 0) return;
  // The stranger may fail to start, for lack of descriptors for example. The report is still returned.
  let because = '';
  let remedy = 'closing it should have refused that: please report it, with the whole report';
  draft.verified = await verifyByStranger(tried.includes('inspector')).catch(error => {
    because =
      remedyForRefusal(error) === null ? `: ${messageOf(error)}` : ': Node may not start the stranger';
    remedy = `${remedyFor(error)}, or leave the attempts out: verify: false`;
    return [];
  });
  for (const channel of tried.filter(name => !isRefused(draft.verified, name))) {
    draft.closed = draft.closed.filter(name => name !== channel);
    const got = draft.verified.filter(each => each.channel === channel && each.outcome === 'allowed');
    const why =
      got.length > 0
        ? `it was closed, but a stranger still got access by ${got.map(({ by }) => by).join(', ')}`
        : `it was closed, but whether a stranger gets access could not be found out${because}`;
    draft.open.push({ channel, why, remedy });
    draft.failures.push(channel);
  }
}

/** A SIGUSR1 that arrived before the inspector channel was closed may open the inspector afterwards. */
async function settle(draft: Draft): Promise<void> {
  if (!draft.closed.includes('inspector')) return;
  const late = await lateOpening().catch(error =>
    failed(`whether it has opened since could not be found out: ${messageOf(error)}`, remedyFor(error)),
  );
  if (late === null) return;
  draft.closed = draft.closed.filter(name => name !== 'inspector');
  note(draft, 'inspector', late);
}

function judge({ failures, ...report }: Draft, policy: 'throw' | 'warn'): DenyReport {
  if (failures.length === 0) return report;
  const named = report.open
    .filter(({ channel }) => failures.includes(channel))
    .map(({ channel, why, remedy }) => `${channel}: ${why} (${remedy})`);
  const message = `not closed: ${named.join('; ')}. What was closed stays closed: ${report.closed.join(', ') || 'nothing'}`;
  if (policy === 'warn') {
    process.emitWarning(message, { code: 'ERR_TRACEGATE_NOT_DENIED', type: 'TracegateWarning' });
    return report;
  }
  throw Object.assign(new TracegateError('ERR_TRACEGATE_NOT_DENIED', message), { report });
}

/**
 * `PR_SET_DUMPABLE` and more: closes this process to neighbours (processes of the same uid) without CAP_SYS_PTRACE. The
 * channels are closed before the call returns its promise. The promise waits for the effects of an earlier SIGUSR1, and for
 * the attempts of a stranger (`verify`).
 *
 * A second call closes channels that were opened again meanwhile. A call in a worker closes channels of the whole process,
 * but signals and the inspector of the main thread need a call in the main thread.
 *
 * Applies to: this process, with all its threads. With `children` also Node programs that it starts later.
 *
 * Kernel: kernel/sys.c, prctl() and do_prlimit(); kernel/ptrace.c, __ptrace_may_access(); docs/channels.md has each channel's
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`; nothing was closed
 * @throws TracegateError `ERR_TRACEGATE_NOT_DENIED`, with the property `report`, if a channel could not be closed; the other
 *   channels stay closed
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`; nothing was closed
 * @see docs/deny.md
 * @example
 * ```js
 * import { denyTracing } from 'tracegate';
 *
 * const { closed, open, verified } = await denyTracing();
 * console.log(closed.includes('dumpable')); // true
 * console.log(verified.every(({ outcome }) => outcome === 'denied')); // true
 * for (const { channel, why, remedy } of open) console.error(`${channel}: ${why} (${remedy})`);
 * ```
 */
export async function denyTracing(given: DenyOptions = {}): Promise<DenyReport> {
  const options = checked(given);
  native(); // a missing addon throws here, before any channel is closed
  const draft = closeAll(options);
  await settle(draft);
  if (verifies(options)) await verify(draft);
  return judge(draft, options.policy ?? 'throw');
}

/**
 * Undoes denyTracing(): restores each channel to its state before the first call. `kept` names the channels that can't be
 * restored, such as a declared tracer, which can't be read, and a hard limit, which can't be raised.
 *
 * Applies to: this process, with all its threads.
 *
 * Kernel: kernel/sys.c, prctl() and do_prlimit()
 *
 * @throws SyscallError if a seccomp filter refuses prctl(2)
 * @example
 * ```js
 * import { allowTracing, denyTracing, getDumpable } from 'tracegate';
 *
 * await denyTracing({ verify: false });
 * console.log(getDumpable()); // disabled
 * console.log(allowTracing().restored.includes('dumpable')); // true
 * console.log(getDumpable()); // user
 * ```
 */
export function allowTracing(): { restored: ChannelName[]; kept: ChannelName[] } {
  const restored: ChannelName[] = [];
  const kept: ChannelName[] = [];
  for (const [name, undo] of [...undoings].reverse()) {
    if (undo !== 'impossible') undo();
    (undo === 'impossible' ? kept : restored).push(name);
  }
  undoings.clear();
  lastOptions = null;
  return { restored, kept };
}

/**
 * Opens the process while `use` runs, for a desktop service or a crash reporter that reads /proc/PID. The process is closed again
 * when `use` ends, also by an error. Without an earlier denyTracing() it only calls `use`.
 *
 * Applies to: this process, with all its threads.
 *
 * Kernel: kernel/sys.c, prctl()
 *
 * @param use its result is the result of the promise
 * @throws what `use` throws
 * @throws TracegateError `ERR_TRACEGATE_NOT_DENIED`, with `report`, if a channel could not be closed again
 * @example
 * ```js
 * import { denyTracing, getDumpable, withTracing } from 'tracegate';
 *
 * await denyTracing({ verify: false });
 * await withTracing(() => console.log(getDumpable())); // user
 * console.log(getDumpable()); // disabled
 * ```
 */
export async function withTracing<T>(use: () => T | Promise<T>): Promise<T> {
  const options = lastOptions;
  if (options === null) return use();
  allowTracing();
  try {
    return await use();
  } finally {
    await denyTracing({ ...options, verify: false });
  }
}
