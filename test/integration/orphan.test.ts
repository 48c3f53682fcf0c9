// native/helper/orphan.cc: the helper that init adopts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { compile } from '../helpers/compile.js';
import { ROOT } from '../helpers/processes.js';

it("an orphan outlives its parent's death signal, also one that arrives after it has seen its new parent", async () => {
  const late = compile('late-death-signal.c', ['-shared', '-fPIC']);
  const helper = spawn(join(ROOT, 'native/build/Release/tracegate-helper'), ['orphan'], {
    env: { LD_PRELOAD: late },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  helper.stdin.on('error', () => {}); // an orphan that has ended reads nothing
  helper.stdin.end(`access ${process.ppid}\n`);
  const [said, heard] = await Promise.all([text(helper.stdout), text(helper.stderr), once(helper, 'close')]);
  expect(heard).toBe('late\n');
  expect(said).toMatch(/^ready \d+ \d+\n\d+ \d+\n$/);
});
