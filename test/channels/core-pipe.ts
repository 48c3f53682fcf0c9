import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedUntil } from '../helpers/waits.js';
import type { Victim } from './victim.js';

const PATTERN = '/proc/sys/kernel/core_pattern';
const LIMIT = '/proc/sys/kernel/core_pipe_limit';

/**
 * In the lab, as root: a handler that leaves the core where its owner may read it, as systemd-coredump and apport do.
 * core_pattern is the whole kernel's. `use` can wait for the end of the victim and of the handler that had its core.
 *
 * With a limit on how many dump at once the victim ends when its handler has: fs/coredump.c, wait_for_dump_helpers(). A core
 * that isn't whole lacks the stack, which is its end: it has another name.
 */
export async function throughPipe<T>(
  victim: Victim,
  use: (handled: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const [handler, core, unfinished, failed] = ['handler', 'piped', 'unfinished', 'failed'].map(name =>
    join(victim.directory, name),
  ) as [string, string, string, string];
  const script = `#!/bin/sh
umask 022
if cat > ${unfinished}; then mv ${unfinished} ${core}; else mv ${unfinished} ${failed}; fi
`;
  writeFileSync(handler, script, { mode: 0o755 });
  const before = [PATTERN, LIMIT].map(path => [path, readFileSync(path, 'utf8')] as const);
  writeFileSync(PATTERN, `|${handler}`);
  writeFileSync(LIMIT, '1');
  try {
    return await use(async () => {
      await victim.ended;
      await changedUntil(victim.directory, () => !existsSync(unfinished));
      if (existsSync(failed)) throw new Error('the handler could not write the core: is the disk full?');
    });
  } finally {
    for (const [path, text] of before) writeFileSync(path, text);
    rmSync(handler);
  }
}
