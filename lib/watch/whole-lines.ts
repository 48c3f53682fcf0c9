import { fstatSync, ftruncateSync, writeSync } from 'node:fs';

/** Appends whole lines to a descriptor. If a write fails, a file is cut off after the last whole line. */
export class WholeLines {
  readonly #fd: number;
  readonly #isFile: boolean;
  #size: number;

  constructor(fd: number) {
    const stat = fstatSync(fd);
    this.#fd = fd;
    this.#isFile = stat.isFile();
    this.#size = stat.size;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws SystemError such as `ENOSPC` */
  append(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      if (this.#isFile) ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }
}
