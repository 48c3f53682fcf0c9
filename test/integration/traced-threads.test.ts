// A tracer of one thread of a process has the memory of all. So each look at a process finds that tracer, even if the
// first thread, whose status /proc/PID shows, has none. strace traces the thread.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import { traceStatus } from '../../lib/index.js';
import { factsOf } from '../../lib/kernel/read-process-facts.js';
import { observe, treeStatus } from '../../lib/snapshot.js';
import { tracegate, validated } from '../helpers/cli.js';
import { ObedientProcess, straceAttaches } from '../helpers/processes.js';

/** A Node of which strace traces a thread that is not its first. */
async function traced() {
  const target = await ObedientProcess.start();
  const { pid } = target;
  const tid = readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .find(each => each !== pid)!;
  const strace = (await straceAttaches(tid))!;
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^TracerPid:\t0$/m);
  return { target, pid, tid, strace, threads: [{ tid, tracerPid: strace.pid, tracerTgid: strace.pid }] };
}

it('traceStatus() and status name the tracer and the thread, and none after it detached', async () => {
  const { pid, tid, strace, threads } = await traced();
  expect(traceStatus(pid)).toMatchObject({
    status: 'traced',
    tracerPid: strace.pid,
    tracedThreads: threads,
    procctl: strace.pid,
  });
  const { code, stdout } = await tracegate(['status', `${pid}`]);
  expect({ code, stdout }).toMatchObject({
    stdout: expect.stringContaining(
      `traced, by process ${strace.pid}, which is attached to its thread ${tid}`,
    ),
  });
  expect(validated('status', (await tracegate(['status', `${pid}`, '--json'])).stdout)).toMatchObject({
    process: { status: 'traced', tracedThreads: threads },
  });
  // Of the thread itself it is the tracer, and no other thread has one.
  expect(traceStatus(tid)).toMatchObject({ status: 'traced', tracerPid: strace.pid, tracedThreads: [] });
  await strace.detach();
  expect(traceStatus(pid)).toMatchObject({ status: 'enabled', tracerPid: 0, tracedThreads: [] });
});

it('a tree is open because of it', async () => {
  const { target, pid, strace } = await traced();
  await target.call('denyTracing', { policy: 'warn', verify: false });
  expect(treeStatus(pid)[0]).toMatchObject({
    state: 'open',
    openBy: ['attached-tracer'],
    tracerPid: strace.pid,
  });
});

it('denyTracing() reports the channel as open, and names the tracer', async () => {
  const { target, strace } = await traced();
  const { open, closed, tracedBy } = await target.call('denyTracing', { policy: 'warn', verify: false });
  expect(closed).not.toContain('attached-tracer');
  expect(open).toContainEqual({
    channel: 'attached-tracer',
    why: `process ${strace.pid} traces this one`,
    remedy: expect.any(String),
  });
  expect(tracedBy).toBe(strace.pid);
});

it('the table of all processes agrees with a look at this one', async () => {
  const { pid, threads } = await traced();
  expect(factsOf(pid)).toMatchObject({ tracerPid: 0, tracedThreads: threads });
  const { processes } = observe({ pids: [pid] });
  expect(processes.find(facts => facts.pid === pid)).toMatchObject({ tracedThreads: threads });
  const { stdout } = await tracegate(['scan', '--status', 'traced', '--json']);
  const scanned = validated('scan', stdout) as unknown as { processes: { pid: number; status: string }[] };
  expect(scanned.processes.find(each => each.pid === pid)).toMatchObject({ status: 'traced' });
});

it('explain reports it, although the first thread is not traced', async () => {
  const { pid, tid, strace } = await traced();
  const { steps } = explainSync(pid);
  expect(steps.find(({ rule }) => rule === 'already-traced')?.because).toContain(
    `process ${strace.pid} traces its thread ${tid}`,
  );
});
