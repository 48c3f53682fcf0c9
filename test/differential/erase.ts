// Less is seen than could be: a verdict from fewer facts may be unknown, never another one.
import type { ProcessFacts, SeenIds } from '../../lib/kernel/process-facts.js';
import type { Host } from '../../lib/policy/access/question.js';
import { Random } from './random.js';

const NO_IDS: SeenIds = { real: null, effective: null, saved: null, fs: null };

const ERASABLE: readonly Partial<ProcessFacts>[] = [
  { ppid: null },
  { tgid: null },
  { kind: 'unknown' },
  { uids: NO_IDS },
  { gids: NO_IDS },
  { userNs: null },
  { memoryUserNs: null },
  { capPermitted: null },
  { capEffective: null },
  { dumpable: null },
  { seccomp: null },
  { tracerPid: null, tracerTgid: null },
  { tracerTgid: null },
  { lsmLabel: null },
  { declaredTracer: 'unknown' },
];

export function eraseFacts(seed: number, facts: ProcessFacts, name: string): ProcessFacts {
  const random = new Random(seed, 'erased', name);
  return Object.assign({}, facts, ...ERASABLE.filter(() => random.chance(0.06)));
}

const notRunning = ({ lsms }: Host) =>
  ['apparmor', 'selinux', 'smack', 'landlock'].filter(name => lsms?.includes(name) === false);

/** The same of each process, and some are not in the table. */
export function eraseHost(seed: number, host: Host, nameOf: (pid: number) => string): Host {
  const random = new Random(seed, 'erased');
  const isSeen = ({ pid }: ProcessFacts) => new Random(seed, 'absent', nameOf(pid)).chance(0.95);
  return {
    ...host,
    ...(random.chance(0.1) && { yama: { state: 'unknown', cause: 'erased' } }),
    ...(random.chance(0.1) && { perfEvents: { state: 'unknown', cause: 'erased' } }),
    ...(random.chance(0.1) && { lsms: null, lsmsRuledOut: random.chance(0.5) ? notRunning(host) : [] }),
    processes: host.processes.filter(isSeen).map(facts => eraseFacts(seed, facts, nameOf(facts.pid))),
  };
}
