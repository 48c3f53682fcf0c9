// Targets that wait inside a system call.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ProbeAs, probe, probeSync } from '../../lib/index.js';
import { start, startEcho, statusOf } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { times } from '../helpers/tier.js';
import { statusBecomes } from '../helpers/waits.js';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
// A root helper without capabilities may not attach to a root target with some: an ordinary user's target it is.
const ORDINARY = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
const ids: ProbeAs = isRoot
  ? { uid: NOBODY, gid: NOBODY }
  : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

// native's own limits are 1 s (seize) and 2 s (attach): a loaded machine may need longer to say so, and none as long as this.
const BOUND = 60_000;

function startFixture(source: string, args: string[] = [], options = {}) {
  const child = start(compile('with-parent.c'), [compile(source), ...args], options);
  onTestFinished(() => child.kill());
  return child;
}

async function startStuck(source: string, options = {}) {
  const child = startFixture(source, [], options);
  const [, target] = (await child.line()).split(' ');
  return { child, target: Number(target) };
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - began };
}

const ownThreads = () => readdirSync('/proc/self/task').length;

describe('a target inside execve that waits for a traced thread', () => {
  const UNANSWERED = { outcome: 'unknown', code: 'ETIMEDOUT', tracerPid: 0 };

  async function isReleased({ child, target }: Awaited<ReturnType<typeof startStuck>>) {
    expect(statusOf(target, 'TracerPid')).toBe('0');
    child.say('x');
    expect(await child.line()).toBe('executed');
    expect(await child.line()).toBe('ended 0');
    expect(await child.closed).toEqual({ code: 0, signal: null, stderr: '' });
  }

  it('still answers an access probe', async () => {
    const stuck = await startStuck('exec-stuck.c');
    expect(probeSync(stuck.target)).toMatchObject({ outcome: 'allowed', code: null });
    await isReleased(stuck);
  });

  it('makes a seize unknown within the time limit, and leaves nothing attached', async () => {
    const stuck = await startStuck('exec-stuck.c');
    const threads = ownThreads();
    const { result, milliseconds } = await timed(() => probeSync(stuck.target, { method: 'seize' }));
    expect(result).toMatchObject(UNANSWERED);
    expect(milliseconds).toBeLessThan(BOUND);
    expect(ownThreads()).toBe(threads);
    expect(probeSync(stuck.target)).toMatchObject({ outcome: 'allowed' });
    await isReleased(stuck);
  });

  it('makes an asynchronous seize unknown too', async () => {
    const stuck = await startStuck('exec-stuck.c');
    const { result, milliseconds } = await timed(() => probe(stuck.target, { method: 'seize' }));
    expect(result).toMatchObject(UNANSWERED);
    expect(milliseconds).toBeLessThan(BOUND);
    await isReleased(stuck);
  });

  it.each<[string, ProbeAs]>([
    ['a child of ours', 'self'],
    ['a stranger with its ids', ids],
  ])('makes an attach by %s unknown', async (_, as) => {
    const stuck = await startStuck('exec-stuck.c', ORDINARY);
    const { result, milliseconds } = await timed(() => probe(stuck.target, { method: 'attach', as }));
    expect(result).toMatchObject(UNANSWERED);
    expect(milliseconds).toBeLessThan(BOUND);
    await isReleased(stuck);
  });
});

describe('a target that waits for its vfork child', () => {
  async function runsAfterwards({ child, target }: Awaited<ReturnType<typeof startStuck>>) {
    expect(statusOf(target, 'TracerPid')).toBe('0');
    // A pending SIGSTOP would stop it on its way out of vfork, before this line.
    child.say('x');
    expect(await child.line()).toBe('running');
    expect(statusOf(target, 'State')).not.toMatch(/^[Tt]/);
    child.say('x');
    expect(await child.line()).toBe('running');
    expect(await child.end()).toEqual({ code: 0, signal: null, stderr: '' });
  }

  it('allows a seize, which does not wait for it', async () => {
    const stuck = await startStuck('vfork-stuck.c');
    expect(probeSync(stuck.target, { method: 'seize' })).toMatchObject({ outcome: 'allowed' });
    await runsAfterwards(stuck);
  });

  it.each<[string, ProbeAs]>([
    ['a child of ours', 'self'],
    ['a stranger with its ids', ids],
  ])('makes an attach by %s unknown, and is not stopped by it later', async (_, as) => {
    const stuck = await startStuck('vfork-stuck.c', ORDINARY);
    const { result, milliseconds } = await timed(() => probe(stuck.target, { method: 'attach', as }));
    expect(result).toMatchObject({ outcome: 'unknown', code: 'ETIMEDOUT', tracerPid: 0 });
    expect(milliseconds).toBeLessThan(BOUND);
    await runsAfterwards(stuck);
  });

  it.skipIf(!isRoot)(
    'is not stopped by an attacher that may trace it but not signal it (needs root)',
    async () => {
      // Another session: within one's own SIGCONT needs no permission (kernel/signal.c, check_kill_permission).
      const stuck = await startStuck('vfork-stuck.c', { detached: true });
      const as: ProbeAs = { uid: NOBODY, gid: NOBODY, capabilities: ['CAP_SYS_PTRACE'] };
      expect(await probe(stuck.target, { method: 'attach', as })).toMatchObject({ outcome: 'unknown' });
      await runsAfterwards(stuck);
    },
  );
});

describe('an attach', () => {
  it('leaves a stopped target stopped, and SIGCONT resumes it', async () => {
    const { child, target } = await startStuck('stopped.c', ORDINARY);
    expect(await probe(target, { method: 'attach', as: ids })).toMatchObject({
      outcome: 'allowed',
      tracerPid: 0,
    });
    // A detached target goes back into its stop by itself (kernel/ptrace.c, __ptrace_unlink).
    await statusBecomes(target, 'State', 'is', 'T');
    child.say('x');
    expect(await child.line()).toBe('silent');
    expect(await child.line()).toBe('continued');
    expect(await child.line()).toBe('ended 0');
  });

  it('leaves a running target running', async () => {
    const target = await startEcho(compile('with-parent.c'), ORDINARY);
    onTestFinished(() => target.kill());
    for (const as of ['self', ids] as const) {
      expect(await probe(target.pid, { method: 'attach', as })).toMatchObject({
        outcome: 'allowed',
        tracerPid: 0,
      });
      expect(await target.answers()).toBe(true);
    }
    expect(await target.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('loses no signals that its target gets meanwhile', async () => {
    const SIGNALS = times(500, 2_000);
    const scratch = mkdtempSync(join(tmpdir(), 'tracegate-attach-'));
    onTestFinished(() => rmSync(scratch, { recursive: true }));
    const fifo = join(scratch, 'feedback');
    const counter = startFixture('counter.c', ['receive', `${SIGNALS}`, fifo]);
    await counter.line();
    const sender = startFixture('counter.c', ['send', `${counter.pid}`, `${SIGNALS}`, fifo]);
    let isSent = false;
    const sent = sender.line().then(() => {
      isSent = true;
    });

    let attaches = 0;
    for (; attaches < times(25, 100) || !isSent; attaches++) {
      for (let burst = 0; burst < 4; burst++) counter.say('s');
      expect(await probe(counter.pid, { method: 'attach' })).toMatchObject({
        outcome: 'allowed',
        tracerPid: 0,
      });
    }
    await sent;
    counter.say('r');
    expect(JSON.parse(await counter.line())).toMatchObject({
      ...{ received: SIGNALS, missing: 0, repeated: 0, foreign: 0, ownLost: 0 },
    });
    expect(statusOf(counter.pid, 'TracerPid')).toBe('0');
    expect(await counter.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
