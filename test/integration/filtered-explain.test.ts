// explain() under random seccomp filters, compared with the calls of a C++ program (test/native) under the same filter.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import type { Explanation } from '../../lib/index.js';
import type { FilterableCall, FilterSpec } from '../differential/confinement.js';
import { generateFilter } from '../differential/generate-confinement.js';
import { MODES } from '../differential/questions.js';
import { Random } from '../differential/random.js';
import { compile } from '../helpers/compile.js';
import { PUBLIC_DIST } from '../helpers/processes.js';
import { SEED, times } from '../helpers/tier.js';
import { buildActor } from '../native/build-actor.mjs';
import { Actor } from '../scopes/actor.js';

/** arch/x86/entry/syscalls/syscall_64.tbl; from 403 on the numbers are the same everywhere. */
const NUMBERS: Record<FilterableCall, number> = {
  ptrace: 101,
  process_vm_readv: 310,
  kcmp: 312,
  perf_event_open: 298,
  pidfd_open: 434,
  pidfd_getfd: 438,
};

const filtered = ({ calls, errno }: FilterSpec) => [
  `${errno}`,
  // A filter for a system call number that does not exist.
  calls.map(call => NUMBERS[call]).join(',') || '99999',
];

type Answers = Record<string, Explanation['answer']>;

async function explained(filter: FilterSpec, pid: number): Promise<Answers> {
  const script = `import { explainSync } from '${PUBLIC_DIST}/explain.js';
    const answers = ${JSON.stringify(MODES)}.map(mode => [mode, explainSync(${pid}, { mode }).answer]);
    console.log(JSON.stringify(Object.fromEntries(answers)));`;
  const program = [process.execPath, '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(compile('filtered.c'), [...filtered(filter), ...program]);
  return JSON.parse(stdout);
}

/** By the calls themselves. */
async function answered(filter: FilterSpec, pid: number): Promise<Answers> {
  const child = spawn(compile('filtered.c'), [...filtered(filter), await buildActor()], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { TRACEGATE_ACTOR_SECRET: '0'.repeat(16) },
  });
  child.stdin.end(`conductor ask-seizing ${pid}\n`);
  let text = '';
  child.stdout.on('data', data => {
    text += data;
  });
  await once(child, 'close');
  const texts = text.trim().replace(/^0 /, '').split(',');
  return Object.fromEntries(
    MODES.map((mode, at) => [mode, texts[at]?.startsWith('=') ? 'allowed' : 'denied']),
  );
}

const { EFAULT, EBADF, EINVAL, EIO, ENOSYS, ESRCH } = constants.errno;

/**
 * What cannot be known without doing it: an attach whose check no call is left to ask, and ENOSYS, which a kernel without the
 * call says too.
 */
function mayBeUnknown({ calls, errno }: FilterSpec, mode: string): boolean {
  const has = (...names: FilterableCall[]) => names.some(name => calls.includes(name));
  if (mode === 'attach') return has('process_vm_readv') && has('pidfd_open', 'pidfd_getfd') && !has('ptrace');
  const askedBy: Partial<Record<string, FilterableCall[]>> = {
    'vm-read': ['process_vm_readv'],
    getfd: ['pidfd_open', 'pidfd_getfd'],
    kcmp: ['kcmp'],
    perf: ['perf_event_open'],
  };
  return errno === ENOSYS && has(...(askedBy[mode] ?? []));
}

async function compare(filter: FilterSpec, target: Actor) {
  const [pid] = await target.must('conductor echo @conductor');
  const [said, kernel] = await Promise.all([explained(filter, Number(pid)), answered(filter, Number(pid))]);
  const known = Object.entries(said).filter(
    ([mode, answer]) => answer !== 'unknown' || !mayBeUnknown(filter, mode),
  );
  const asked = Object.fromEntries(known.map(([mode]) => [mode, kernel[mode]]));
  expect({ filter, ...Object.fromEntries(known) }).toEqual({ filter, ...asked });
}

async function startTarget() {
  const target = await Actor.start();
  onTestFinished(() => target.stop());
  return target;
}

it.each<[FilterableCall, number]>([
  ['process_vm_readv', EFAULT],
  ['pidfd_open', EBADF],
  ['pidfd_getfd', EBADF],
  ['kcmp', EINVAL],
  ['ptrace', EIO],
  ['ptrace', ESRCH],
])(
  'a filter of %s is recognized, although the kernel answers errno %i to an allowed call',
  async (call, errno) => {
    await compare({ calls: [call], errno }, await startTarget());
  },
);

it(`explain answers each mode as the system calls themselves do, whatever a filter refuses: seed ${SEED}`, async () => {
  const target = await startTarget();
  const random = new Random(SEED, 'filtered-explain');
  for (let at = 0; at < times(3, 60); at++) await compare(generateFilter(random), target);
});
