import { once } from 'node:events';
import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { writePublicly } from '../audit/public-file.js';
import { TracegateError, type TracegateErrorCode } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';

/**
 * Writes to a file, or to standard output. The file is complete at each moment, and everybody may read it.
 *
 * @throws TracegateError with that code
 */
export function writeOutput(
  text: string,
  output: string | undefined,
  code: TracegateErrorCode,
  option: '--output' | '--html' = '--output',
): void {
  const lines = text.endsWith('\n') ? text : `${text}\n`;
  if (output === undefined) {
    process.stdout.write(lines);
    return;
  }
  try {
    const there = statSync(output, { throwIfNoEntry: false });
    // A device or a pipe is written to, and not replaced.
    if (there !== undefined && !there.isFile()) writeFileSync(output, lines);
    else writePublicly(there === undefined ? output : realpathSync(output), lines);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new TracegateError(code, `${option} ${JSON.stringify(output)}: ${error.message}`);
  }
}

/**
 * Writes to standard output and waits for the reader: a snapshot has many lines, and a pipe takes few at a time. The rest is left
 * out if the reader has ended.
 */
export async function writeLines(lines: Iterable<string>): Promise<void> {
  for (const line of lines) {
    if (process.stdout.write(line)) continue;
    try {
      await once(process.stdout, 'drain');
    } catch (error) {
      if (isSystemError(error) && error.code === 'EPIPE') return;
      throw error;
    }
  }
}
