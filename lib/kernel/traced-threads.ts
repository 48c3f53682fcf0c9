import { readdirSync } from 'node:fs';
import { isSystemError, tryProcFile } from './proc-files.js';
import { statusLine } from './proc-status.js';

/** A thread that is traced, which says nothing of the others of its process: whoever traces one is in the memory of all. */
export interface TracedThread {
  tid: number;
  /** The thread that traces it. */
  tracerPid: number;
}

/** Who traces a process: its first thread, or another; 0 if nobody does, null where that isn't seen. */
export function anyTracer(
  tracerPid: number | null,
  tracedThreads: readonly TracedThread[] | null,
): number | null {
  if (tracerPid !== null && tracerPid !== 0) return tracerPid;
  const [thread] = tracedThreads ?? [];
  return thread?.tracerPid ?? (tracedThreads === null ? null : tracerPid);
}

/** native/process_row.cc, ReadTracedThreads(): of the process' threads but `pid` itself. */
export function parseTracedThreads(text: string): TracedThread[] {
  return text
    .split(' ')
    .filter(word => word !== '')
    .map(word => {
      const [tid = Number.NaN, tracerPid = Number.NaN] = word.split(':').map(Number);
      return { tid, tracerPid };
    });
}

/**
 * The threads of the process of `pid` that are traced, but that one; null where they aren't seen. One that ends meanwhile
 * is left out.
 *
 * Kernel: fs/proc/array.c, task_state()
 */
export function otherTracedThreads(pid: number): TracedThread[] | null {
  let tids: number[];
  try {
    tids = readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
  const traced: TracedThread[] = [];
  for (const tid of tids.filter(each => each !== pid)) {
    const status = tryProcFile(pid, `task/${tid}/status`);
    if (status.state !== 'read') continue;
    const tracerPid = Number(statusLine(status.text, 'TracerPid'));
    if (tracerPid !== 0) traced.push({ tid, tracerPid });
  }
  return traced;
}
