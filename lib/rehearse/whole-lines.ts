import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { isSystemError } from '../kernel/proc-files.js';

/** Bytes; no line of a real recording is that long. */
const LONGEST_LINE = 1 << 22;
const PIECE = 1 << 20;

const LINE_FEED = 0x0a;

async function* joined(first: Buffer, others: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* others;
}

/** Without gzip, of which the first bytes tell. A gzip file that was cut off gives what it has. */
async function* unzipped(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 2) {
    const { done, value } = await pieces.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  const all = joined(first, pieces);
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    yield* all;
    return;
  }
  const gunzip = createGunzip({ chunkSize: PIECE, finishFlush: constants.Z_SYNC_FLUSH });
  // An error ends the iteration below too.
  pipeline(all, gunzip, () => undefined);
  try {
    yield* gunzip;
  } catch (cause) {
    if (!isError(cause) || isSystemError(cause)) throw cause;
    throw new TracegateError('ERR_TRACEGATE_RECORDING', `its gzip data is damaged: ${cause.message}`, {
      cause,
    });
  }
}

async function* piecesOf(file: string): AsyncGenerator<Buffer> {
  yield* file === '-' ? process.stdin : createReadStream(file, { highWaterMark: PIECE });
}

/**
 * A file as texts of whole lines, a byte a character (latin1): a piece may end inside a character of UTF-8. The last line of the
 * last text may lack its line feed.
 *
 * @throws TracegateError `ERR_TRACEGATE_RECORDING`; SystemError
 */
export async function* wholeLines(file: string): AsyncGenerator<string> {
  const buffer = Buffer.allocUnsafe(LONGEST_LINE + 2 * PIECE);
  // The bytes at the start of the buffer are the beginning of a line.
  let rest = 0;
  for await (const piece of unzipped(piecesOf(file))) {
    for (let at = 0; at < piece.length; at += PIECE) {
      const end = rest + piece.copy(buffer, rest, at, at + PIECE);
      const whole = buffer.subarray(0, end).lastIndexOf(LINE_FEED) + 1;
      if (whole > 0) yield buffer.toString('latin1', 0, whole);
      buffer.copyWithin(0, whole, end);
      rest = end - whole;
      if (rest > LONGEST_LINE)
        throw new TracegateError(
          'ERR_TRACEGATE_RECORDING',
          'has a line of more than four megabytes: it is no recording',
        );
    }
  }
  if (rest > 0) yield buffer.toString('latin1', 0, rest);
}
