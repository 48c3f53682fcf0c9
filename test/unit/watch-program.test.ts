// native/watch/watch_program.h, which is compiled from watch.bpf.c and checked in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sourceDigest } from '../../scripts/build/watch-program.mjs';
import { ROOT } from '../helpers/processes.js';

it('belongs to its sources: node scripts/build/watch-program.mjs writes it anew', () => {
  const [, digest] =
    /Sources: (\w+)/.exec(readFileSync(join(ROOT, 'native/watch/watch_program.h'), 'utf8')) ?? [];
  expect(digest).toBe(sourceDigest());
});
