// `tracegate demo` on this kernel.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { IS_ROOT, ROOT } from '../helpers/processes.js';
import { copyPackage } from '../helpers/public-copy.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { changedUntil } from '../helpers/waits.js';

/** A temporary directory of the test's own, to find files that are left behind. */
function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-test-'));
  chmodSync(directory, 0o711); // the demo's victim, another user, lives below it
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

it('every channel gives the secret before the opt-out, and none after it', BY_USER_TOO, async () => {
  const TMPDIR = scratch();
  const { code, stdout, stderr } = await tracegate(['demo', '--json'], { TMPDIR });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { rows, verdict, uid } = validated('demo', stdout) as {
    rows: Record<string, { outcome: string }>[];
    verdict: string;
    uid: number;
  };
  expect(verdict).toBe('pass');
  expect(uid).not.toBe(0);
  const outcomes = (phase: string) => rows.map(row => row[phase]?.outcome);
  expect(outcomes('before')).toEqual(['read', 'read', 'read', 'read', 'read']);
  expect(outcomes('optedOut')).toEqual(['refused', 'refused', 'refused', 'refused', 'refused']);
  expect(readdirSync(TMPDIR)).toEqual([]);
});

it('the table says the result in words, not only by colour', async () => {
  const { code, stdout } = await tracegate(['demo'], { TMPDIR: scratch() });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^way +before +opted out +declared debugger +another neighbour$/m);
  expect(stdout).toMatch(/ptrace attach +✗ SECRET READ +✓ refused EPERM/);
  expect(stdout).toMatch(/read before the opt-out, and in no way after it/);
});

it.skipIf(!IS_ROOT)('runs in a place that only root can enter (needs root)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-private-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  copyPackage(ROOT, directory);
  const demo = spawn(process.execPath, [join(directory, 'dist/cli.cjs'), 'demo'], {
    env: { ...process.env, TMPDIR: scratch() },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  expect(await once(demo, 'exit')).toEqual([0, null]);
});

it('an interrupted demo leaves neither files nor processes', BY_USER_TOO, async () => {
  const TMPDIR = scratch();
  const demo = spawn(process.execPath, [MAIN, 'demo'], { env: { ...process.env, TMPDIR }, stdio: 'ignore' });
  const ended = once(demo, 'exit');
  await Promise.race([changedUntil(TMPDIR, () => readdirSync(TMPDIR).length > 0), ended]);
  demo.kill('SIGINT');
  expect(await ended).toEqual([null, 'SIGINT']);
  expect(readdirSync(TMPDIR)).toEqual([]);
});

it('run by root, it uses no directory in which its user could swap a file that root touches', async () => {
  const TMPDIR = scratch();
  const demo = spawn(process.execPath, [MAIN, 'demo', '--json'], {
    env: { ...process.env, TMPDIR },
    stdio: 'ignore',
  });
  const ended = once(demo, 'exit');
  const owners = new Set<number>();
  // Also of a change of owner: inotify(7), IN_ATTRIB.
  const watcher = watch(TMPDIR, () => {
    for (const name of readdirSync(TMPDIR))
      owners.add(lstatSync(join(TMPDIR, name), { throwIfNoEntry: false })?.uid ?? -1);
  });
  expect(await ended).toEqual([0, null]);
  watcher.close();
  owners.delete(-1);
  expect(owners).toEqual(new Set([process.getuid?.()]));
});
