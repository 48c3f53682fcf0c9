import { hostname } from 'node:os';
import { TracegateError } from '../errors.js';
import { observeHostAndNodes } from '../kernel/host.js';
import type { NamedSnapshot } from '../map/host-map.js';
import { readSnapshot } from '../map/snapshot-file.js';

/** After a second, where somebody watches. */
function progress(): { on: (done: number, total: number) => void; end: () => void } {
  const start = performance.now();
  let isShown = false;
  return {
    on: (done, total) => {
      if (!process.stderr.isTTY || performance.now() - start < 1000) return;
      isShown = true;
      process.stderr.write(`\rtracegate: ${done} of ${total} processes`);
    },
    end: () => {
      if (isShown) process.stderr.write('\r\x1b[K');
    },
  };
}

/** This host, now. */
export function scanHost(): NamedSnapshot {
  const shown = progress();
  const takenAt = new Date().toISOString();
  try {
    const seen = observeHostAndNodes(shown.on);
    // At least this process is on every host.
    if (seen.processes.length === 0)
      throw new TracegateError(
        'ERR_TRACEGATE_SNAPSHOT',
        '/proc lists no process: mount it (mount -t proc proc /proc)',
      );
    return { name: hostname(), takenAt, ...seen };
  } finally {
    shown.end();
  }
}

/** This host, or the one that a file tells of. */
export const snapshotFrom = async (file: unknown): Promise<NamedSnapshot> =>
  typeof file === 'string' ? readSnapshot(file) : scanHost();
