// The status of a process and of its inspector in a scan.
import { expect, it } from 'vitest';
import type { NodeExposure } from '../../lib/kernel/node-exposure.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { unseenProcess } from '../../lib/kernel/read-process-facts.js';
import { inspectorState, scanStatus } from '../../lib/map/graph/process-status.js';

const stateOf = (sigusr1: NodeExposure['sigusr1'], ...flags: string[]) =>
  inspectorState({ nodes: new Map([[7, { sigusr1, flags }]]) }, 7);

it.each(['--inspect', '--inspect=0', '--inspect-brk', '--inspect-wait=9230'])('%s opens it', flag => {
  expect(stateOf('blocked', flag)).toBe('open');
});

it.each(['--inspect-port=9777', '--debug-port=9777', '--inspect-publish-uid=http', '--report-on-signal'])(
  '%s opens nothing by itself',
  flag => {
    expect(stateOf('handled', flag)).toBe('armed');
    expect(stateOf('blocked', flag)).toBeNull();
  },
);

it('a zombie cannot be traced; a process whose first thread has ended is unknown', () => {
  const zombie = { ...unseenProcess(7), kind: 'zombie' as const, tracerPid: 0, tracerTgid: 0 };
  expect(scanStatus({ ...zombie, threads: 1 }, scopeOf(0))).toBe('not-traceable');
  expect(scanStatus({ ...zombie, threads: 2 }, scopeOf(0))).toBe('unknown');
});
