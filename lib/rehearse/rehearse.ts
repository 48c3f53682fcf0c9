import { statSync } from 'node:fs';
import { TracegateError } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import type { RecordedPair, RecordingBegin, RecordingStop, WatchGap } from '../watch/recording.js';
import type { CountedAccess } from './access-line.js';
import { answerOf } from './answer.js';
import { Counts, count, type Kind } from './counts.js';
import { type Listener, readRecording } from './recording-reader.js';
import type { Limit, Recording, Rehearsal } from './rehearsal.js';

/** The pairs of one recording that are remembered. A recorder may forget a pair and write it again with another id. */
const MOST_PAIRS = 500_000;
const MOST_RECORDINGS = 100_000;

/** The events of a recording that were counted. */
interface Counted {
  file: string;
  events: number;
}

const MOST_LIMITS = 1000;

/** Yama has no say in the accesses that only --reads records. */
const isFiltered = ({ reads: _, ...filters }: RecordingBegin['filters']): boolean =>
  Object.values(filters).some(value => value !== undefined);

/** The source that sees every way in. The blind spots of others hide accesses. */
const SEES_ALL = 'bpf';

/** What all recordings add up to. */
export class Rehearser implements Listener {
  readonly counts = new Counts();
  readonly recordings: Recording[] = [];
  /** By what tells hosts apart. */
  readonly hosts = new Map<string, number>();
  readonly limits = new Map<string, Limit>();
  readonly #counted = new Map<string, Counted>();

  #file = '';
  #recording: Recording | null = null;
  #copied: Counted = { file: '', events: 0 };
  /** The events of the recording so far. */
  #events = 0;
  #host = 0;
  #end = 0;
  #kinds = new Map<number, Kind>();
  #limited = new Set<string>();

  startFile(file: string): void {
    this.endRecording();
    this.#file = file;
  }

  endRecording(): void {
    if (this.#recording === null) return;
    this.#recording.end = new Date(this.#end).toISOString();
    this.#copied.events = Math.max(this.#copied.events, this.#events);
    this.#recording = null;
    this.#kinds = new Map();
    this.#limited = new Set();
  }

  /** A limit counts once for a recording. */
  #limit(kind: Limit['kind'], because: string, hides = true): void {
    const own = `${kind} ${because}`;
    const isMany = this.limits.size >= MOST_LIMITS && !this.limits.has(own);
    const key = isMany ? 'others' : own;
    if (this.#limited.has(key)) return;
    this.#limited.add(key);
    const known = this.limits.get(key);
    if (known === undefined)
      this.limits.set(
        key,
        isMany
          ? { kind, because: 'further limits', recordings: 1, hides: true }
          : { kind, because, recordings: 1, hides },
      );
    else known.recordings++;
  }

  /** Whether the event was counted before, from a copy of this recording. */
  #isRepeated(time: number): boolean {
    this.#events++;
    if (time > this.#end) this.#end = time;
    return this.#events <= this.#copied.events;
  }

  begin(event: RecordingBegin): void {
    this.endRecording();
    if (this.recordings.length >= MOST_RECORDINGS)
      throw new TracegateError('ERR_TRACEGATE_RECORDING', `more than ${MOST_RECORDINGS} recordings`);
    const { time, host, scope, source, filters } = event;
    this.#copied = { file: this.#file, events: 0 };
    this.#events = 0;
    this.#end = Date.parse(time);
    // Clones of a machine may have one machine-id.
    const hostKey = `${host.machineId ?? ''} ${host.hostname}`;
    this.#host = this.hosts.get(hostKey) ?? this.hosts.size;
    this.hosts.set(hostKey, this.#host);
    this.#recording = {
      ...{
        file: this.#file,
        hostname: host.hostname,
        machineId: host.machineId ?? null,
        scope,
        source: source.name,
        filters,
      },
      ...{ begin: time, end: time, accesses: 0, gaps: 0, lost: 0, stopped: null, isCut: false },
      copyOf: null,
    };
    this.recordings.push(this.#recording);
    for (const blind of source.blind)
      this.#limit('blind', `${source.name}: ${blind}`, source.name !== SEES_ALL);
    if (isFiltered(filters)) this.#limit('filter', `recorded with filters: ${JSON.stringify(filters)}`);
  }

  identity(digest: string): void {
    const known = this.#counted.get(digest);
    if (known === undefined) {
      this.#counted.set(digest, this.#copied);
      return;
    }
    this.#copied = known;
    if (this.#recording !== null) this.#recording.copyOf = known.file;
  }

  pair(event: RecordedPair): void {
    if (this.counts.isFull)
      this.#limit('pair', 'there are too many programs: the further ones count as not seen', false);
    this.#kinds.set(event.id, this.counts.kindOf(event));
    if (this.#kinds.size <= MOST_PAIRS) return;
    const [oldest] = this.#kinds.keys();
    if (oldest !== undefined) this.#kinds.delete(oldest);
  }

  access(access: CountedAccess): void {
    if (this.#isRepeated(access.time)) return;
    if (this.#recording !== null) this.#recording.accesses++;
    const kind = this.#kinds.get(access.pair);
    if (kind !== undefined) count(kind, access, this.#host);
    else
      this.#limit('pair', 'accesses of pairs that their recording does not describe, or that are too many');
  }

  end({ time }: { time: string }): void {
    this.#isRepeated(Date.parse(time));
  }

  gap({ time, lost, because }: WatchGap): void {
    if (this.#isRepeated(Date.parse(time)) || this.#recording === null) return;
    this.#recording.gaps++;
    const before = this.#recording.lost;
    this.#recording.lost = before === null || lost === null ? null : before + lost;
    this.#limit('gap', because);
  }

  stop({ time, because }: RecordingStop): void {
    this.#isRepeated(Date.parse(time));
    if (this.#recording !== null) this.#recording.stopped = because;
  }

  cut(): void {
    if (this.#recording !== null) this.#recording.isCut = true;
  }
}

/** A file once, by whatever names. */
function withoutSameFiles(files: readonly string[]): string[] {
  const seen = new Set<string>();
  return files.filter(file => {
    const stats = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false });
    const key = stats === undefined ? file : `${stats.dev}:${stats.ino}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * Answers which recorded accesses would be refused at each ptrace_scope. The memory that it needs depends on the number of
 * programs, and not on the length of the recordings.
 *
 * @param files of `tracegate watch`, also packed by gzip; `-`: standard input
 */
export async function rehearse(
  files: readonly string[],
  scopes: readonly PtraceScopeValue[],
): Promise<Rehearsal> {
  const rehearser = new Rehearser();
  const failed: Rehearsal['failed'] = [];
  for (const file of withoutSameFiles(files)) {
    rehearser.startFile(file);
    try {
      await readRecording(file, rehearser);
    } catch (error) {
      if (!(error instanceof TracegateError) && !isSystemError(error)) throw error;
      failed.push({ file, because: error.message });
    }
  }
  rehearser.endRecording();
  return answerOf(rehearser, failed, scopes);
}
