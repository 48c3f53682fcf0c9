// Every way to the secrets of a program that a process of the same uid has: before denyTracing() and after.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DenyOptions } from '../../lib/index.js';
import { OPEN_BY_NATURE } from '../channels/by-nature.js';
import { proveChannels } from '../channels/prove.js';
import { Victim } from '../channels/victim.js';
import { noCoreFile, WAYS } from '../channels/ways.js';
import { ROOT } from '../helpers/processes.js';
import { scope } from '../scopes/scope.js';

proveChannels(scope, true);

/** The secrets in a core dump of the process, after a neighbour has raised the limit that the process lowered. */
async function dumped(options: DenyOptions) {
  const victim = await Victim.start();
  onTestFinished(() => victim[Symbol.asyncDispose]());
  const report = await victim.deny({ keepDumpable: true, verify: false, ...options });
  const way = WAYS.find(({ name }) => name === 'SIGABRT, and the core file')!;
  const why = report.open.find(({ channel }) => channel === 'core-dumps')?.why;
  return { why, state: (await way.attempt(victim)).state };
}

// Where core_pattern is another, there is no file to find.
describe.runIf(noCoreFile() === null)('keepDumpable', () => {
  it('reports that other processes of the uid can raise the limit on core dumps again', async () => {
    expect(await dumped({})).toEqual({ why: expect.stringContaining('soft limit'), state: 'leaks' });
  });

  it('with hardLimits leaves no core dump', async () => {
    expect(await dumped({ hardLimits: true })).toMatchObject({ state: 'refused' });
  });
});

describe('a worker', () => {
  const FLAGS = ['--report-on-signal', '--heapsnapshot-signal=SIGWINCH'];

  it('reports the channels of the main thread that it cannot close', async () => {
    const victim = await Victim.start({ execArgv: FLAGS });
    onTestFinished(() => victim[Symbol.asyncDispose]());
    const { open } = await victim.call('denyInWorker', { policy: 'warn', verify: false });
    expect(open.map(({ channel }: { channel: string }) => channel)).toEqual(['reports', 'heap-snapshots']);
  });

  it('finds the channels closed if the main thread has closed them', async () => {
    const victim = await Victim.start({ execArgv: [...FLAGS, '--inspect=0'] });
    onTestFinished(() => victim[Symbol.asyncDispose]());
    await victim.deny({ verify: false });
    expect(await victim.call('denyInWorker', { verify: false })).toMatchObject({ open: [] });
  });
});

it('allowTracing() restores the report and the heap snapshot on a signal', async () => {
  for (const way of WAYS.filter(({ closedBy }) => ['reports', 'heap-snapshots'].includes(closedBy))) {
    const victim = await Victim.start(way.start);
    onTestFinished(() => victim[Symbol.asyncDispose]());
    await victim.deny({ verify: false });
    await victim.call('allowTracing');
    expect([way.name, (await way.attempt(victim)).state]).toEqual([way.name, 'leaks']);
  }
});

// Not while it is written.
const itOfDocs = process.env.TRACEGATE_CHANNELS_FILE === undefined ? it : it.skip;
itOfDocs('docs/channels.md has every way and kernel, and no secret after denyTracing()', () => {
  const page = readFileSync(join(ROOT, 'docs', 'channels.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.*) \| `([a-z-]+)` \|$/gm)].map(([, cells = '', closedBy]) => ({
    cells: cells.split(' | '),
    closedBy,
  }));
  const told = WAYS.map(({ name, note, closedBy }) => [note ? `${name} (${note})` : name, closedBy]);
  expect(rows.map(({ cells, closedBy }) => [cells[0], closedBy])).toEqual(told);
  // The way, five kernels, and after.
  expect(rows.filter(({ cells }) => cells.length !== 7 || cells[6]?.includes('**'))).toEqual([]);
  const open = [...page.matchAll(/^\| (.*?) \|(?: [^|]* \|){5} (?:SECURITY\.md|the report) \|$/gm)];
  expect(open.map(([, name]) => name)).toEqual(OPEN_BY_NATURE.map(({ name }) => name));
  const starts = [...page.matchAll(/^\| .*\(\)`.* \| (\d+) \| (\**)(\d+)\2 \|$/gm)];
  expect(starts.map(([, count, , read]) => [Number(count) >= 1000, read !== '0'])).toEqual([
    [false, true],
    ...Array(3).fill([true, false]),
  ]);
});
