// A snapshot of some processes, instead of the whole host.
import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { lines, observe } from '../../lib/snapshot.js';

it('a snapshot of some processes has them and the facts of their ancestors, as the whole host has', () => {
  const some = observe({ pids: [process.pid] });
  const whole = observe();
  expect([some.name, whole.name]).toEqual([hostname(), hostname()]);
  const factsIn = ({ processes }: typeof some, pid: number) => processes.find(one => one.pid === pid);
  const own = factsIn(some, process.pid);
  expect(own).toMatchObject({ ppid: process.ppid, uids: { effective: process.geteuid?.() } });
  expect(factsIn(some, process.ppid)).toMatchObject({
    startTime: factsIn(whole, process.ppid)?.startTime,
    comm: factsIn(whole, process.ppid)?.comm,
  });
  // This process is a Node, so its exposure is in both.
  expect(some.nodes.get(process.pid)).toEqual(whole.nodes.get(process.pid));
  expect(some.nodes.has(process.pid)).toBe(true);
});

it('a pid that no process has is not in the snapshot', () => {
  expect(observe({ pids: [2 ** 31 - 1] }).processes).toEqual([]);
});

it.each([[[0]], [[-1]], [[2 ** 31]], [['7']]])('the pids %j are refused', pids => {
  expect(() => observe({ pids: pids as number[] })).toThrow(
    expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_PID' }),
  );
});

it.each([{ pids: 7 }, { pid: [7] }, 7])('the options %j are refused', options => {
  expect(() => observe(options as object)).toThrow(
    expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_OPTION' }),
  );
});

it('has the lines of a snapshot: one for the host, one for each process', () => {
  const snapshot = observe({ pids: [process.pid] });
  const [host, ...processes] = [...lines(snapshot)].map(line => JSON.parse(line));
  expect(host).toMatchObject({ type: 'host', name: hostname(), processCount: processes.length });
  expect(processes.map(({ pid }) => pid)).toEqual(snapshot.processes.map(({ pid }) => pid));
});
