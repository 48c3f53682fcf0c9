import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Victim } from './victim.js';

const PATTERN = '/proc/sys/kernel/core_pattern';
const LIMIT = '/proc/sys/kernel/core_pipe_limit';

/**
 * In the lab, as root: a handler that leaves the core where its owner may read it, as systemd-coredump and apport do.
 * core_pattern is the whole kernel's.
 *
 * With a limit on how many dump at once the victim ends when its handler has: otherwise the last of the core, which is the
 * stack, may still be in the pipe by then (fs/coredump.c, wait_for_dump_helpers()).
 */
export async function throughPipe<T>(victim: Victim, use: () => Promise<T>): Promise<T> {
  const handler = join(victim.directory, 'handler');
  const core = join(victim.directory, 'piped');
  writeFileSync(handler, `#!/bin/sh\numask 022\nexec cat > ${core}\n`, { mode: 0o755 });
  const before = [PATTERN, LIMIT].map(path => [path, readFileSync(path, 'utf8')] as const);
  writeFileSync(PATTERN, `|${handler}`);
  writeFileSync(LIMIT, '1');
  try {
    return await use();
  } finally {
    for (const [path, text] of before) writeFileSync(path, text);
    rmSync(handler);
  }
}
