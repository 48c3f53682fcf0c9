// What the question of --mode perf does, and does not do: strace is beside it.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { explain } from '../../lib/index.js';
import { MAIN } from '../helpers/cli.js';
import { AS_USER, settledState, sleeper } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

it('asks by one event that is disabled, of user space only, and closed again', async () => {
  const { pid } = await sleeper();
  const words = ['-f', '-v', '-e', 'trace=perf_event_open,close', process.execPath, MAIN];
  const { stderr } = spawnSync('strace', [...words, 'explain', `${pid}`, '--mode', 'perf'], {
    encoding: 'utf8',
  });
  const lines = stderr.split('\n');
  const opened = lines.filter(line => line.includes('perf_event_open('));
  expect(opened).toHaveLength(1);
  const [call = ''] = opened;
  expect(call).toContain('PERF_COUNT_SW_TASK_CLOCK');
  for (const part of ['sample_period=0', 'disabled=1', 'inherit=0', 'exclude_kernel=1', 'exclude_hv=1'])
    expect(call).toContain(part);
  const [, fd] = /, -1, -1, PERF_FLAG_FD_CLOEXEC\) = (\d+)$/.exec(call) ?? [];
  expect(call).toContain(`}, ${pid}, -1, -1, PERF_FLAG_FD_CLOEXEC) = `);
  expect(lines[lines.indexOf(call) + 1]).toMatch(new RegExp(`close\\(${fd}\\)`));
});

it('leaves the target asleep and as it was, and no descriptor here', BY_USER_TOO, async () => {
  const { pid } = await sleeper(AS_USER);
  await settledState(pid);
  const look = () => readFileSync(`/proc/${pid}/status`, 'utf8');
  const open = () => readdirSync('/proc/self/fd').length;
  expect(explain(pid, { mode: 'perf' }).observed).toMatchObject({ syscall: 'perf_event_open' });
  const before = { status: look(), open: open() };
  expect(before.status).toMatch(/^voluntary_ctxt_switches:\t\d+$/m);
  for (let times = 0; times < 100; times++) explain(pid, { mode: 'perf' });
  expect({ status: look(), open: open() }).toEqual(before);
});
