// docs/library.md, "The same everywhere": a process that doesn't exist is `no-such-process` in each answer.
import { expect, it } from 'vitest';
import { allowDebugger } from '../../lib/debugger/index.js';
import { explainCoreDump, explainSync } from '../../lib/explain/index.js';
import { explain, probe, probeSync, traceStatus } from '../../lib/index.js';
import { checkAccess, remedies } from '../../lib/policy/index.js';
import { factsOf, observe, treeStatus } from '../../lib/snapshot.js';

/** No process has it: the limit of pids is 2^22. Kernel: include/linux/threads.h, PID_MAX_LIMIT */
const NOBODY = 2 ** 31 - 1;

const host = observe({ pids: [process.pid] });
const self = host.processes.find(({ pid }) => pid === process.pid)!;
const question = [self, null, { ...host.host, processes: host.processes }, 'attach'] as const;

const ANSWERS: [name: string, ask: () => unknown][] = [
  ['probe()', async () => (await probe(NOBODY)).reason],
  ['probe() of a stranger', async () => (await probe(NOBODY, { as: 'stranger' })).reason],
  ['probe() by an attach', async () => (await probe(NOBODY, { method: 'attach' })).reason],
  ['probeSync()', () => probeSync(NOBODY).reason],
  ['explain()', async () => (await explain(NOBODY)).decidedBy],
  ['explainSync()', () => explainSync(NOBODY).decidedBy],
  ['explainSync() of a stranger', () => explainSync(NOBODY, { tracer: 'stranger' }).refusedBy[0]],
  ['explainCoreDump()', () => explainCoreDump(NOBODY).decidedBy],
  ['checkAccess()', () => checkAccess(...question).decidedBy],
  ['traceStatus()', () => traceStatus(NOBODY).status],
  ['treeStatus()', () => treeStatus(NOBODY).map(({ status }) => status)[0]],
];

it.each(ANSWERS)('%s', async (_name, ask) => {
  expect(await ask()).toBe('no-such-process');
});

it('there are no facts of it, and what helps is to look for the pid', () => {
  expect(factsOf(NOBODY)).toBeNull();
  expect(remedies(...question)).toMatchObject([{ kind: 'instead', actions: [{ command: 'ps -e' }] }]);
});

it.each<[string, () => unknown]>([
  ['allowDebugger()', () => allowDebugger(NOBODY)],
  ['the tracer of explain()', () => explain(process.pid, { tracer: NOBODY })],
])('a call that acts for it fails with ESRCH: %s', async (_name, act) => {
  await expect(act()).rejects.toMatchObject({ name: 'SyscallError', code: 'ESRCH' });
});
