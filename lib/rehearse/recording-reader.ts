import { createHash, type Hash } from 'node:crypto';
import { TracegateError } from '../errors.js';
import { type Validator, validators } from '../schema-validators.js';
import { SCHEMA_VERSIONS } from '../schema-versions.js';
import type {
  RecordedPair,
  RecordingBegin,
  RecordingLine,
  RecordingStop,
  WatchedEnd,
  WatchGap,
} from '../watch/recording.js';
import { AccessLine, type CountedAccess } from './access-line.js';
import { wholeLines } from './whole-lines.js';

/** What a reader is told, in the order of the lines. */
export interface Listener {
  begin(event: RecordingBegin): void;
  /** Before the first event: the digest of all lines up to it, which copies of a recording have in common. */
  identity(digest: string): void;
  pair(event: RecordedPair): void;
  /** The object is the same for each access. */
  access(access: CountedAccess): void;
  end(event: WatchedEnd): void;
  gap(event: WatchGap): void;
  stop(event: RecordingStop): void;
  /** The last line is incomplete. */
  cut(): void;
}

interface Schemas {
  isBegin: Validator<RecordingBegin>;
  isPair: Validator<RecordedPair>;
  isAccess: Validator<Extract<RecordingLine, { event: 'access' }>>;
  isEnd: Validator<WatchedEnd>;
  isGap: Validator<WatchGap>;
  isStop: Validator<RecordingStop>;
}

const failed = (what: string, cause?: unknown) =>
  new TracegateError('ERR_TRACEGATE_RECORDING', what, { cause });

function checked<Event>(value: unknown, isFitting: Validator<Event>, number: number): Event {
  if (isFitting(value)) {
    if (
      typeof value === 'object' &&
      value !== null &&
      'time' in value &&
      Number.isNaN(Date.parse(`${value.time}`))
    )
      throw failed(`line ${number}: /time is no time`);
    return value;
  }
  const [first] = isFitting.errors ?? [];
  throw failed(`line ${number}: ${first?.instancePath || 'it'} ${first?.message ?? 'does not fit'}`);
}

/** The event of a line, or null: the line is no JSON object. */
function parse(line: string): RecordingLine | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as RecordingLine) : null;
  } catch {
    return null;
  }
}

function assertVersion({ schemaVersion }: RecordingBegin, number: number): void {
  const known = SCHEMA_VERSIONS.watch;
  if (typeof schemaVersion !== 'number' || schemaVersion === known) return;
  const instead = schemaVersion > known ? 'use a newer tracegate' : 'record it again';
  throw failed(
    `line ${number}: its schemaVersion is ${schemaVersion}, and this tracegate reads ${known}: ${instead}`,
  );
}

const { parse: timeOf } = Date;

/**
 * Reads the recordings in a file: one, or several one after another.
 *
 * @param file `-`: standard input
 * @throws TracegateError `ERR_TRACEGATE_RECORDING` for the first line that is none of a recording; all before it were told
 */
export async function readRecording(file: string, listener: Listener): Promise<void> {
  const checks = await validators<Schemas>();
  const accesses = new AccessLine();
  let number = 0;
  let hasBegun = false;
  let head: Hash | null = null;

  /** The first event ends the head of a recording. */
  const identify = (line: string, isHead: boolean): void => {
    head?.update(line);
    if (head === null || isHead) return;
    listener.identity(head.digest('hex'));
    head = null;
  };

  const tell = (event: RecordingLine, line: string): void => {
    if (!hasBegun && event.event !== 'begin')
      throw failed(`line ${number} is no begin event: it is no recording of tracegate watch`);
    switch (event.event) {
      case 'begin':
        assertVersion(event, number);
        listener.begin(checked(event, checks.isBegin, number));
        hasBegun = true;
        head = createHash('sha256').update(line);
        break;
      case 'pair':
        listener.pair(checked(event, checks.isPair, number));
        identify(line, true);
        break;
      case 'access': {
        const { pair, outcome, time } = checked(event, checks.isAccess, number);
        identify(line, false);
        listener.access({ pair, outcome, time: timeOf(time) });
        break;
      }
      case 'end':
        identify(line, false);
        listener.end(checked(event, checks.isEnd, number));
        break;
      case 'gap':
        identify(line, false);
        listener.gap(checked(event, checks.isGap, number));
        break;
      case 'stop':
        identify(line, false);
        listener.stop(checked(event, checks.isStop, number));
        break;
      default:
        throw failed(`line ${number}: an event of a kind that this tracegate does not know`);
    }
  };

  for await (const text of wholeLines(file)) {
    for (let at = 0; at < text.length; ) {
      number++;
      if (hasBegun && accesses.readAt(text, at)) {
        if (head !== null) identify(text.slice(at, accesses.next - 1), false);
        listener.access(accesses.access);
        at = accesses.next;
        continue;
      }
      const end = text.indexOf('\n', at);
      const line = Buffer.from(text.slice(at, end < 0 ? undefined : end), 'latin1').toString();
      const event = parse(line);
      if (event !== null) tell(event, line);
      else if (end < 0 && hasBegun) listener.cut();
      else
        throw failed(`line ${number} is no JSON object: it is no recording of tracegate watch, or damaged`);
      at = end < 0 ? text.length : end + 1;
    }
  }
  if (number === 0) throw failed('it is empty');
}
