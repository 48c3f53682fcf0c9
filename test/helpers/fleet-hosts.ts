import type { Snapshot } from '../../lib/kernel/host.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import type { PtraceScope } from '../../lib/kernel/ptrace-scope.js';
import { namedHost } from './map-hosts.js';

const ids = (id: number) => ({ real: id, effective: id, saved: id, fs: id });

export const as = (uid: number, comm: string, facts: Partial<ProcessFacts> = {}): Partial<ProcessFacts> => ({
  comm,
  uids: ids(uid),
  gids: ids(uid),
  ...facts,
});

/**
 * A made-up host with these processes in addition to its own. Each is like a user's shell, except for the given facts.
 */
export function hostWith(
  name: string,
  seed: number,
  yama: PtraceScope,
  added: Partial<ProcessFacts>[],
): Snapshot {
  const host = namedHost({ seed, yama, count: 200 });
  const shell = host.processes.find(({ comm }) => comm === 'bash')!;
  const first = host.processes.length + 1;
  const more = added.map((facts, at) => {
    const pid = first + at;
    return { ...shell, declaredTracer: 'unknown' as const, ppid: 1, ...facts, pid, tgid: pid };
  });
  return { ...host, name, processes: [...host.processes, ...more] };
}
