// tracegate-launch at each scope: a declared tracer of a program that stays dumpable, and a sealed program.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { probe } from '../../lib/index.js';
import { type Relative, spawnRelative } from '../../lib/testing/index.js';
import { AS_USER, ROOT, USER } from '../helpers/processes.js';
import { itAtOneScope, scope } from './scope.js';

/** Where every user may execute it: the clone may lie where only root can look. */
const directory = mkdtempSync(join(tmpdir(), 'tracegate-launch-'));
const LAUNCH = join(directory, 'tracegate-launch');
chmodSync(directory, 0o755);
for (const file of ['tracegate-launch', 'tracegate-preload.so'])
  copyFileSync(join(ROOT, 'native', 'build', 'Release', file), join(directory, file));
afterAll(() => rmSync(directory, { recursive: true }));

/** A program that echoes as `cat` does, up. */
async function started(program: string, ...words: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
  onTestFinished(() => void child.stdin.end());
  child.stdin.write('ready\n');
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}

/** `cat`, launched and up. */
const launched = (...options: string[]) => started(LAUNCH, ...options, '--', 'cat');

/** Another process of the same user as the launched one. */
async function sibling(): Promise<Relative> {
  const found = await spawnRelative('sibling', { credentials: { uid: USER, gid: USER } });
  onTestFinished(() => found.end());
  return found;
}

const METHODS = ['access', 'seize'] as const;
const stranger = (scope ?? 0) === 0 ? 'allowed' : 'denied';
const declared = (scope ?? 0) <= 1 ? 'allowed' : 'denied';

it('--ptracer PID allows that process at scope 1, and no other', async () => {
  const [tracer, neighbour] = await Promise.all([sibling(), sibling()]);
  const { pid } = await launched('--ptracer', `${tracer.pid}`);
  expect(statSync(`/proc/${pid}/environ`).uid).toBe(USER);
  for (const method of METHODS) {
    expect(await tracer.probe(pid, { method })).toMatchObject({ outcome: declared });
    expect(await neighbour.probe(pid, { method })).toMatchObject({ outcome: stranger });
  }
});

it('--ptracer any allows strangers at scope 1; none, and no declaration, do not', async () => {
  const ask = async (...options: string[]) =>
    (await probe((await launched(...options)).pid, { as: 'stranger', method: 'seize' })).outcome;
  expect(await ask('--ptracer', 'any')).toBe(declared);
  expect(await ask('--ptracer', 'none')).toBe(stranger);
  expect(await ask()).toBe(stranger);
});

it('--ptracer with a pid without a process is an error', async () => {
  const child = spawn(LAUNCH, ['--ptracer', '2147483647', '--', 'true'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [[said], [code]] = await Promise.all([once(child.stderr, 'data'), once(child, 'exit')]);
  expect(`${said}`).toBe('tracegate: --ptracer: no process has pid 2147483647\n');
  expect(code).toBe(125);
});

it.each(['sealed', 'detached'])('a program of --deny=%s is closed at every scope', async mode => {
  const { pid } = await launched(`--deny=${mode}`);
  expect(statSync(`/proc/${pid}/environ`).uid).toBe(0);
  for (const method of [...METHODS, 'attach'] as const)
    expect(await probe(pid, { as: 'stranger', method })).toMatchObject({ outcome: 'denied' });
});

// The oracle is the owner of environ (fs/proc/base.c, task_dump_owner()), and the kernel's own start of an unreadable program.
itAtOneScope(
  '--deny is refused if fs.suid_dumpable is 1, with which an unreadable program starts open',
  async () => {
    const file = '/proc/sys/fs/suid_dumpable';
    const before = readFileSync(file, 'utf8');
    onTestFinished(() => writeFileSync(file, before));
    const unreadable = join(directory, 'unreadable');
    copyFileSync('/bin/cat', unreadable);
    chmodSync(unreadable, 0o711);
    const owner = async (start: ReturnType<typeof started>) =>
      statSync(`/proc/${(await start).pid}/environ`).uid;
    const refused = async (...words: string[]) => {
      const child = spawn(LAUNCH, words, { stdio: ['ignore', 'ignore', 'pipe'], ...AS_USER });
      const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      expect(said).toMatch(/^tracegate: fs.suid_dumpable is 1, /);
      expect(code).toBe(125);
    };

    writeFileSync(file, '1');
    expect(await owner(started(unreadable))).toBe(USER);
    for (const mode of ['sealed', 'detached', 'preload']) await refused(`--deny=${mode}`, '--', unreadable);
    for (const mode of ['sealed', 'detached']) await refused(`--deny=${mode}`, '--', 'cat');
    expect(await owner(launched('--deny=preload'))).toBe(0);
    for (const value of ['0', '2']) {
      writeFileSync(file, value);
      expect(await owner(started(unreadable))).toBe(0);
      for (const mode of ['sealed', 'detached', 'preload'])
        expect(await owner(launched(`--deny=${mode}`))).toBe(0);
    }
  },
);
