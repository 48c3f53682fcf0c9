import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Victim } from './victim.js';

const PATTERN = '/proc/sys/kernel/core_pattern';

/**
 * In the lab, as root: a handler that leaves the core where its owner may read it, as systemd-coredump and apport do.
 * core_pattern is the whole kernel's.
 */
export async function throughPipe<T>(victim: Victim, use: () => Promise<T>): Promise<T> {
  const handler = join(victim.directory, 'handler');
  const core = join(victim.directory, 'piped');
  writeFileSync(handler, `#!/bin/sh\numask 022\nexec cat > ${core}\n`, { mode: 0o755 });
  const before = readFileSync(PATTERN, 'utf8');
  writeFileSync(PATTERN, `|${handler}`);
  try {
    return await use();
  } finally {
    writeFileSync(PATTERN, before);
    rmSync(handler);
  }
}
