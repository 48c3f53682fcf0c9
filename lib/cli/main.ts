import { answer, report } from './answer.js';

/** The command line: dist/cli.cjs. */
export async function main(): Promise<void> {
  // EPIPE means that the reader has ended (`| head -1`), which is no error. A full disk is one.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = report(error);
    process.exit();
  });

  process.exitCode = await answer(process.argv.slice(2));
}
