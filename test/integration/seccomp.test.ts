// The refusals of the caller's own seccomp filter, call by call: the answer of one call never counts for another, and a
// filter that kills does no harm to the asking process.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Explanation, ProbeMethod, ProbeResult } from '../../lib/index.js';
import type { AccessMode } from '../../lib/policy/index.js';
import { MAIN } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { PUBLIC_DIST, sleeper, USER } from '../helpers/processes.js';

/** arch/x86/entry/syscalls/syscall_64.tbl; from 403 on the numbers are the same everywhere. */
const NUMBERS = {
  ptrace: 101,
  perf_event_open: 298,
  process_vm_readv: 310,
  process_vm_writev: 311,
  kcmp: 312,
  pidfd_open: 434,
  pidfd_getfd: 438,
} as const;
type Call = keyof typeof NUMBERS;
const ALL = Object.keys(NUMBERS) as Call[];

type FilterAnswer = 'EPERM' | 'ENOSYS' | 'kill' | 'trap' | 'ask';
const WORDS: Record<FilterAnswer, string> = {
  EPERM: '1',
  ENOSYS: '38',
  kill: 'kill',
  trap: 'trap',
  ask: 'ask',
};

/** Runs a program in which these system calls are answered so. */
const underFilter = (answer: FilterAnswer, calls: readonly Call[], ...program: string[]) =>
  promisify(execFile)(compile('filtered.c'), [
    WORDS[answer],
    calls.map(name => NUMBERS[name]).join(','),
    ...program,
  ]);

/** The package's answers in such a process. */
async function said<T>(
  answer: FilterAnswer,
  calls: readonly Call[],
  expression: string,
  uid = 0,
): Promise<T> {
  const script = `import { getDumpable, probe } from '${PUBLIC_DIST}/index.js';
import { explainSync } from '${PUBLIC_DIST}/explain.js';
    getDumpable(); // loads the addon, perhaps from where that uid can't read
    if (${uid} && process.getuid() === 0) process.setuid(${uid});
    console.log(JSON.stringify(await ${expression}));`;
  const { stdout } = await underFilter(answer, calls, process.execPath, '--input-type=module', '-e', script);
  return JSON.parse(stdout);
}

const probed = (answer: FilterAnswer, calls: readonly Call[], pid: number, method: ProbeMethod, uid = 0) =>
  said<ProbeResult>(answer, calls, `probe(${pid}, { method: '${method}' })`, uid);

const METHODS: ProbeMethod[] = ['access', 'seize', 'attach', 'traceme'];

/** One after the other, in one process. */
const eachMethod = (pid: number, as = 'self') =>
  `(async () => {
    const answers = [];
    for (const method of ${JSON.stringify(METHODS)}) answers.push(await probe(${pid}, { method, as: '${as}' }));
    return answers;
  })()`;

/** TRACEME is asked of a program that it would start. */
const explained = (answer: FilterAnswer, calls: readonly Call[], pid: number, mode: AccessMode) =>
  said<Explanation>(
    answer,
    calls,
    mode === 'traceme'
      ? "explainSync(process.pid, { tracer: process.pid, mode: 'traceme' })"
      : `explainSync(${pid}, { mode: '${mode}' })`,
  );

describe('the access check', () => {
  it('asks the other call if a filter refuses one', async () => {
    const { pid: open } = await sleeper();
    for (const [filtered, answering] of [
      [['process_vm_readv'], 'pidfd_getfd'],
      [['pidfd_getfd'], 'process_vm_readv'],
      [['pidfd_open'], 'process_vm_readv'],
    ] as const) {
      expect(await probed('EPERM', filtered, open, 'access')).toMatchObject({
        outcome: 'allowed',
        syscall: answering,
        answeredBy: 'kernel',
      });
    }
  });

  it('is unknown if both calls are refused and ptrace is not; an attach gives the answer', async () => {
    const { pid: open } = await sleeper();
    const both = ['process_vm_readv', 'pidfd_getfd'] as const;
    expect(await probed('EPERM', both, open, 'access')).toMatchObject({
      outcome: 'unknown',
      code: 'EPERM',
      answeredBy: null,
    });
    expect(await probed('EPERM', both, open, 'seize')).toMatchObject({
      outcome: 'allowed',
      syscall: 'ptrace',
    });
  });

  it('is a real refusal also if one call is filtered', async () => {
    for (const filtered of ['process_vm_readv', 'pidfd_getfd'] as const) {
      expect(await probed('EPERM', [filtered], 1, 'access', USER)).toMatchObject({
        outcome: 'denied',
        code: 'EPERM',
        answeredBy: 'kernel',
      });
    }
  });
});

describe('a filter that refuses ptrace alone', () => {
  it.each<[FilterAnswer, string]>([
    ['EPERM', 'EPERM'],
    ['ENOSYS', 'ENOSYS'],
    ['kill', 'SIGSYS'],
    ['trap', 'SIGSYS'],
  ])('by %s refuses each method by its own name, and the asking process survives', async (answer, code) => {
    const { pid: open } = await sleeper();
    const answers = await said<ProbeResult[]>(answer, ['ptrace'], eachMethod(open));
    expect(answers).toMatchObject(
      METHODS.map(method => ({ method, outcome: 'denied', code, syscall: 'ptrace', answeredBy: 'seccomp' })),
    );
  });

  it('says nothing about a stranger, which may have no filter', async () => {
    const { pid: open } = await sleeper();
    const answers = await said<ProbeResult[]>('kill', ['ptrace'], eachMethod(open, 'stranger'));
    expect(answers).toMatchObject(
      METHODS.map(method => ({ method, outcome: 'unknown', code: 'SIGSYS', answeredBy: 'seccomp' })),
    );
  });

  it('explain denies the attach because of it, with a remedy, and allows the other modes', async () => {
    const { pid: open } = await sleeper();
    const attach = await explained('EPERM', ['ptrace'], open, 'attach');
    expect(attach).toMatchObject({
      answer: 'denied',
      refusedBy: ['seccomp'],
      observed: { outcome: 'denied', code: 'EPERM', syscall: 'ptrace', answeredBy: 'seccomp' },
    });
    expect(attach.remedies.flatMap(({ actions }) => actions.map(({ what }) => what))).toContainEqual(
      expect.stringContaining('without that seccomp filter'),
    );
    expect(await explained('EPERM', ['ptrace'], open, 'traceme')).toMatchObject({
      answer: 'denied',
      refusedBy: ['seccomp'],
    });
    for (const mode of ['vm-read', 'getfd', 'kcmp', 'perf', 'mem', 'environ', 'read'] as const)
      expect([mode, (await explained('EPERM', ['ptrace'], open, mode)).answer]).toEqual([mode, 'allowed']);
  });
});

describe('each access mode is asked by its own system call', () => {
  const MODES: readonly [AccessMode, readonly Call[]][] = [
    ['attach', ['ptrace']],
    ['traceme', ['ptrace']],
    ['vm-read', ['process_vm_readv']],
    ['getfd', ['pidfd_open']],
    ['getfd', ['pidfd_getfd']],
    ['kcmp', ['kcmp']],
    ['perf', ['perf_event_open']],
  ];

  it.each(MODES)('%s, without %j', async (mode, calls) => {
    const { pid: open } = await sleeper();
    for (const answer of ['EPERM', 'kill'] as const) {
      expect(await explained(answer, calls, open, mode)).toMatchObject({
        answer: 'denied',
        refusedBy: ['seccomp'],
        observed: { answeredBy: 'seccomp' },
      });
    }
    // Every other call may be had.
    const others = ALL.filter(
      call => !calls.includes(call) && !(mode === 'getfd' && call.startsWith('pidfd')),
    );
    const known = mode === 'attach' ? others.filter(call => call !== 'process_vm_readv') : others;
    expect(await explained('EPERM', known, open, mode)).toMatchObject({ answer: 'allowed' });
  });

  it('a filter of all calls refuses each mode', async () => {
    const { pid: open } = await sleeper();
    for (const mode of ['attach', 'traceme', 'vm-read', 'getfd', 'kcmp', 'perf'] as const) {
      expect(await explained('EPERM', ALL, open, mode)).toMatchObject({
        answer: 'denied',
        refusedBy: ['seccomp'],
      });
    }
  });
});

it('a supervisor that never answers gives unknown within the time limit', async () => {
  const { pid: open } = await sleeper();
  expect(await probed('ask', ['ptrace'], open, 'access')).toMatchObject({
    outcome: 'unknown',
    code: 'ETIMEDOUT',
  });
});

it('the command line says that a filter refuses, which call, and what to do', async () => {
  const { pid: open } = await sleeper();
  const run = async (...words: string[]) =>
    underFilter('EPERM', ['ptrace'], process.execPath, MAIN, ...words).catch(
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  expect(await run('probe', `${open}`)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('a seccomp filter of this process answers ptrace with EPERM'),
  });
  expect(await run('explain', `${open}`)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('A seccomp filter of this process answers ptrace with EPERM'),
  });
});
