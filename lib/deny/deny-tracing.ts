import { TracegateError } from '../errors.js';
import { getDumpable } from '../kernel/dumpable.js';
import { native } from '../kernel/native.js';
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

export interface DenyOptions {
  /** Channels to leave as they are: `{ inspector: false }`. All are closed by default; `children` is an option of its own. */
  channels?: Partial<Record<Exclude<ChannelName, 'children'>, boolean>>;
  /** Stay dumpable, with core dumps closed by their limit alone. */
  keepDumpable?: boolean;
  /** Lower hard limits too, for good. */
  hardLimits?: boolean;
  /** `throw` (default) if something that was to be closed is open; `warn`: a warning of the process. */
  policy?: 'throw' | 'warn';
  /** Have an unrelated process of the same uid try to get in. By default. */
  verify?: boolean;
  /** Have the Node programs that this process starts from now on deny as well, by NODE_OPTIONS. Not by default. */
  children?: boolean;
  /** Let `TRACEGATE=off` in the environment leave everything as it is. */
  allowOverride?: boolean;
}

export interface DenyReport {
  closed: ChannelName[];
  /** What is still open, by nature or because it could not be closed. */
  open: { channel: ChannelName; why: string; remedy: string }[];
  /** What this process, and others with it, can't do now. */
  sideEffects: string[];
  /** A tracer that was there before stays. */
  tracedBy: number | null;
  verified: Verified[];
}

/** SIGUSR1 first: until it is closed, a signal opens what the others can't close. */
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

/** Also what takes a look at every process of the host: with the proof. */
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

/** What brings each channel back to what it was before the first call that closed it. */
const undoings = new Map<ChannelName, (() => void) | 'impossible'>();
let lastOptions: DenyOptions | null = null;

const SKIPPED = { why: 'it was to be left as it is (channels)', remedy: 'leave that option out' };
const OVERRIDDEN = {
  why: 'TRACEGATE=off is in the environment, and allowOverride lets it',
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

/** One that throws has failed as well, and the others are closed all the same. */
function attempt(channel: Channel, options: DenyOptions): Closing {
  const { keepDumpable = false, hardLimits = false } = options;
  const stays = keepDumpable || (isSkipped(options, 'dumpable') && getDumpable() === 'user');
  try {
    return channel.close({ keepDumpable: stays, hardLimits });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return failed(error.message, 'see the message');
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

/** What was tried of a channel shows it closed: somebody was refused, and nobody got in. */
function isRefused(verified: readonly Verified[], channel: ChannelName): boolean {
  const outcomes = verified.filter(each => each.channel === channel).map(({ outcome }) => outcome);
  return outcomes.includes('refused') && !outcomes.includes('open');
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A channel that a stranger got in by is open, whatever closing it said; so is one of which nothing could be found out. */
async function verify(draft: Draft): Promise<void> {
  const tried = (['dumpable', 'inspector'] as const).filter(name => draft.closed.includes(name));
  if (tried.length === 0) return;
  // That no stranger could be started, for want of descriptors say, is no reason to keep the report back.
  let because = '';
  draft.verified = await verifyByStranger(tried.includes('inspector')).catch(error => {
    because = `: ${messageOf(error)}`;
    return [];
  });
  for (const channel of tried.filter(name => !isRefused(draft.verified, name))) {
    draft.closed = draft.closed.filter(name => name !== channel);
    const got = draft.verified.filter(each => each.channel === channel && each.outcome === 'open');
    const why =
      got.length > 0
        ? `it was closed, and tried: in got ${got.map(({ by }) => by).join(', ')}`
        : `it was closed, and whether a stranger gets in could not be found out${because}`;
    draft.open.push({ channel, why, remedy: 'see the report: this is not what closing it should leave' });
    draft.failures.push(channel);
  }
}

/** A signal that came before the closing may have opened the inspector after it. */
async function settle(draft: Draft): Promise<void> {
  if (!draft.closed.includes('inspector')) return;
  const late = await lateOpening().catch(error =>
    failed(`whether it has opened since could not be found out: ${messageOf(error)}`, 'see the message'),
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
 * `PR_SET_DUMPABLE` and everything beside it: closes this process to others of its uid without CAP_SYS_PTRACE, and has
 * one of them try. The closing is done before the call returns its promise; what it waits for is what a SIGUSR1 of before
 * had under way, and the proof.
 *
 * A second call closes again what was opened meanwhile. Of a worker it holds for the whole process, as far as a worker
 * can reach: signals and the inspector are the main thread's.
 *
 * Kernel and Node: see each channel's file in lib/deny
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_NOT_DENIED`, with the report as its property, if something that was to be closed
 *   is open; what was closed stays closed
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export async function denyTracing(given: DenyOptions = {}): Promise<DenyReport> {
  const options = checked(given);
  native(); // without it nothing is closed, rather than half of it
  const draft = closeAll(options);
  await settle(draft);
  if (verifies(options)) await verify(draft);
  return judge(draft, options.policy ?? 'throw');
}

/**
 * Undoes denyTracing(): brings back exactly what was there before its first call. What can't be brought back is named: a
 * declaration can't be read, and a hard limit not raised.
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

/** Opens a window for what must look in, a portal or a crash reporter, and closes it also where `use` throws. */
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
