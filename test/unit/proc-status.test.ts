// Parsing of /proc/PID/status and stat.
import { expect, it } from 'vitest';
import { parseStat, procStatusOf, statusLine, tracerIn } from '../../lib/kernel/proc-status.js';

const stat = (name: string, state = 'S', flags = 4194304) =>
  `4321 (${name}) ${state} 17 4321 17 0 -1 ${flags} 2077 0 12 0 3 1 0 0 20 0 7 0 314062 1000 200 18446744073709551615 1 1 0`;

const STATUS = `Name:\tnode\nState:\tS (sleeping)\nTgid:\t4321\nPid:\t4321\nPPid:\t17\nTracerPid:\t99
Threads:\t7\nNoNewPrivs:\t1\nSeccomp:\t2
Uid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000000\nCapInh:\t0000000000000000\nCapBnd:\t000001ffffffffff\n`;

it.each(['node', 'a) S 1 (b', '((', '))', ') ', 'tab\there', 'new\nline', ''])(
  'a process may call itself %j',
  name => {
    expect(parseStat(stat(name))).toEqual({
      pid: 4321,
      comm: name,
      state: 'S',
      ppid: 17,
      flags: 4194304,
      startTime: 314062,
    });
  },
);

it('a line of status is found by its whole name, wherever it stands', () => {
  expect(statusLine('B:\t2\nA:\t1 x\n', 'A')).toBe('1 x');
  expect(statusLine('A:\t1\nB:\t2', 'A')).toBe('1');
  expect(statusLine('A:\t1\nB:\t2', 'B')).toBe('2');
  expect(statusLine('BA:\t1\n', 'A')).toBeUndefined();
  expect(statusLine('Name:\tx\\nA:\t1\n', 'A')).toBeUndefined();
});

it.each([
  ['TracerPid:\t99\n', 99],
  ['TracerPid:\t0\n', 0],
  ['TracerPid:\t\n', null],
  ['Name:\tx\n', null],
])('the tracer in %j is %s: a kernel that does not say leaves it unknown', (text, tracer) => {
  expect(tracerIn(text)).toBe(tracer);
});

it('each of the four ids keeps its place', () => {
  expect(procStatusOf(stat('node'), STATUS)).toEqual({
    pid: 4321,
    ppid: 17,
    tgid: 4321,
    startTime: 314062,
    comm: 'node',
    kind: 'user',
    uids: { real: 1000, effective: 1001, saved: 1002, fs: 1003 },
    gids: { real: 5, effective: 6, saved: 7, fs: 8 },
    capPermitted: '0000000000000400',
    capEffective: '0000000000000000',
    capInheritable: '0000000000000000',
    capBounding: '000001ffffffffff',
    threads: 7,
    tracerPid: 99,
    state: 'S',
    seccomp: 'filter',
    noNewPrivs: true,
  });
});

it.each([
  ['Z', 4194304, 'zombie'],
  ['X', 4194304, 'zombie'],
  ['S', 2129984, 'kernel-thread'],
  ['T', 4194304, 'user'],
  ['S', 4194308, 'exiting'],
  ['Z', 4194308, 'zombie'],
])('state %s with flags %d is a %s', (state, flags, kind) => {
  expect(procStatusOf(stat('x', state, flags), STATUS).kind).toBe(kind);
});

it('a line that the kernel leaves out is unknown', () => {
  expect(procStatusOf(stat('x'), STATUS.replace(/(NoNewPrivs|Seccomp).*\n/g, ''))).toMatchObject({
    seccomp: null,
    noNewPrivs: null,
  });
});
