// Recorded events of real processes: their facts at the event, their pairs, and the files. The events are made here; watch.test.ts
// has the kernel's.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AccessEvent, Task } from '../../lib/kernel/access-events.js';
import { observeProcesses } from '../../lib/kernel/host.js';
import { readProcStatus } from '../../lib/kernel/proc-status.js';
import { Recorder } from '../../lib/watch/recorder.js';
import type { WatchedAccess, WatchFilters } from '../../lib/watch/recording.js';
import { RecordingFile } from '../../lib/watch/recording-file.js';
import { validated } from '../helpers/cli.js';
import { AS_USER, IS_ROOT, privateDirectory, ROOT, sleeper, USER } from '../helpers/processes.js';

const SOURCE = { name: 'process-connector', blind: ['much'] } as const;

function taskOf(pid: number): Task {
  const seen = readProcStatus(pid);
  if (seen.state !== 'seen') throw new Error(`${pid} is ${seen.state}`);
  const { startTime, comm, uids } = seen.facts;
  return { pid, tid: pid, startTime, comm, uid: uids.effective };
}

const attach = (tracer: Task, target: Task): AccessEvent => ({
  kind: 'access',
  time: Date.now(),
  tracer,
  target,
  mode: 0x12,
  way: 'attach',
  decision: 'allowed',
  error: null,
  isDescendant: null,
  tracerCapEffective: null,
  sharesUserNs: null,
});

const recorder = (filters: WatchFilters = {}, seesDeclarations = false) =>
  new Recorder(observeProcesses([], () => false, false).host, filters, seesDeclarations);

const accessOf = (recorded: ReturnType<Recorder['take']>): WatchedAccess => {
  if (recorded?.event !== 'access') throw new Error(`${recorded?.event} is no access`);
  return recorded;
};

const lines = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);

it('two processes of one user are a pair with their facts; a second access is the same pair', async () => {
  const [one, other] = [await sleeper(AS_USER), await sleeper(AS_USER)].map(({ pid }) => taskOf(pid));
  const taking = recorder();
  const { pair, outcome } = accessOf(taking.take(attach(one!, other!)));
  expect(outcome).toBe('allowed');
  expect(pair.tracer).toMatchObject({ comm: 'cat', uid: USER, facts: { pid: one!.pid, kind: 'user' } });
  expect(pair.tracer.program).toMatch(/\/(cat|coreutils)$/);
  expect(pair.target.facts).toMatchObject({ dumpable: true, tracerPid: 0, declaredTracer: 'unknown' });
  expect(pair.relation).toBe('other');
  expect(pair.declared).toBe(null);
  // Whether it has declared somebody before, nobody knows.
  expect(pair.scopes.map(({ verdict }) => verdict)).toEqual(['allowed', 'unknown', 'refused', 'refused']);
  expect(accessOf(taking.take(attach(one!, other!))).pair).toBe(pair);
  expect(accessOf(taking.take({ ...attach(one!, other!), way: 'mem' } as AccessEvent)).pair).not.toBe(pair);
});

it('a parent is found by its descent', async () => {
  const child = taskOf((await sleeper()).pid);
  const parent = { ...taskOf(process.ppid), pid: process.pid, tid: process.pid };
  // Accesses by the watching process are left out, so the parent of this process stands for another.
  expect(recorder().take(attach(parent, child))).toBe(null);
  const grandparent = taskOf(process.ppid);
  const { pair } = accessOf(recorder().take(attach(grandparent, child)));
  expect(pair.relation).toBe('descendant');
  expect(pair.scopes[1].verdict).toBe('allowed');
});

it('the facts of another process with the same pid are not used, and the rights of one that has changed are unknown', async () => {
  const [one, other] = [await sleeper(AS_USER), await sleeper(AS_USER)].map(({ pid }) => taskOf(pid));
  const reused = { ...other!, startTime: other!.startTime! - 1 };
  const { pair } = accessOf(recorder().take(attach(one!, reused)));
  expect(pair.target).toMatchObject({
    program: null,
    facts: { kind: 'unknown', capPermitted: null, ppid: null },
  });
  // The tracer may have made the user namespace that the target was in.
  expect(pair.scopes[2].verdict).toBe('unknown');
  const renamed = { ...one!, comm: 'another' };
  const changed = accessOf(recorder().take(attach(renamed, other!))).pair;
  expect(changed.tracer.facts).toMatchObject({ capEffective: null, capPermitted: null });
  expect(changed.scopes.map(({ verdict }) => verdict)).toEqual(['allowed', 'unknown', 'unknown', 'refused']);
});

it('declarations count from the start on, for processes that started later, and not any more after a loss', async () => {
  const one = taskOf((await sleeper(AS_USER)).pid);
  const taking = recorder({}, true);
  const before = taking.take(attach(one, taskOf((await sleeper(AS_USER)).pid)));
  // A tick may pass between the two.
  expect([null, false]).toContain(accessOf(before).pair.declared);
  await new Promise(resolve => setTimeout(resolve, 30));
  const later = taskOf((await sleeper(AS_USER)).pid);
  const declaredNow = () => accessOf(taking.take(attach(one, later))).pair.declared;
  expect(declaredNow()).toBe(false);
  taking.take({ kind: 'declaration', time: Date.now(), process: later, tracer: one.pid });
  expect(declaredNow()).toBe(true);
  // Another process that has the number of the declared one.
  const reused = { ...one, startTime: one.startTime! + 1 };
  expect(accessOf(taking.take(attach(reused, later))).pair.declared).toBe(false);
  taking.take({ kind: 'declaration', time: Date.now(), process: later, tracer: 'none' });
  expect(declaredNow()).toBe(false);
  expect(taking.take({ kind: 'lost', time: Date.now(), count: 3 })).toMatchObject({ event: 'gap', lost: 3 });
  expect(declaredNow()).toBe(null);
});

it('a filter takes accesses of which one side fits', async () => {
  const [one, other] = [await sleeper(AS_USER), await sleeper(AS_USER)].map(({ pid }) => taskOf(pid));
  const event = attach(one!, other!);
  const takes = (filters: WatchFilters) => recorder(filters).take(event) !== null;
  expect(takes({ uid: USER })).toBe(true);
  expect(takes({ uid: USER + 1 })).toBe(false);
  expect(takes({ pid: other!.pid, program: 'cat' })).toBe(true);
  expect(takes({ pid: process.pid })).toBe(false);
  expect(takes({ program: 'cat', unit: 'no-such.service' })).toBe(false);
});

it('each file is whole by itself, also where it rotates, and fits the schema', async () => {
  const [one, other] = [await sleeper(AS_USER), await sleeper(AS_USER)].map(({ pid }) => taskOf(pid));
  const directory = privateDirectory();
  const path = join(directory, 'host.ndjson');
  writeFileSync(path, 'an older recording\n');
  const taking = recorder();
  const file = new RecordingFile(path, { source: SOURCE, filters: {} }, { rotateAt: 12_000, keep: 2 });
  for (let count = 0; count < 250; count++) file.write(taking.take(attach(one!, other!))!);
  file.write({ event: 'gap', time: new Date().toISOString(), lost: null, because: 'a test' });
  file.end('SIGTERM');
  const names = readdirSync(directory).sort();
  expect(names.length).toBe(3);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  for (const name of names) {
    const events = lines(join(directory, name)).map(line => validated('watch', line));
    const accesses = events.filter(({ event }) => event === 'access');
    expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['begin', 'pair', 'access']);
    expect(events.at(-1)).toMatchObject({
      event: 'stop',
      because: name === 'host.ndjson' ? 'SIGTERM' : 'rotated',
      events: accesses.length,
    });
    expect(events[1]).toMatchObject({ id: 1 });
    expect(statSync(join(directory, name)).size).toBeLessThan(12_500);
  }
});

it.skipIf(!IS_ROOT)('on a full disk the file ends with a whole line (needs root: mounts)', () => {
  const directory = privateDirectory();
  const run = spawnSync(
    'unshare',
    [
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o size=32k none "$1" && "$2" "$3" "$1" && cat "$1/full"',
      'sh',
    ].concat([directory, process.execPath, join(ROOT, 'test/fixtures/full-disk.mjs')]),
    { encoding: 'utf8' },
  );
  expect(run.stderr).toMatch(/^ERR_TRACEGATE_RECORDING the recording ".*full" ends: ENOSPC/);
  const text = run.stdout;
  expect(text.length).toBeGreaterThan(20_000);
  expect(text.endsWith('}\n')).toBe(true);
  for (const line of text.split('\n').slice(0, -1)) validated('watch', line);
});
