// Targets of 32 bits under a kernel of 64: the probes, the explanation and the launcher treat them as any other.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { explain } from '../../lib/explain/index.js';
import { probe, traceStatus } from '../../lib/index.js';
import { compile } from '../helpers/compile.js';
import { AS_USER, PUBLIC_DIST, straceAttaches } from '../helpers/processes.js';

const LAUNCH = join(PUBLIC_DIST, '..', 'native', 'build', 'Release', 'tracegate-launch');
const I386 = ['-m32', '-ffreestanding', '-nostdlib', '-fno-stack-protector'];

/** Linked statically, or as if by a dynamic linker. */
const program = (options: string[] = ['-static']) => compile('thirty-two-bit.c', [...I386, ...options]);

async function started([command = '', ...words]: string[]): Promise<number> {
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
  onTestFinished(() => void child.stdin.end());
  expect(`${(await once(child.stdout, 'data'))[0]}`).toBe('ready\n');
  return child.pid!;
}

describe.runIf(process.arch === 'x64')('a target of 32 bits (for x64: other machines have none)', () => {
  beforeAll(() => {
    expect(execFileSync('readelf', ['-h', program()], { encoding: 'utf8' })).toMatch(/Class: +ELF32/);
  });

  it('is open to the same uid, by every way of asking, as strace finds it', async () => {
    const pid = await started([program()]);
    for (const method of ['access', 'seize', 'attach'] as const)
      expect(await probe(pid, { as: 'stranger', method })).toMatchObject({ outcome: 'allowed' });
    expect(traceStatus(pid).status).toBe('enabled');
    expect((await explain(pid, { tracer: 'stranger' })).verdict).toBe('allowed');
    const strace = await straceAttaches(pid, AS_USER);
    expect(strace).not.toBeNull();
    await strace?.detach();
  });

  it.each(['sealed', 'detached'])('is closed by --deny=%s', async deny => {
    const pid = await started([LAUNCH, `--deny=${deny}`, '--', program()]);
    expect(await straceAttaches(pid, AS_USER)).toBeNull();
    expect(await probe(pid, { as: 'stranger', method: 'seize' })).toMatchObject({
      outcome: 'denied',
      code: 'EPERM',
    });
    expect(traceStatus(pid).status).toBe('disabled');
  });

  it('is refused by --deny=preload, also with a dynamic linker: ours would not load', () => {
    for (const options of [['-static'], ['-pie', '-fpie', '-Wl,--dynamic-linker=/lib/ld-linux.so.2']]) {
      const { status, stderr } = spawnSync(LAUNCH, ['--deny=preload', '--', program(options)], {
        encoding: 'utf8',
        ...AS_USER,
      });
      expect({ status, stderr }).toMatchObject({
        status: 125,
        stderr: expect.stringContaining('is for another architecture: use --deny=sealed'),
      });
    }
  });

  it('is refused by --ptracer tree', () => {
    const { status, stderr } = spawnSync(LAUNCH, ['--ptracer', 'tree', '--', program(['-static'])], {
      encoding: 'utf8',
      ...AS_USER,
    });
    expect({ status, stderr }).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('is for another architecture: declare the tracer of the first process'),
    });
  });

  it('a preload library of 32 bits beside the launcher is refused before the program starts open', () => {
    const scratch = mkdtempSync('/tmp/tracegate-elf32-');
    onTestFinished(() => rmSync(scratch, { recursive: true }));
    chmodSync(scratch, 0o755);
    copyFileSync(LAUNCH, join(scratch, 'tracegate-launch'));
    copyFileSync(
      compile('thirty-two-bit.c', [...I386, '-shared', '-fpic']),
      join(scratch, 'tracegate-preload.so'),
    );
    const { status, stdout, stderr } = spawnSync(
      join(scratch, 'tracegate-launch'),
      ['--deny=preload', '--', 'echo', 'open'],
      { encoding: 'utf8', ...AS_USER },
    );
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toContain('is no library for this architecture');
  });
});
