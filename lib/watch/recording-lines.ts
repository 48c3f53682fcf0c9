import { hostname, release } from 'node:os';
import { openFileTree } from '../audit/tree/file-tree.js';
import { osRelease } from '../audit/tree/os-release.js';
import { textOf } from '../kernel/proc-files.js';
import { readPtraceScope } from '../kernel/yama.js';
import { packageVersion } from '../package-files.js';
import { SCHEMA_VERSIONS } from '../schema-versions.js';
import type { Pair, RecordingLine, WatchEvent, WatchFilters, WatchSource } from './recording.js';

/** What the first line of each file says. */
export interface RecordingHead {
  source: WatchSource;
  filters: WatchFilters;
}

const lineOf = (line: RecordingLine): string => `${JSON.stringify(line)}\n`;

const now = (): string => new Date().toISOString();

function hostLine(): { hostname: string; machineId?: string; kernel: string; os: string | null } {
  const machineId = textOf('/etc/machine-id');
  return {
    hostname: hostname(),
    ...(machineId !== null && machineId !== '' && { machineId }),
    kernel: release(),
    os: osRelease(openFileTree('/'))?.name ?? null,
  };
}

/** The lines of one recording, which is whole by itself: a pair stands before its first access. */
export class RecordingLines {
  readonly #head: RecordingHead;
  /** A pair that the recorder has forgotten is not kept alive here. */
  readonly #ids = new WeakMap<Pair, number>();
  #pairs = 0;
  #accesses = 0;

  constructor(head: RecordingHead) {
    this.#head = head;
  }

  begin(): string {
    const { source, filters } = this.#head;
    // It may have changed since an earlier file.
    const scope = readPtraceScope();
    return lineOf({
      event: 'begin',
      schemaVersion: SCHEMA_VERSIONS.watch,
      time: now(),
      tracegate: packageVersion(),
      host: hostLine(),
      scope: scope.state === 'present' ? scope.value : null,
      source: { name: source.name, blind: source.blind },
      filters,
    });
  }

  of(event: WatchEvent): string {
    if (event.event !== 'access') return lineOf(event);
    this.#accesses++;
    const known = this.#ids.get(event.pair);
    if (known !== undefined) return lineOf({ ...event, pair: known });
    const id = ++this.#pairs;
    this.#ids.set(event.pair, id);
    return lineOf({ event: 'pair', id, ...event.pair }) + lineOf({ ...event, pair: id });
  }

  /** @param because such as `SIGTERM`, `rotated` */
  stop(because: string): string {
    return lineOf({ event: 'stop', time: now(), because, events: this.#accesses });
  }
}
