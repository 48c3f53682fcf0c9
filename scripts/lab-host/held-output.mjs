// @ts-check
// The output of several boots, in the order of the scopes: the first unfinished one is shown live, what comes after
// it is held back until its turn.

/** @typedef {import('./boot.mjs').Sink} Sink */
/** @typedef {{ stream: NodeJS.WriteStream, chunk: Buffer }} Piece */

export class HeldOutput {
  /** @type {{ pieces: Piece[], isFinished: boolean }[]} */
  #parts;
  #shown = 0;
  #holds;

  /** @param {number} count @param {boolean} holds false: one boot at a time, nothing to hold back */
  constructor(count, holds) {
    this.#parts = Array.from({ length: count }, () => ({ pieces: [], isFinished: false }));
    this.#holds = holds;
  }

  /** @param {number} index @returns {{ stdout: Sink, stderr: Sink }} */
  part(index) {
    return { stdout: this.#sink(index, process.stdout), stderr: this.#sink(index, process.stderr) };
  }

  /** @param {number} index */
  finish(index) {
    const finished = this.#parts[index];
    if (finished) finished.isFinished = true;
    while (this.#parts[this.#shown]?.isFinished) {
      this.#shown++;
      for (const { stream, chunk } of this.#parts[this.#shown]?.pieces.splice(0) ?? []) stream.write(chunk);
    }
  }

  /** @param {number} index @param {NodeJS.WriteStream} stream @returns {Sink} */
  #sink(index, stream) {
    return {
      write: chunk => {
        if (!this.#holds || index === this.#shown) return stream.write(chunk);
        this.#parts[index]?.pieces.push({ stream, chunk });
        return true;
      },
      once: (event, listener) => stream.once(event, listener),
    };
  }
}
