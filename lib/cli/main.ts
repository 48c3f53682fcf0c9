#!/usr/bin/env node
import { answer, report } from './answer.js';

// A reader that went away (`| head -1`) has what it wanted; a full disk has not.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exitCode = report(error);
  process.exit();
});

process.exitCode = await answer(process.argv.slice(2));
