// The effects of a question of --mode perf, as strace sees them.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import { linkOf } from '../../lib/kernel/proc-files.js';
import { MAIN } from '../helpers/cli.js';
import { AS_USER, sleeper, statusField } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { statusBecomes } from '../helpers/waits.js';

it('asks with one disabled event of user space, which is closed again', async () => {
  const { pid } = await sleeper();
  // The main thread alone, which asks: without -f no other thread comes between two lines.
  const words = ['-v', '-e', 'trace=perf_event_open,close', process.execPath, MAIN];
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

it('perf events of the host are read only for the mode perf', async () => {
  const { pid } = await sleeper();
  expect(explainSync(pid, { mode: 'perf' }).facts.host).toHaveProperty('perfEvents');
  expect(explainSync(pid).facts.host).not.toHaveProperty('perfEvents');
});

/** The facts that a wake, a signal, a stop or a tracer would change. */
const FIELDS = [
  'State',
  'TracerPid',
  'SigPnd',
  'ShdPnd',
  'voluntary_ctxt_switches',
  'nonvoluntary_ctxt_switches',
];

it('leaves the target stopped as it was, and no event open here', BY_USER_TOO, async () => {
  const { pid, process: target } = await sleeper(AS_USER);
  target.kill('SIGSTOP');
  onTestFinished(() => void target.kill('SIGCONT'));
  await statusBecomes(pid, 'State', 'is', 'T');
  const look = () => FIELDS.map(name => `${name} ${statusField(pid, name)}`);
  const events = () =>
    readdirSync('/proc/self/fd').filter(fd => linkOf(`/proc/self/fd/${fd}`)?.includes('perf_event'));
  expect(explainSync(pid, { mode: 'perf' }).observed).toMatchObject({ syscall: 'perf_event_open' });
  const before = look();
  for (let times = 0; times < 100; times++) explainSync(pid, { mode: 'perf' });
  expect(look()).toEqual(before);
  expect(events()).toEqual([]);
});
