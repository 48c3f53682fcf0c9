// allowDebugger() on this kernel: the effect of a grant, and each of its ends. test/scopes/debugger.scopes.test.ts has
// the debuggers that may attach at each scope.
import { describe, expect, it } from 'vitest';
import { readPtraceScope, traceStatus } from '../../lib/index.js';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  closedTarget,
  isClosed,
  ObedientProcess,
  sleeper,
  straceAttaches,
} from '../helpers/processes.js';
import { ended, statusBecomes } from '../helpers/waits.js';

const scope = readPtraceScope();
const ACCEPTED = { allowSameUid: true };

// Elsewhere the effect is another, and test/scopes has it.
describe.runIf(scope.state === 'absent')('without Yama', () => {
  it('refuses, because every process of the uid could attach, and opens nothing', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    await expect(target.call('allow', pid)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_NOT_GRANTED',
      message: expect.stringMatching(/without Yama: .* every process of this uid .*allowSameUid/),
    });
    expect(isClosed(target.pid)).toBe(true);
    expect(await target.call('grantEffect')).toMatchObject({ effect: 'wider-than-asked' });
  });

  it('opens with allowSameUid, reports it, and strace can attach until the grant is revoked', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(await target.call('allow', pid, ACCEPTED)).toMatchObject({
      effect: 'wider-than-asked',
      debugger: { pid, comm: 'cat' },
      predicted: { verdict: 'allowed' },
      expiresAt: null,
    });
    expect(isClosed(target.pid)).toBe(false);
    await (await straceAttaches(target.pid, AS_USER))!.detach();
    await target.call('revoke');
    expect(isClosed(target.pid)).toBe(true);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(await target.call('grantEnd')).toEqual({ by: 'revoked', stillTracedBy: null });
  });
});

describe('a grant ends', () => {
  it('after its ttl, also while JavaScript is busy', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    const { expiresAt } = await target.call('allow', pid, { ...ACCEPTED, ttl: 200 });
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() - 1000);
    expect(await target.call('busyUntilClosed')).toBe(true);
    expect(await target.call('grantEnd')).toEqual({ by: 'expired', stillTracedBy: null });
  });

  it('when its debugger ends, also by SIGKILL', async () => {
    const target = await closedTarget();
    const debugged = await sleeper(AS_USER);
    await target.call('allow', debugged.pid, { ...ACCEPTED, ttl: 60_000 });
    debugged.process.kill('SIGKILL');
    expect(await target.call('grantEnd')).toEqual({ by: 'debugger-ended', stillTracedBy: null });
    expect(isClosed(target.pid)).toBe(true);
  });

  it('when its debugger ends, also if it is revoked before the end of the debugger was noticed', async () => {
    const slow = compile('slow-poll.c', ['-shared', '-fPIC']);
    const target = await ObedientProcess.start(undefined, ['env', `LD_PRELOAD=${slow}`]);
    const debugged = await sleeper(AS_USER);
    await target.call('allow', debugged.pid, ACCEPTED);
    debugged.process.kill('SIGKILL');
    await ended(debugged.pid);
    await target.call('revoke');
    expect(await target.call('grantEnd')).toEqual({ by: 'debugger-ended', stillTracedBy: null });
  });

  it('at the end of its block', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    expect(await target.call('disposals', pid, ACCEPTED)).toEqual(['user', 'disabled', 'user', 'disabled']);
  });

  it('when the worker that opened it ends, and blocks a second grant until then', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    expect(await target.call('grantOfWorker', pid, ACCEPTED)).toEqual([
      'user',
      'ERR_TRACEGATE_GRANT_ACTIVE',
      'disabled',
    ]);
  });

  it('and names a tracer that stays attached', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    await target.call('allow', pid, ACCEPTED);
    const strace = await straceAttaches(target.pid, AS_USER);
    await target.call('revoke');
    expect(await target.call('grantEnd')).toEqual({ by: 'revoked', stillTracedBy: strace!.pid });
    expect(traceStatus(target.pid)).toMatchObject({ status: 'traced', dumpable: false });
    await strace!.detach();
  });

  it('and leaves a process dumpable that was dumpable before', async () => {
    const target = await ObedientProcess.start();
    const { pid } = await sleeper(AS_USER);
    await target.call('allow', pid, ACCEPTED);
    await target.call('revoke');
    expect(isClosed(target.pid)).toBe(false);
  });

  it('and leaves no descriptor and no thread', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    const count = async () => [await target.call('ownDescriptors'), await target.call('ownThreads')];
    await target.call('disposals', pid, ACCEPTED);
    const before = await count();
    for (let i = 0; i < 20; i++) {
      await target.call('allow', pid, { ...ACCEPTED, ttl: 1 });
      await target.call('grantEnd');
      await target.call('disposals', pid, ACCEPTED);
    }
    // A thread that has said its last word may still be about to end.
    await statusBecomes(target.pid, 'Threads', 'at-most', before[1]!);
    expect(await count()).toEqual(before);
  });
});

describe('one grant at a time', () => {
  it('refuses a second grant, and the first stays', async () => {
    const target = await closedTarget();
    const [first, second] = [await sleeper(AS_USER), await sleeper(AS_USER)];
    await target.call('allow', first.pid, ACCEPTED);
    await expect(target.call('allow', second.pid, ACCEPTED)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_GRANT_ACTIVE',
      message: expect.stringContaining('can allow only one'),
    });
    expect(isClosed(target.pid)).toBe(false);
  });

  it('queues a second grant if whenBusy is queue', async () => {
    const target = await closedTarget();
    const pids = (await Promise.all([sleeper(AS_USER), sleeper(AS_USER), sleeper(AS_USER)])).map(
      ({ pid }) => pid,
    );
    const turns = pids.map(pid => ({ pid, dumpable: 'user', closed: 'disabled', by: 'revoked' }));
    expect(await target.call('queueOfGrants', pids, ACCEPTED)).toEqual(turns);
  });
});

describe('bad input opens nothing', () => {
  it.each([
    ['nobody', 2147483647, {}, 'ESRCH', /no process has pid 2147483647/],
    ['pid 0', 0, {}, 'ERR_TRACEGATE_INVALID_PID', /0/],
    ['pid -1', -1, {}, 'ERR_TRACEGATE_INVALID_PID', /-1/],
    ['pid 1', 1, {}, 'ERR_TRACEGATE_INVALID_PID', /pid 1: .*'any'/],
    ['a word', 'gdb', {}, 'ERR_TRACEGATE_INVALID_PID', /gdb/],
    ['an option', 'any', { time: 1 }, 'ERR_TRACEGATE_INVALID_OPTION', /'time'/],
    ['ttl 0', 'any', { ttl: 0 }, 'ERR_TRACEGATE_INVALID_OPTION', /ttl .* not 0/],
    ['ttl 2^31', 'any', { ttl: 2 ** 31 }, 'ERR_TRACEGATE_INVALID_OPTION', /ttl .* not 2147483648/],
    ['a signal', 'any', { signal: {} }, 'ERR_TRACEGATE_INVALID_OPTION', /signal .* not \{\}/],
    ['whenBusy', 'any', { whenBusy: 'wait' }, 'ERR_TRACEGATE_INVALID_OPTION', /whenBusy .* not 'wait'/],
  ])('%s', async (_, pid, options, code, message) => {
    const target = await closedTarget();
    await expect(target.call('allow', pid, { ...ACCEPTED, ...options })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(isClosed(target.pid)).toBe(true);
  });

  it('itself', async () => {
    const target = await closedTarget();
    await expect(target.call('allow', target.pid, ACCEPTED)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_INVALID_PID',
      message: expect.stringContaining('attach to itself'),
    });
  });

  it('a pid with another start time than the given one', async () => {
    const target = await closedTarget();
    const { pid } = await sleeper(AS_USER);
    await expect(target.call('allow', pid, { ...ACCEPTED, startTime: 1 })).rejects.toMatchObject({
      code: 'ESRCH',
      message: expect.stringContaining('another process now'),
    });
    expect(isClosed(target.pid)).toBe(true);
  });
});
