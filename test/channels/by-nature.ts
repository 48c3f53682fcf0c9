// What denyTracing() doesn't close, and where that is said: SECURITY.md, or the report itself.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IS_ROOT, ROOT } from '../helpers/processes.js';
import { attempt, judge, type Outcome, placesIn, startThief } from './thief.js';
import type { Place, Victim, VictimStart } from './victim.js';
import { byItsEnd, inspectAt } from './ways.js';

const SECURITY = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');

export interface OpenByNature {
  name: string;
  brings: Place[] | 'opens';
  start?: VictimStart;
  /** Before denyTracing(), or by how it was started: of a victim of its own. */
  isOpenedBefore?: boolean;
  /** What Yama refuses then. */
  isYamas?: boolean;
  missing?: () => string | null;
  /** The words that say so, in SECURITY.md or in the report. */
  said: RegExp;
  saidIn: 'SECURITY.md' | 'the report';
  /** Denies in between, where that matters. */
  attempt: (victim: Victim) => Promise<{ outcome: Outcome; text: string }>;
}

async function denied(victim: Victim, use: () => Promise<Outcome>) {
  await victim.deny({ verify: false });
  return { outcome: await use(), text: SECURITY };
}

/** The thief opens something before denyTracing(), and uses it after. */
async function hadBefore(victim: Victim, command: string, word: string) {
  const thief = await startThief(victim, command, `${victim.pid}`, word);
  await thief.said('opens');
  const text = await reported(victim);
  thief.proceed();
  return { outcome: judge(victim, await thief.heard), text };
}

const heldFile = (name: string) => (victim: Victim) =>
  hadBefore(victim, 'held', name.replace('PID', `${victim.pid}`));

/** A thread of V8's, which waits for work. */
function tracedThread(victim: Victim) {
  const [, other] = readdirSync(`/proc/${victim.pid}/task`);
  return hadBefore(victim, 'traced', other!);
}

async function byFullHeap(victim: Victim) {
  const text = await reported(victim);
  return { outcome: await byItsEnd('fill', 'Heap.')(victim), text };
}

/** The report of a denyTracing() that found something open. */
async function reported(victim: Victim): Promise<string> {
  const { open } = await victim.deny({ policy: 'warn' });
  return open.map(({ channel, why }) => `${channel}: ${why}`).join('\n');
}

async function inspectedInWorker(victim: Victim) {
  const port = await victim.call('openInspectorOfWorker');
  const text = await reported(victim);
  return { outcome: judge(victim, await inspectAt(victim, port)), text };
}

async function byRoot(victim: Victim): Promise<Outcome> {
  const places = placesIn(victim, readFileSync(`/proc/${victim.pid}/environ`, 'latin1'));
  return { state: 'leaks', places };
}

/** With the expected secrets. */
const HELD: [string, OpenByNature['brings']][] = [
  ['mem', ['argument', 'buffer', 'environment', 'string']],
  ['task/PID/mem', ['argument', 'buffer', 'environment', 'string']],
  ['environ', ['environment']],
  ['auxv', 'opens'],
  ['maps', 'opens'],
];

const ALWAYS_READABLE = /\*\*\/proc\/PID\/cmdline, status, stat, comm and cgroup\.\*\* Every user can read/;

export const OPEN_BY_NATURE: OpenByNature[] = [
  {
    name: '/proc/PID/cmdline',
    brings: ['argument'],
    said: ALWAYS_READABLE,
    saidIn: 'SECURITY.md',
    attempt: victim => denied(victim, () => attempt(victim, 'proc', `${victim.pid}`, 'cmdline')),
  },
  {
    name: '/proc/PID/status, stat, comm',
    brings: 'opens',
    said: ALWAYS_READABLE,
    saidIn: 'SECURITY.md',
    attempt: victim =>
      denied(victim, async () => {
        const outcomes = ['status', 'stat', 'comm'].map(name =>
          attempt(victim, 'proc', `${victim.pid}`, name),
        );
        const other = (await Promise.all(outcomes)).find(({ state }) => state !== 'opens');
        return other ?? { state: 'opens' };
      }),
  },
  {
    name: 'root (CAP_SYS_PTRACE): /proc/PID/environ',
    brings: ['environment'],
    missing: () => (IS_ROOT ? null : 'takes root'),
    said: /\*\*Root, a process with `CAP_SYS_PTRACE`, and[\s\S]*root\s+may\s+still\s+read\s+environ\s+and\s+maps/,
    saidIn: 'SECURITY.md',
    attempt: victim => denied(victim, () => byRoot(victim)),
  },
  ...HELD.map(
    ([file, brings]): OpenByNature => ({
      name: `/proc/PID/${file} that was opened before`,
      brings,
      // Yama looks at attaching alone.
      isYamas: /mem$/.test(file),
      isOpenedBefore: true,
      said: /^memory-descriptors: process \d+ has \/proc\/\d+\/\S+ open and may go on reading$/m,
      saidIn: 'the report',
      attempt: heldFile(file),
    }),
  ),
  {
    name: 'ptrace of one thread, attached before: the tracer makes the process dumpable again',
    brings: ['argument', 'buffer', 'environment', 'string'],
    isYamas: true,
    isOpenedBefore: true,
    // The thief makes a system call by its registers.
    missing: () => (process.arch === 'x64' ? null : 'x86-64 only'),
    said: /^attached-tracer: process \d+ traces this one$/m,
    saidIn: 'the report',
    attempt: tracedThread,
  },
  {
    name: 'heap snapshot of a full heap (`--heapsnapshot-near-heap-limit`)',
    brings: ['string'],
    start: { execArgv: ['--heapsnapshot-near-heap-limit=1', '--max-old-space-size=30'] },
    isOpenedBefore: true,
    said: /^heap-snapshots: --heapsnapshot-near-heap-limit=1 writes /m,
    saidIn: 'the report',
    attempt: byFullHeap,
  },
  {
    name: 'the inspector of a worker, open before',
    isOpenedBefore: true,
    brings: ['environment'],
    said: /^inspector: the inspector of another thread listens at 127\.0\.0\.1:\d+$/m,
    saidIn: 'the report',
    attempt: inspectedInWorker,
  },
];
