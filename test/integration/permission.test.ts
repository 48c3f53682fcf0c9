// Node's permission model (docs/deny.md). npm run test:node-versions asks the same of each supported Node.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { DenyReport } from '../../lib/index.js';
import { AS_USER, PUBLIC_DIST } from '../helpers/processes.js';

const MODEL = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const PACKAGE = join(PUBLIC_DIST, '..');
const FIXTURE = join(PACKAGE, 'test/fixtures/permission.mjs');

const FLAGS = {
  package: `--allow-fs-read=${PACKAGE}/`,
  addons: '--allow-addons',
  proc: '--allow-fs-read=/proc/',
  children: '--allow-child-process',
};

interface Settled<T> {
  result?: T;
  name?: string;
  code?: string;
  message?: string;
}

interface Said {
  deny: Settled<DenyReport>;
  relative: Settled<null>;
  spawned: Settled<null>;
  dumpable: Settled<string>;
  inspector: string | null;
}

async function under(...grants: (keyof typeof FLAGS)[]): Promise<Said> {
  const flags = ['--no-warnings', MODEL, ...grants.map(grant => FLAGS[grant])];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, FIXTURE, PUBLIC_DIST], {
    ...AS_USER,
    cwd: '/',
  });
  return JSON.parse(stdout);
}

/** As of a machine where nothing else of this uid is closed: other tests' processes are. */
const openIn = ({ open }: DenyReport) => open.filter(({ why }) => !/could not be looked into/.test(why));

describe(`node ${MODEL}`, () => {
  it('with the flags of docs/deny.md, denyTracing() closes every channel and proves it; SIGUSR1 opens nothing', async () => {
    const { deny, relative, spawned, dumpable, inspector } = await under(
      'package',
      'addons',
      'proc',
      'children',
    );
    expect(deny).toEqual({ result: expect.anything() });
    expect(openIn(deny.result!)).toEqual([]);
    expect(deny.result!.verified.map(({ channel, outcome }) => `${channel} ${outcome}`)).toEqual([
      ...Array(5).fill('dumpable denied'),
      'inspector denied',
    ]);
    expect(deny.result!.verified.at(-1)!.by).toBe('a stranger, by SIGUSR1, not sent: every thread blocks it');
    expect([relative, spawned]).toEqual([{}, {}]);
    expect([dumpable.result, inspector]).toEqual(['disabled', null]);
  });

  it('without --allow-child-process the process is closed, the report says that nothing was tried, and the flag is named', async () => {
    const { deny, relative, spawned, dumpable, inspector } = await under('package', 'addons', 'proc');
    expect(deny).toMatchObject({ name: 'TracegateError', code: 'ERR_TRACEGATE_NOT_DENIED' });
    expect(deny.message).toContain('start Node with --allow-child-process, or leave the attempts out');
    expect(openIn(deny.result!).map(({ channel }) => channel)).toEqual(['dumpable', 'inspector']);
    expect(deny.result!.closed).toEqual(expect.arrayContaining(['declared-tracer', 'core-dumps', 'reports']));
    expect([dumpable.result, inspector]).toEqual(['disabled', null]);
    for (const failure of [relative, spawned]) {
      expect(failure).toMatchObject({ name: 'TracegateError', code: 'ERR_TRACEGATE_HELPER_FAILED' });
      expect(failure.message).toMatch(/can't be started: .*start Node with --allow-child-process/);
    }
  });

  it('without --allow-fs-read=/proc/ each channel that could not be looked at is reported, with the flag', async () => {
    const { deny, dumpable } = await under('package', 'addons', 'children');
    expect(deny).toMatchObject({ name: 'TracegateError', code: 'ERR_TRACEGATE_NOT_DENIED' });
    const { open, closed } = deny.result!;
    expect(closed).toContain('dumpable');
    expect(open.map(({ channel }) => channel)).toEqual(
      expect.arrayContaining(['core-dumps', 'attached-tracer', 'memory-descriptors', 'inspector']),
    );
    expect(new Set(open.map(({ remedy }) => remedy))).toEqual(
      new Set(['start Node with --allow-fs-read=/proc/']),
    );
    expect(dumpable.result).toBe('disabled');
  });

  it('without --allow-addons nothing is closed, and the flag is named', async () => {
    const { deny } = await under('package', 'proc', 'children');
    expect(deny).toMatchObject({ name: 'TracegateError', code: 'ERR_TRACEGATE_NATIVE_UNAVAILABLE' });
    expect(deny.message).toContain('with --allow-addons');
  });
});
