// The package's answers at each scope: the effect of setPtracer(), the outcome of probe(), the table of the demo.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import {
  type DenyReport,
  type ProbeMethod,
  probe,
  readPtraceScope,
  type TraceStatus,
  traceStatus,
} from '../../lib/index.js';
import { tracegate, validated } from '../helpers/cli.js';
import { AS_USER, isClosed, ObedientProcess, sleeper, straceAttaches } from '../helpers/processes.js';
import { itAtOneScope } from './scope.js';

const SCOPE = Number(process.env.TRACEGATE_SCOPE);
if (!(SCOPE >= 0 && SCOPE <= 3))
  throw new Error('run this in the lab: scripts/lab --scope 1 -- npx vitest run --project scopes');

/** By the rules of security/yama/yama_lsm.c, for tracers that pass the classic ones. */
const RULES = {
  stranger: ['allowed', 'denied', 'denied', 'denied'],
  declared: ['allowed', 'allowed', 'denied', 'denied'],
  privileged: ['allowed', 'allowed', 'allowed', 'denied'],
  traceme: ['allowed', 'allowed', 'denied', 'denied'],
  privilegedTraceme: ['allowed', 'allowed', 'allowed', 'denied'],
  declaration: ['no-effect', 'effective', 'no-effect', 'no-effect'],
} as const;
const rule = (name: keyof typeof RULES) => RULES[name][SCOPE];

const METHODS: ProbeMethod[] = ['access', 'seize', 'attach'];

// A start of Node takes a second in the lab: the tests share three processes.
let target: ObedientProcess;
let tracer: ObedientProcess;
let neighbour: ObedientProcess;

beforeAll(async () => {
  [target, tracer, neighbour] = await Promise.all([
    ObedientProcess.startShared(),
    ObedientProcess.startShared(),
    ObedientProcess.startShared(),
  ]);
  return () => {
    for (const shared of [target, tracer, neighbour]) shared.end();
  };
});

const asStranger = async () => (await probe(target.pid, { as: 'stranger' })).outcome;

/** Restores the target to its state at the start: without a declared tracer, and dumpable. */
async function putBack() {
  await target.call('setPtracer', 'none');
  await target.call('setDumpable', 'user');
  expect(isClosed(target.pid)).toBe(false);
  expect(await asStranger()).toBe(rule('stranger'));
}

it('readPtraceScope() gives the name of the scope', () => {
  const name = ['classic', 'restricted', 'admin-only', 'no-attach'][SCOPE];
  expect(readPtraceScope()).toEqual({ state: 'present', value: SCOPE, name });
});

// The owner of its environ is the oracle: fs/proc/base.c, task_dump_owner().
itAtOneScope(
  'a change of ids opens a process again if fs.suid_dumpable is 1, which the report says',
  async () => {
    const file = '/proc/sys/fs/suid_dumpable';
    const before = readFileSync(file, 'utf8');
    onTestFinished(() => writeFileSync(file, before));
    const root = await ObedientProcess.start('');
    const owner = () => statSync(`/proc/${root.pid}/environ`).uid;
    for (const [value, isOpened] of [
      ['0', false],
      ['1', true],
      ['2', false],
    ] as const) {
      writeFileSync(file, value);
      await root.call('setDumpable', 'user');
      const { sideEffects } = (await root.call('denyTracing', {
        policy: 'warn',
        verify: false,
      })) as DenyReport;
      expect(sideEffects.some(text => text.startsWith('a change of ids'))).toBe(isOpened);
      await root.call('changeIds', [1000, 1001][Number(value) % 2]);
      expect(owner()).toBe(isOpened ? 1001 : 0);
    }
  },
);

it.each(METHODS)('a stranger of the same uid, by %s', async method => {
  const { pid } = await sleeper(AS_USER);
  expect(await probe(pid, { method, as: 'stranger' })).toMatchObject({ outcome: rule('stranger') });
});

it.each(METHODS)('a stranger with CAP_SYS_PTRACE, by %s', async method => {
  const { pid } = await sleeper(AS_USER);
  const as = { uid: 4711, gid: 4711, capabilities: ['CAP_SYS_PTRACE'] } as const;
  expect(await probe(pid, { method, as })).toMatchObject({ outcome: rule('privileged') });
});

it('a declaration of any allows a stranger at scope 1, until it is withdrawn', async () => {
  await putBack();
  expect(await target.call('setPtracer', 'any')).toMatchObject({
    tracer: 'any',
    effect: rule('declaration'),
  });
  expect(await asStranger()).toBe(rule('declared'));
  expect(await target.call('setPtracer', 'none')).toMatchObject({ effect: rule('declaration') });
  expect(await asStranger()).toBe(rule('stranger'));
});

it('a declaration by a worker thread counts for the process', async () => {
  await putBack();
  expect(await target.call('setPtracerInWorker', 'any')).toMatchObject({ effect: rule('declaration') });
  expect(await probe(target.pid, { as: 'stranger' })).toMatchObject({ outcome: rule('declared') });
});

it('a declared process may attach, and no other', async () => {
  await putBack();
  expect(await target.call('setPtracer', tracer.pid)).toMatchObject({ effect: rule('declaration') });
  for (const method of ['access', 'seize']) {
    expect(await tracer.call('probe', target.pid, { method })).toMatchObject({ outcome: rule('declared') });
    expect(await neighbour.call('probe', target.pid, { method })).toMatchObject({
      outcome: rule('stranger'),
    });
  }
});

it('declaring a process that does not exist is an error, and the old declaration stands', async () => {
  await putBack();
  await target.call('setPtracer', 'any');
  const refusal = target.call('setPtracer', 2 ** 31 - 1);
  await expect(refusal).rejects.toMatchObject({ name: 'SyscallError', code: 'EINVAL' });
  expect(await probe(target.pid, { as: 'stranger' })).toMatchObject({ outcome: rule('declared') });
});

it('an opt-out closes at every scope, also to a declared tracer', async () => {
  await putBack();
  await target.call('setPtracer', 'any');
  await target.call('setDumpable', 'disabled');
  expect(await probe(target.pid, { as: 'stranger' })).toMatchObject({ outcome: 'denied' });
  expect(traceStatus(target.pid)).toMatchObject<Partial<TraceStatus>>({ status: 'disabled', procctl: -1 });
});

// What others of its uid see is asked of programs of that uid.
it('exe, fd, maps and environ are open to its uid at every scope, until an opt-out', async () => {
  await putBack();
  const { pid } = target;
  const paths = ['exe', 'fd', 'maps', 'environ'].map(name => `/proc/${pid}/${name}`);
  const looks = ['readlink', 'ls', 'cat', 'cat'].map((program, at) => `${program} ${paths[at]}; echo $? >&2`);
  const seen = () => spawnSync('sh', ['-c', looks.join('\n')], { ...AS_USER, encoding: 'utf8' }).stderr;
  expect(seen()).toBe('0\n0\n0\n0\n');
  await target.call('setDumpable', 'disabled');
  expect(seen()).toMatch(/^(.*denied\n[1-9]\n|[1-9]\n){4}$/);
});

it('root reads environ and maps of a process that opted out, at 3 too, and attaches to it below', async () => {
  await putBack();
  const { pid } = target;
  await target.call('setDumpable', 'disabled');
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('PATH=');
  expect(readFileSync(`/proc/${pid}/maps`, 'utf8')).toContain('[stack]');
  const strace = await straceAttaches(pid);
  expect(strace === null ? 'denied' : 'allowed').toBe(rule('privileged'));
  await strace?.detach();
});

it('TRACEME is allowed at 0 and 1, needs a privileged parent at 2, and is refused at 3', async () => {
  const { pid } = await sleeper(AS_USER);
  expect(await probe(pid, { method: 'traceme', as: 'stranger' })).toMatchObject({ outcome: rule('traceme') });
  expect(await probe(pid, { method: 'traceme' })).toMatchObject({ outcome: rule('privilegedTraceme') });
});

it('an ancestor may attach to its child at scope 1', async () => {
  const parent = tracer;
  expect(await parent.call('probe', parent.pid, {})).toMatchObject({ outcome: 'denied' });
  const child = await parent.call('startChild');
  for (const method of METHODS) {
    const answer = await parent.call('probe', child, { method });
    // The helper that attaches for "self" has no descendants: its refusal says nothing about the ancestor.
    const isHelpers = method === 'attach' && SCOPE === 1;
    expect(answer).toMatchObject({ outcome: isHelpers ? 'unknown' : rule('declared') });
  }
});

itAtOneScope('the demo: the opt-out holds, and a refusal names the scope', async () => {
  const { code, stdout } = await tracegate(['demo', '--json']);
  expect(code).toBe(0);
  const { rows, ptracer } = validated('demo', stdout) as {
    rows: Record<string, { outcome: string }>[];
    ptracer: { effect: string };
  };
  const phase = (name: string) => rows.slice(0, 3).map(row => row[name]?.outcome);
  const seen = (outcome: string) => (outcome === 'allowed' ? 'read' : 'refused');
  expect(phase('before')).toEqual(Array(3).fill(seen(rule('stranger')!)));
  expect(phase('optedOut')).toEqual(Array(3).fill('refused'));
  expect(phase('declaredDebugger')).toEqual(Array(3).fill(seen(rule('declared')!)));
  expect(phase('besideDebugger')).toEqual(Array(3).fill(seen(rule('stranger')!)));
  // Yama leaves PTRACE_MODE_READ and core dumps alone.
  expect(rows.slice(3).map(row => [row.before?.outcome, row.optedOut?.outcome])).toEqual(
    Array(2).fill(['read', 'refused']),
  );
  expect(ptracer.effect).toBe(rule('declaration'));

  if (SCOPE === 0) return;
  const { pid } = await sleeper(AS_USER);
  const probed = await tracegate(['probe', `${pid}`, '--as', 'stranger']);
  expect(probed.stdout).toContain(`ptrace_scope ${SCOPE}`);
});
