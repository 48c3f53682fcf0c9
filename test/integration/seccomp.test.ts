import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { ProbeMethod, ProbeResult } from '../../lib/index.js';
import { compile } from '../helpers/compile.js';
import { DIST, sleeper, USER } from '../helpers/processes.js';

/** arch/x86/entry/syscalls/syscall_64.tbl; from 403 on the numbers are the same everywhere. */
const NUMBERS: Record<string, number> = {
  ptrace: 101,
  process_vm_readv: 310,
  pidfd_open: 434,
  pidfd_getfd: 438,
};

/** A probe from a process in which these system calls are answered with EPERM. */
async function probeWithout(
  calls: string[],
  pid: number,
  method: ProbeMethod,
  uid = 0,
): Promise<ProbeResult> {
  const script = `import { getDumpable, probe } from '${DIST}/index.js';
    getDumpable(); // loads the addon, perhaps from where that uid can't read
    if (${uid} && process.getuid() === 0) process.setuid(${uid});
    console.log(JSON.stringify(await probe(${pid}, { method: '${method}' })));`;
  const numbers = calls.map(name => NUMBERS[name]).join(',');
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(compile('filtered.c'), [numbers, ...node]);
  return JSON.parse(stdout);
}

it('the other call answers where a filter stands before one', async () => {
  const { pid: open } = await sleeper();
  for (const [filtered, answering] of [
    [['process_vm_readv'], 'pidfd_getfd'],
    [['pidfd_getfd'], 'process_vm_readv'],
    [['pidfd_open'], 'process_vm_readv'],
  ] as const) {
    expect(await probeWithout([...filtered], open, 'access')).toMatchObject({
      outcome: 'allowed',
      syscall: answering,
    });
  }
});

it("a filter's EPERM is never taken for the kernel's refusal", async () => {
  const { pid: open } = await sleeper();
  const both = ['process_vm_readv', 'pidfd_getfd'];
  expect(await probeWithout(both, open, 'access')).toMatchObject({ outcome: 'unknown', code: 'EPERM' });
  for (const method of ['seize', 'attach', 'traceme'] as const) {
    expect(await probeWithout(['ptrace'], open, method)).toMatchObject({ outcome: 'unknown', code: 'EPERM' });
  }
});

it('a real refusal is told as one also where one call is filtered', async () => {
  for (const filtered of ['process_vm_readv', 'pidfd_getfd']) {
    expect(await probeWithout([filtered], 1, 'access', USER)).toMatchObject({
      outcome: 'denied',
      code: 'EPERM',
    });
  }
});
