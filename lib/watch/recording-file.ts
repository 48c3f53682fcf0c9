import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TracegateError } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { WatchEvent } from './recording.js';
import { type RecordingHead, RecordingLines } from './recording-lines.js';
import { WholeLines } from './whole-lines.js';

export interface RecordingFileOptions {
  /** The size in bytes from which on a new file is begun. */
  rotateAt?: number;
  /** How many files are kept besides the one that is written. All by default. */
  keep?: number;
}

/** The time in the name of a file that is complete: 2026-11-29T201530.123Z */
const STAMP = /^\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z(-\d+)?$/;

const stampNow = (): string => new Date().toISOString().replaceAll(':', '');

/** A name beside the file that no other file has. */
function completeName(path: string): string {
  const wanted = `${path}.${stampNow()}`;
  let name = wanted;
  for (let count = 1; existsSync(name); count++) name = `${wanted}-${count}`;
  return name;
}

/**
 * A recording in a file. If the file exists already, or reaches its size, it is renamed to FILE.TIME, and a new file is begun,
 * which is whole by itself. Only the owner may read it.
 */
export class RecordingFile {
  readonly #path: string;
  readonly #head: RecordingHead;
  readonly #options: RecordingFileOptions;
  #fd = -1;
  #file: WholeLines;
  #lines: RecordingLines;
  #hasEvents = false;

  /** @throws TracegateError `ERR_TRACEGATE_RECORDING` */
  constructor(path: string, head: RecordingHead, options: RecordingFileOptions = {}) {
    this.#path = path;
    this.#head = head;
    this.#options = options;
    this.#lines = new RecordingLines(head);
    this.#file = this.#attempt(() => {
      if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) renameSync(path, completeName(path));
      return this.#opened();
    });
  }

  /** @throws TracegateError `ERR_TRACEGATE_RECORDING`; the file then ends with the line before */
  write(event: WatchEvent): void {
    this.#attempt(() => {
      const { rotateAt = Number.POSITIVE_INFINITY } = this.#options;
      if (this.#hasEvents && this.#file.size >= rotateAt) this.#rotate();
      this.#file.append(this.#lines.of(event));
      this.#hasEvents = true;
    });
  }

  /** Writes the last line. */
  end(because: string): void {
    this.#attempt(() => {
      this.#file.append(this.#lines.stop(because));
      this.#close();
    });
  }

  #opened(): WholeLines {
    const isThere = existsSync(this.#path);
    this.#fd = openSync(this.#path, isThere ? 'w' : 'wx', 0o600);
    const file = new WholeLines(this.#fd);
    file.append(this.#lines.begin());
    return file;
  }

  #rotate(): void {
    this.#file.append(this.#lines.stop('rotated'));
    this.#close();
    renameSync(this.#path, completeName(this.#path));
    this.#lines = new RecordingLines(this.#head);
    this.#file = this.#opened();
    this.#removeOldest();
  }

  #removeOldest(): void {
    const { keep } = this.#options;
    if (keep === undefined) return;
    const directory = dirname(this.#path);
    const prefix = `${basename(this.#path)}.`;
    const complete = readdirSync(directory)
      .filter(name => name.startsWith(prefix) && STAMP.test(name.slice(prefix.length)))
      .sort();
    for (const name of complete.slice(0, Math.max(0, complete.length - keep)))
      rmSync(join(directory, name), { force: true });
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #attempt<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#close();
      const message = `the recording ${JSON.stringify(this.#path)} ends: ${error.message}`;
      throw new TracegateError('ERR_TRACEGATE_RECORDING', message, { cause: error });
    }
  }
}
