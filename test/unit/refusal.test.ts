import { expect, it } from 'vitest';
import type { ProcStatus } from '../../lib/kernel/proc-status.js';
import { parsePtraceScope } from '../../lib/kernel/yama.js';
import { type AskerFacts, visibleReasons } from '../../lib/policy/refusal.js';

const same = (id: number) => ({ real: id, effective: id, saved: id, fs: id });
const target: ProcStatus = {
  pid: 50,
  ppid: 1,
  tgid: 50,
  startTime: 7,
  comm: 'x',
  kind: 'user',
  uids: same(1000),
  gids: same(1000),
  capPermitted: '0000000000000000',
  capEffective: '0000000000000000',
  threads: 1,
  tracerPid: 0,
  state: 'S',
  seccomp: 'none',
  noNewPrivs: false,
};
const asker: AskerFacts = { uid: 1000, gid: 1000, capPermitted: 0n, capEffective: 0n, pid: 60 };
const SYS_PTRACE = 1n << 19n;
const privileged = { ...asker, uid: 5, capPermitted: SYS_PTRACE, capEffective: SYS_PTRACE };
const absent = { state: 'absent' } as const;

it('nothing is made up where no rule shows', () => {
  expect(visibleReasons(target, true, absent, asker)).toEqual([]);
  expect(visibleReasons(target, null, parsePtraceScope('0'), asker)).toEqual([]);
});

it('any id of the three that differs is named, with both values', () => {
  const mixed = { ...target, uids: { ...same(1000), saved: 0 } };
  expect(visibleReasons(mixed, null, absent, asker)).toEqual(['it has uid 0, the asker 1000']);
  expect(visibleReasons({ ...target, gids: same(7) }, true, absent, asker)).toEqual([
    'it has gid 7, the asker 1000',
  ]);
});

it('the fs ids play no part in an attach', () => {
  expect(visibleReasons({ ...target, uids: { ...same(1000), fs: 0 } }, true, absent, asker)).toEqual([]);
});

it('a surplus capability is named', () => {
  const bind = { ...target, capPermitted: '0000000000000400' };
  expect(visibleReasons(bind, true, absent, asker)).toEqual([
    'it holds CAP_NET_BIND_SERVICE, which the asker lacks',
  ]);
});

it('CAP_SYS_PTRACE passes all but scope 3', () => {
  expect(visibleReasons(target, false, parsePtraceScope('2'), privileged)).toEqual([]);
  expect(visibleReasons(target, false, parsePtraceScope('3'), privileged)).toEqual([
    'ptrace_scope 3 lets in nobody',
  ]);
});

it('a capability that is permitted but not effective does not help', () => {
  const idle = { ...privileged, uid: 1000, capEffective: 0n };
  expect(visibleReasons(target, false, absent, idle)).toHaveLength(1);
});

it('what is refused before any permission is the only reason', () => {
  expect(
    visibleReasons({ ...target, kind: 'kernel-thread', uids: same(0) }, null, parsePtraceScope('3'), asker),
  ).toHaveLength(1);
  expect(visibleReasons({ ...target, kind: 'zombie' }, null, parsePtraceScope('3'), asker)).toHaveLength(1);
  expect(visibleReasons({ ...target, tgid: 60 }, true, parsePtraceScope('3'), asker)).toHaveLength(1);
});
