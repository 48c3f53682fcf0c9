// @ts-check
// One of the command's two outputs: everything up to the mark that the guest's init puts after the last byte.

export class MarkedStream {
  isComplete = false;
  #mark;
  /** Output that may be the beginning of the mark. @type {Buffer} */
  #held = Buffer.alloc(0);

  /** @param {string} mark begins with a character that is nowhere else in it */
  constructor(mark) {
    this.#mark = Buffer.from(mark);
  }

  /** Returns the part that is certainly output. @param {Buffer} chunk */
  read(chunk) {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = bytes.length - this.#mark.length;
    if (end >= 0 && bytes.subarray(end).equals(this.#mark)) {
      this.isComplete = true;
      return bytes.subarray(0, end);
    }
    const start = bytes.lastIndexOf(this.#mark[0] ?? 0);
    const mayBegin = start >= 0 && this.#mark.subarray(0, bytes.length - start).equals(bytes.subarray(start));
    this.#held = mayBegin ? bytes.subarray(start) : Buffer.alloc(0);
    return mayBegin ? bytes.subarray(0, start) : bytes;
  }

  /** Returns the output that was held back, if no mark comes. */
  rest() {
    return this.isComplete ? Buffer.alloc(0) : this.#held;
  }
}
