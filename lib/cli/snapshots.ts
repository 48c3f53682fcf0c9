import { observe, type Snapshot } from '../kernel/host.js';
import { readSnapshot } from '../map/snapshot-file.js';

/** Shows progress after a second, if standard error is a terminal. */
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

/** A snapshot of this host, now. */
function scanHost(): Snapshot {
  const shown = progress();
  try {
    return observe({ onProgress: shown.on });
  } finally {
    shown.end();
  }
}

/** A snapshot of this host, or from a file. */
export const snapshotFrom = async (file: unknown): Promise<Snapshot> =>
  typeof file === 'string' ? readSnapshot(file) : scanHost();
