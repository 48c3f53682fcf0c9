// Every way from a confined program to its neighbours' secrets, before `run --confine` and after; every relation of the two; and
// what docs/confine.md says beside.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CONFINE_WAYS } from '../channels/confine-ways.js';
import { proveConfinement } from '../channels/prove-confinement.js';
import {
  AS_USER,
  IS_ROOT,
  PUBLIC_DIST,
  PUBLIC_LAUNCH,
  privateDirectory,
  ROOT,
  statusField,
  straceAttaches,
} from '../helpers/processes.js';
import { proveRelations } from '../scopes/confined-relations.js';

proveConfinement();

// The relations take other uids.
describe.runIf(IS_ROOT)('every relation', () => proveRelations());

const CONFINED = [PUBLIC_LAUNCH, '--confine', '--'];

/** Its output and its exit code. */
function run(...[program = '', ...words]: string[]) {
  const { stdout, stderr, status } = spawnSync(program, words, { encoding: 'utf8', ...AS_USER });
  return { said: (stdout + stderr).trim(), status };
}

it('a signal to the own process group arrives at the confined part of the group', () => {
  const inside = 'trap "echo inside" USR1; kill -USR1 0; :';
  const outside = 'trap "echo outside" USR1; "$@"; :';
  const heard = (...through: string[]) =>
    run('setsid', 'sh', '-c', outside, 'sh', ...through, 'sh', '-c', inside)
      .said.split('\n')
      .toSorted();
  expect(heard()).toEqual(['inside', 'outside']);
  expect(heard(...CONFINED)).toEqual(['inside']);
});

it('a signal to the own process group by F_SETOWN stays in the tree', () => {
  const group = ['python3', join(PUBLIC_DIST, '..', 'test', 'fixtures', 'signals-group.py')] as const;
  expect(run(...group).said).toBe('heard');
  expect(run(...group, ...CONFINED).said).toBe('not heard');
});

it('a debugger outside attaches to a confined program', async () => {
  const child = spawn(PUBLIC_LAUNCH, ['--confine', '--', 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...AS_USER,
  });
  onTestFinished(() => void child.stdin.end());
  child.stdin.write('ready\n');
  await once(child.stdout, 'data');
  expect(statusField(child.pid!, 'NoNewPrivs')).toBe('1');
  const tracer = await straceAttaches(child.pid!, AS_USER);
  expect(tracer).not.toBe(null);
  await tracer?.detach();
});

it('gdb and strace in the tree trace a child of their own', () => {
  const gdb = [
    'gdb',
    '-nx',
    '-batch',
    '-ex',
    'break _exit',
    '-ex',
    'run',
    '-ex',
    'backtrace',
    '--args',
    'true',
  ];
  expect(run(...CONFINED, ...gdb).said).toMatch(/^#0 .*_exit \(/m);
  expect(run(...CONFINED, 'strace', '-e', 'trace=exit_group', 'true').said).toContain('exit_group(0)');
});

// Root alone makes set-id programs.
it.runIf(IS_ROOT)('a set-id program gives a confined program no rights', () => {
  const program = join(privateDirectory(0o755), 'id');
  copyFileSync('/usr/bin/id', program);
  chmodSync(program, 0o4755);
  expect(run(program, '-u').said).toBe('0');
  expect(run(...CONFINED, program, '-u').said).toBe(`${AS_USER.uid}`);
});

// Not while it is written.
const itOfDocs = process.env.TRACEGATE_CONFINE_FILE === undefined ? it : it.skip;
itOfDocs('docs/confine.md has every way, and no secret where the way is closed', () => {
  const page = readFileSync(join(ROOT, 'docs', 'confine.md'), 'utf8');
  const rowsOf = (closedBy: string) => {
    const [, block = ''] =
      new RegExp(`<!-- ways: ${closedBy} -->([\\s\\S]*?)<!-- /ways -->`).exec(page) ?? [];
    const rows = block.trim().split('\n').slice(2);
    return rows.map(row => row.slice(2, -2).split(' | '));
  };
  const isOpen = (cell = '') => cell.startsWith('**');
  for (const closedBy of ['tracing', 'signals', 'abstract-sockets', null] as const) {
    const rows = rowsOf(closedBy ?? 'open');
    const told = CONFINE_WAYS.filter(way => way.closedBy === closedBy);
    expect(rows.map(([name]) => name)).toEqual(
      told.map(({ name, note }) => (note ? `${name} (${note})` : name)),
    );
    // The kernels: here, 6.12 and 6.1.
    for (const [, before, ...after] of rows) {
      expect(isOpen(before)).toBe(true);
      const open = after
        .slice(0, 3)
        .filter(cell => cell !== '–')
        .map(isOpen);
      if (closedBy === 'tracing') expect(open).not.toContain(true);
      else if (closedBy === null) expect(open).not.toContain(false);
      else expect(open).toEqual([false, false, true]);
    }
  }
  expect(page).toContain(`[Eighteen ways](#what-stays-open)`);
  expect(CONFINE_WAYS.filter(({ closedBy }) => closedBy === null)).toHaveLength(18);
});
