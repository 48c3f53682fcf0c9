// The outcome of a probe, for each answer of the kernel.
import { expect, it } from 'vitest';
import { type Answer, outcomeOf, type ProbeMethod } from '../../lib/kernel/probe-outcome.js';
import type { ProcStatus, Sighting } from '../../lib/kernel/proc-status.js';

const ids = { real: 1000, effective: 1000, saved: 1000, fs: 1000 };
const facts: ProcStatus = {
  pid: 50,
  ppid: 1,
  tgid: 50,
  startTime: 7,
  comm: 'x',
  kind: 'user',
  uids: ids,
  gids: ids,
  capPermitted: '0',
  capEffective: '0',
  capInheritable: '0',
  capBounding: '0',
  threads: 1,
  tracerPid: 0,
  state: 'S',
  seccomp: 'none',
  noNewPrivs: false,
};
const seen = (change: Partial<ProcStatus> = {}): Sighting<ProcStatus> => ({
  state: 'seen',
  facts: { ...facts, ...change },
});
const hidden: Sighting<ProcStatus> = { state: 'hidden', cause: 'EACCES' };
const absent: Sighting<ProcStatus> = { state: 'absent' };

const EPERM = 1;
const ESRCH = 3;
const ETIMEDOUT = 110;

const byCheck = (error: number): Answer => ({ error, answeringCall: 'pidfd_getfd' });
const byAttach = (error: number): Answer => ({ error, answeringCall: 'ptrace' });
const unheard = (error: number): Answer => ({ error, answeringCall: 'none' });

it.each<[string, ProbeMethod, Answer, Sighting<ProcStatus>, number | null, string, string | null]>([
  ['the check says yes', 'access', byCheck(0), seen(), null, 'allowed', null],
  ['the check says no', 'access', byCheck(EPERM), seen(), null, 'denied', 'EPERM'],
  [
    'the check says yes, a tracer is there',
    'access',
    byCheck(0),
    seen({ tracerPid: 9 }),
    null,
    'denied by already-traced',
    'EPERM',
  ],
  [
    'the check says no, a tracer is there',
    'access',
    byCheck(EPERM),
    seen({ tracerPid: 9 }),
    null,
    'denied',
    'EPERM',
  ],
  [
    'the check passes root to a kernel thread',
    'access',
    byCheck(0),
    seen({ kind: 'kernel-thread' }),
    null,
    'denied by kernel-thread',
    'EPERM',
  ],
  [
    'a zombie has no memory left',
    'access',
    byCheck(ESRCH),
    seen({ kind: 'zombie' }),
    null,
    'denied by zombie',
    'EPERM',
  ],
  [
    'its first thread has ended, others live',
    'access',
    byCheck(ESRCH),
    seen({ kind: 'zombie', threads: 3 }),
    null,
    'unknown',
    'EPERM',
  ],
  [
    'the check passes oneself',
    'access',
    byCheck(0),
    seen({ tgid: 33 }),
    33,
    'denied by same-thread-group',
    'EPERM',
  ],
  ['a yes of the check, and /proc hides the rest', 'access', byCheck(0), hidden, null, 'unknown', 'ENOENT'],
  ['a no of the check, and /proc hides the rest', 'access', byCheck(EPERM), hidden, null, 'denied', 'EPERM'],
  ['a filter answered', 'access', unheard(EPERM), seen(), null, 'unknown', 'EPERM'],
  ['it ended meanwhile', 'access', byCheck(0), absent, null, 'denied by no-such-process', 'ESRCH'],
  ['it is gone for the kernel only', 'access', byCheck(ESRCH), seen(), null, 'unknown', 'ESRCH'],
  ['the attach succeeded', 'seize', byAttach(0), seen(), null, 'allowed', null],
  [
    'the attach succeeded, then another tracer came',
    'seize',
    byAttach(0),
    seen({ tracerPid: 9 }),
    null,
    'allowed',
    null,
  ],
  [
    'refused although the check passed: for no reason to be seen',
    'attach',
    byAttach(EPERM),
    seen(),
    null,
    'unknown',
    'EPERM',
  ],
  ['the check before the attach says no', 'seize', byCheck(EPERM), seen(), null, 'denied', 'EPERM'],
  [
    'refused although the check passed, and a tracer came meanwhile',
    'seize',
    byAttach(EPERM),
    seen({ tracerPid: 9 }),
    null,
    'denied by already-traced',
    'EPERM',
  ],
  ['no answer in time', 'seize', unheard(ETIMEDOUT), seen(), null, 'unknown', 'ETIMEDOUT'],
  ['TRACEME accepted', 'traceme', byAttach(0), seen({ tracerPid: 9 }), null, 'allowed', null],
  ['TRACEME refused', 'traceme', byAttach(EPERM), seen(), null, 'denied', 'EPERM'],
  ['TRACEME filtered', 'traceme', unheard(EPERM), seen(), null, 'unknown', 'EPERM'],
])('%s', (_, method, answer, target, askerGroup, expected, code) => {
  const [outcome, reason = null] = expected.split(' by ');
  expect(outcomeOf(method, answer, target, askerGroup)).toMatchObject({ outcome, reason, code });
});
