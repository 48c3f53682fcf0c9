import { answer, report } from './answer.js';

/** The command line: dist/cli.cjs. */
export async function main(): Promise<void> {
  // It stays 3 where Node ends without an answer, because nothing is left to wait for.
  process.exitCode = 3;
  process.on('uncaughtException', error => process.exit(report(error)));
  // EPIPE means that the reader has ended (`| head -1`), which changes no answer. A full disk is an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(report(error));
  });

  process.exitCode = await answer(process.argv.slice(2));
}
