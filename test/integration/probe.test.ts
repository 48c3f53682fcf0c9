// probe() with each method, on this kernel.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type ProbeMethod,
  type ProbeOptions,
  probe,
  probeSync,
  readPtraceScope,
  traceStatus,
} from '../../lib/index.js';
import { tracegate } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  IS_ROOT,
  ObedientProcess,
  settledState,
  sleeper,
  stateOf,
  statusField,
  straceAttaches,
  USER,
  zombie,
} from '../helpers/processes.js';
import { BY_USER_TOO, times } from '../helpers/tier.js';
import { statusBecomes } from '../helpers/waits.js';

// At another scope the answers differ: those are test/scopes'.
const isClassic = () => {
  const scope = readPtraceScope();
  return scope.state === 'absent' || (scope.state === 'present' && scope.value === 0);
};
if (!isClassic()) throw new Error('these tests want a kernel without Yama or at ptrace_scope 0');

const ATTACHING: ProbeMethod[] = ['access', 'seize', 'attach'];

/** Both forms of the call, which must agree. */
async function ask(pid: number, options: ProbeOptions) {
  const result = await probe(pid, options);
  expect(probeSync(pid, options)).toEqual(result);
  return result;
}

const watched: number[] = [];
afterEach(async () => {
  for (const pid of watched.splice(0)) {
    expect(statusField(pid, 'TracerPid')).toBe('0');
    expect(await settledState(pid)).toBe('S');
  }
});

describe.each(ATTACHING)('method %s', BY_USER_TOO, method => {
  it('a dumpable process of the same uid may be attached to, by oneself and by a stranger', async () => {
    const { pid } = await sleeper(AS_USER);
    watched.push(pid);
    expect(await ask(pid, { method })).toMatchObject({ outcome: 'allowed', code: null, comm: 'cat' });
    expect(await ask(pid, { method, as: 'stranger' })).toMatchObject({ outcome: 'allowed', code: null });
    const strace = await straceAttaches(pid, AS_USER);
    expect(strace).not.toBeNull();
    await strace?.detach();
  });

  it('a process that opted out is closed to strangers and open again when it opts in', async () => {
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    expect(await ask(target.pid, { method, as: 'stranger' })).toMatchObject({
      outcome: 'denied',
      code: 'EPERM',
    });
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(traceStatus(target.pid)).toMatchObject({ status: 'disabled', dumpable: false, procctl: -1 });
    await target.call('setDumpable', 'user');
    expect(await ask(target.pid, { method, as: 'stranger' })).toMatchObject({ outcome: 'allowed' });
    expect(traceStatus(target.pid)).toMatchObject({ status: 'enabled', dumpable: true, procctl: 0 });
  });

  it('a zombie is refused', async () => {
    expect(await ask(await zombie(), { method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
  });

  it('a kernel thread is refused, to root too', async () => {
    const pid = readdirSync('/proc').map(Number).find(isKernelThread);
    expect(pid).toBeDefined();
    expect(await ask(pid!, { method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
  });

  it('a process cannot attach to itself, nor to its own threads', async () => {
    const threads = readdirSync('/proc/self/task').map(Number);
    expect(threads.length).toBeGreaterThan(1);
    for (const pid of [process.pid, threads.at(-1)!]) {
      expect(await ask(pid, { method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
    }
  });

  it('a thread of another process may be asked about by its own id', async () => {
    const target = await ObedientProcess.start();
    const thread = readdirSync(`/proc/${target.pid}/task`).map(Number).at(-1)!;
    expect(thread).not.toBe(target.pid);
    expect(await ask(thread, { method, as: 'stranger' })).toMatchObject({ outcome: 'allowed', pid: thread });
  });

  it('a traced process is named with its tracer', async () => {
    const { pid } = await sleeper(AS_USER);
    const strace = await straceAttaches(pid, AS_USER);
    const expected = { outcome: 'denied', reason: 'already-traced', code: 'EPERM', tracerPid: strace?.pid };
    expect(await ask(pid, { method, as: 'stranger' })).toMatchObject(expected);
    expect(traceStatus(pid)).toMatchObject({
      status: 'traced',
      tracerPid: strace?.pid,
      procctl: strace?.pid,
    });
    await strace?.detach();
    expect(await ask(pid, { method, as: 'stranger' })).toMatchObject({ outcome: 'allowed', tracerPid: 0 });
  });

  it('a traced process that is closed to the asker is denied, not "already traced"', async () => {
    const target = await ObedientProcess.start();
    const strace = await straceAttaches(target.pid, AS_USER);
    await target.call('setDumpable', 'disabled');
    expect(await ask(target.pid, { method, as: 'stranger' })).toMatchObject({
      outcome: 'denied',
      reason: null,
      tracerPid: strace?.pid,
    });
    await strace?.detach();
  });

  it('a pid without a process is no-such-process', async () => {
    const { pid, process: child } = await sleeper();
    child.kill('SIGKILL');
    await new Promise(resolve => child.once('exit', resolve));
    expect(await ask(pid, { method })).toMatchObject({
      outcome: 'denied',
      reason: 'no-such-process',
      code: 'ESRCH',
      startTime: null,
    });
    expect(await ask(2 ** 31 - 1, { method })).toMatchObject({
      outcome: 'denied',
      reason: 'no-such-process',
    });
  });

  (IS_ROOT ? it : null)?.('an unrelated uid is refused, and CAP_SYS_PTRACE lets it in', async () => {
    const { pid } = await sleeper(AS_USER);
    watched.push(pid);
    const other = { uid: USER + 1, gid: USER + 1 };
    expect(await ask(pid, { method, as: other })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
    const privileged = { ...other, capabilities: ['CAP_SYS_PTRACE'] } as const;
    expect(await ask(pid, { method, as: privileged })).toMatchObject({ outcome: 'allowed' });
    const otherGroup = { uid: USER, gid: USER + 1 };
    expect(await ask(pid, { method, as: otherGroup })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
    const rootWithoutCapabilities = { uid: 0, gid: 0 };
    expect(await ask(pid, { method, as: rootWithoutCapabilities })).toMatchObject({ outcome: 'denied' });
  });

  (IS_ROOT ? null : it)?.(
    'a process of root is refused to an ordinary user, and other ids cannot be taken',
    async () => {
      expect(await ask(1, { method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
      const asRoot = await ask(1, { method, as: { uid: 0, gid: 0 } });
      expect(asRoot).toMatchObject({ outcome: 'unknown', code: 'EPERM', syscall: 'setgroups' });
    },
  );
});

it('attaches do no harm to a process that executes programs without end', async () => {
  const again = 'exec "$0" -c "$1" "$0" "$1"';
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-c', again, 'sh', again], {
    stdio: 'ignore',
    ...AS_USER,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const outcomes = new Set<string>();
  for (let i = 0; i < times(50, 200); i++)
    outcomes.add((await probe(child.pid!, { method: 'attach' })).outcome);
  expect(outcomes).toEqual(new Set(['allowed']));
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
});

it('a process whose first thread has ended is unknown: the others can be attached to', async () => {
  const child = spawn(compile('headless.c'), { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
  onTestFinished(() => void child.stdin.end());
  await once(child.stdout, 'data');
  const pid = child.pid!;
  await statusBecomes(pid, 'State', 'is', 'Z');
  const other = readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .find(tid => tid !== pid)!;
  for (const method of ATTACHING) {
    expect(await ask(pid, { method })).toMatchObject({ outcome: 'unknown', code: 'EPERM' });
    expect(await ask(other, { method })).toMatchObject({ outcome: 'allowed' });
  }
  const { code, stdout } = await tracegate(['probe', `${pid}`]);
  expect(code).toBe(3);
  expect(stdout).toContain('its first thread has ended, but others run');
});

it('a dumpable process that ends is never called disabled', async () => {
  const seen = new Set<string>();
  for (let i = 0; i < times(8, 40); i++) {
    const child = spawn(compile('slow-exit.c'), { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
    await once(child.stdout, 'data');
    seen.add(traceStatus(child.pid!).status);
    child.kill('SIGKILL');
    // In one turn of the event loop, so that Node doesn't reap it meanwhile.
    while (stateOf(child.pid!) !== 'Z') seen.add(traceStatus(child.pid!).status);
    seen.add(traceStatus(child.pid!).status);
    await once(child, 'exit');
  }
  expect(seen).toEqual(new Set(['enabled', 'unknown', 'not-traceable']));
});

it('PTRACE_TRACEME is allowed without Yama', BY_USER_TOO, async () => {
  const { pid } = await sleeper(AS_USER);
  expect(await ask(pid, { method: 'traceme' })).toMatchObject({ outcome: 'allowed', syscall: 'ptrace' });
  expect(await ask(pid, { method: 'traceme', as: 'stranger' })).toMatchObject({ outcome: 'allowed' });
});

function isKernelThread(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '' && statusField(pid, 'PPid') === '2';
  } catch {
    return false; // it ended
  }
}
