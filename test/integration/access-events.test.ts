// The process connector as a source of access events, compared with strace.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AccessEvent, type AccessSourceName, openAccessSource } from '../../lib/kernel/access-events.js';
import { AS_USER, IS_ROOT, MODULES, PUBLIC_MODULES, sleeper, USER } from '../helpers/processes.js';

/** A test of the best source would be one of this machine. */
const CONNECTOR: readonly AccessSourceName[] = ['process-connector'];

const OPEN = (modules: string, sources: readonly AccessSourceName[]) => `
  import { openAccessSource } from '${join(modules, 'kernel', 'access-events.js')}';
  try {
    openAccessSource({ sources: ${JSON.stringify(sources)} }).close();
    console.log('opened');
  } catch (error) {
    console.log(error.code, error.message);
  }`;

/** What a process says that opens a source. */
function opening(
  before: readonly string[],
  modules: string,
  user: typeof AS_USER = {},
  sources: readonly AccessSourceName[] = CONNECTOR,
) {
  const node = [process.execPath, '--input-type=module', '-e', OPEN(modules, sources)];
  const [program = '', ...words] = [...before, ...node];
  return spawnSync(program, words, { encoding: 'utf8', ...user }).stdout;
}

/** The first kernel whose connector serves every user. */
const servesUsers = serves(release());

function serves(text: string): boolean {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 6);
}

it('an ordinary user may open it from Linux 6.6 on, and is told the missing right before', () => {
  const refused =
    /^ERR_TRACEGATE_CANNOT_WATCH .*process-connector can't be used: before Linux 6\.6 it needs root, or CAP_NET_ADMIN \(EPERM\)/;
  expect(opening([], PUBLIC_MODULES, AS_USER)).toMatch(servesUsers ? /^opened\n$/ : refused);
});

it('an ordinary user is told the rights that BPF needs', () => {
  expect(opening([], PUBLIC_MODULES, AS_USER, ['bpf'])).toMatch(
    /^ERR_TRACEGATE_CANNOT_WATCH .*bpf can't be used: it needs root, or CAP_BPF and CAP_PERFMON \(EPERM\)\.\n$/,
  );
});

it('the best source is taken, or the reason why not is among what it is blind for', () => {
  const source = openAccessSource();
  source.close();
  const refused = source.blind.find(text => text.startsWith("bpf can't be used: "));
  expect(refused === undefined).toBe(source.name === 'bpf');
});

describe.runIf(IS_ROOT || servesUsers)('the process connector', () => {
  const startTime = (pid: number) =>
    Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ')[19]);

  /** The next `count` events of a process, in words. */
  async function next(source: ReturnType<typeof openAccessSource>, count: number) {
    const events: AccessEvent[] = [];
    for await (const event of source.events) {
      events.push(event);
      if (events.length === count) break;
    }
    return events;
  }

  /** strace attaches to a process; returns strace's pid and what ends it. */
  async function strace(pid: number) {
    const tracer = spawn('strace', ['-p', `${pid}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(() => void tracer.kill());
    const [line] = await once(createInterface({ input: tracer.stderr }), 'line');
    expect(line).toContain(`Process ${pid} attached`);
    return tracer;
  }

  it.each([
    ['detaches', 'SIGINT'],
    ['is killed', 'SIGKILL'],
  ] as const)('reports an attach with both sides, and its end if the tracer %s', async (_, signal) => {
    const { pid } = await sleeper(AS_USER);
    const source = openAccessSource({ pid, sources: CONNECTOR });
    expect(source.name).toBe('process-connector');
    const before = Date.now();
    const tracer = await strace(pid);
    const target = { pid, tid: pid, startTime: startTime(pid), comm: 'cat', uid: USER };
    const itself = {
      pid: tracer.pid,
      tid: tracer.pid,
      startTime: startTime(tracer.pid!),
      comm: 'strace',
      uid: process.getuid?.(),
    };
    const events = source.events[Symbol.asyncIterator]();
    const { value: attach } = await events.next();
    tracer.kill(signal);
    const { value: end } = await events.next();
    source.close();
    expect(attach).toEqual({
      kind: 'access',
      time: expect.any(Number),
      tracer: itself,
      target,
      mode: 0x12,
      way: 'attach',
      decision: 'allowed',
      error: null,
      isDescendant: null,
      tracerCapEffective: null,
      sharesUserNs: null,
    });
    expect(attach?.time).toBeGreaterThan(before - 1);
    expect(attach?.time).toBeLessThan(Date.now() + 1);
    expect(end).toEqual({ kind: 'end', time: expect.any(Number), tracer: itself, target });
  });

  it('reports the end of an attach if the target ends', async () => {
    const target = await sleeper();
    const source = openAccessSource({ pid: target.pid, sources: CONNECTOR });
    await strace(target.pid);
    target.process.kill('SIGKILL');
    expect((await next(source, 2)).map(({ kind }) => kind)).toEqual(['access', 'end']);
  });

  it('reports accesses to one process alone, if asked so', async () => {
    const [{ pid }, other] = await Promise.all([sleeper(), sleeper()]);
    const source = openAccessSource({ pid, sources: CONNECTOR });
    await strace(other.pid);
    await strace(pid);
    expect(await next(source, 1)).toMatchObject([{ target: { pid } }]);
  });

  it('keeps a burst that comes while nobody reads, in its order', async () => {
    const source = openAccessSource({ sources: CONNECTOR });
    const script = 'for i in $(seq 50); do strace -o /dev/null true; done';
    execFileSync('sh', ['-c', script]);
    const seen = [];
    for await (const event of source.events) {
      if (event.kind === 'access' && event.tracer.comm === 'strace') seen.push(event.time);
      // strace attaches to a child of its own at its start, to try what the kernel can.
      if (seen.length === 50) break;
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('ends at close(), and lets the process end', async () => {
    const source = openAccessSource({ sources: CONNECTOR });
    const end = next(source, 1);
    source.close();
    expect(await end).toEqual([]);
    expect(opening([], MODULES)).toBe('opened\n');
  });

  it('keeps the process alive, unless unref() was called', async () => {
    const code = (call: string) => `
      import { openAccessSource } from '${join(MODULES, 'kernel', 'access-events.js')}';
      openAccessSource({ sources: ['process-connector'] })${call};
      console.log('open');`;
    const start = (call: string) =>
      spawn(process.execPath, ['--input-type=module', '-e', code(call)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const [ended] = await once(start('.unref()'), 'exit');
    expect(ended).toBe(0);
    const held = start('');
    await once(held.stdout, 'data');
    // The other one took this long for all of its life.
    await once(start('.unref()'), 'exit');
    expect(held.exitCode).toBe(null);
    held.kill();
  });

  it('ends with its worker', async () => {
    for (let at = 0; at < 5; at++) {
      const code = `
        import('${join(MODULES, 'kernel', 'access-events.js')}').then(async ({ openAccessSource }) => {
          const source = openAccessSource({ sources: ['process-connector'] });
          require('node:worker_threads').parentPort.postMessage('open');
          for await (const event of source.events) require('node:worker_threads').parentPort.postMessage(event);
        });`;
      const worker = new Worker(code, { eval: true });
      await once(worker, 'message');
      await worker.terminate();
    }
  });

  it.runIf(IS_ROOT).each([
    ['pid', ['unshare', '--pid', '--fork', '--mount-proc'], /in a pid namespace of its own/],
    ['network', ['unshare', '--net'], /in a network namespace of its own/],
  ])('says that it is not seen in another %s namespace', (_, before, message) => {
    const said = opening(before, MODULES);
    expect(said).toMatch(/^ERR_TRACEGATE_CANNOT_WATCH /);
    expect(said).toMatch(message);
  });
});
