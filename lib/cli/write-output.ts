import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { writePublicly } from '../audit/public-file.js';
import { TracegateError, type TracegateErrorCode } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';

/**
 * To a file, which is whole at each moment and readable by everybody, or to standard output.
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

/** To standard output: a pipe takes a piece at a time, and a snapshot has many. */
export async function writeLines(lines: Iterable<string>): Promise<void> {
  for (const line of lines) {
    if (!process.stdout.write(line)) await new Promise(resolve => process.stdout.once('drain', resolve));
  }
}
