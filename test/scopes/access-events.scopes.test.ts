// The sources of access events in the stock kernels, at each scope. The oracle is a program that makes the accesses, and tells
// what each call returned (test/fixtures/accesses.c). Each kernel has tests of its own: uml has neither source, and arm64's
// 6.1 can't trace functions by BPF.
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { getSystemErrorMap } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type AccessEvent,
  type AccessSource,
  openAccessSource,
  type Way,
} from '../../lib/kernel/access-events.js';
import { PARANOID_BEFORE, setParanoid } from '../differential/paranoia.js';
import { Random } from '../differential/random.js';
import { compile } from '../helpers/compile.js';
import { AS_USER, MODULES, statusField, USER } from '../helpers/processes.js';
import { SEED, times } from '../helpers/tier.js';
import { itAtOneScope, kernelName, requirePowers, scope, scopeName } from './scope.js';

type Answer = [error: string | null, pid: number];

/** A process that makes accesses on command, and is the target of others. */
class Accessor {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(user: { uid?: number; gid?: number } = {}, before: readonly string[] = []) {
    const [program = '', ...words] = [...before, compile('accesses.c')];
    this.#process = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], ...user });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    onTestFinished(() => void this.#process.stdin.end());
  }

  get pid() {
    return this.#process.pid!;
  }

  async ask(command: string, pid = 0): Promise<Answer> {
    this.#process.stdin.write(`${command} ${pid}\n`);
    const { value } = await this.#lines.next();
    const [error = -1, target = 0] = String(value).split(' ').map(Number);
    if (error < 0) throw new Error(`${command} ${pid}: ${value}`);
    return [error === 0 ? null : (getSystemErrorMap().get(-error)?.[0] ?? `${error}`), target];
  }
}

/** What the events of a source are up to an access by `last` to `pid` by kcmp, which the caller makes afterwards. */
async function eventsOf(source: AccessSource, last: Accessor, pid: number): Promise<AccessEvent[]> {
  const events: AccessEvent[] = [];
  await last.ask('kcmp', pid);
  for await (const event of source.events) {
    if (event.kind === 'access' && event.tracer.pid === last.pid) break;
    events.push(event);
  }
  return events;
}

const accesses = (events: readonly AccessEvent[]) =>
  events.filter((event): event is Extract<AccessEvent, { kind: 'access' }> => event.kind === 'access');

/** Any process of root's to any of root's. */
function sentinels() {
  return [new Accessor(), new Accessor()] as const;
}

/** Another answer than these comes after the decision, which has allowed the access. */
const REFUSALS = ['EPERM', 'EACCES'];

const WAYS: readonly Way[] = [
  'attach',
  'seize',
  'traceme',
  'process_vm_readv',
  'process_vm_writev',
  'mem',
  'pidfd_getfd',
  'kcmp',
  'perf_event_open',
  'read',
];

const without = (...ways: Way[]) => WAYS.filter(way => !ways.includes(way));

const PAIRS: readonly [title: string, of: () => Promise<[Accessor, number, readonly Way[]]>][] = [
  // The kernel asks no rule about perf_event_open by root, who has CAP_PERFMON.
  ['root and a user', async () => [new Accessor(), new Accessor(AS_USER).pid, without('perf_event_open')]],
  ['two neighbours', async () => [new Accessor(AS_USER), new Accessor(AS_USER).pid, WAYS]],
  [
    'a parent and its child',
    async () => {
      const parent = new Accessor(AS_USER);
      const [, child] = await parent.ask('child');
      return [parent, child, WAYS];
    },
  ],
  [
    'any process and one that declared so',
    async () => {
      const target = new Accessor(AS_USER);
      await target.ask('declare', -1);
      return [new Accessor(AS_USER), target.pid, WAYS];
    },
  ],
  // The mode of the files refuses before any rule.
  ['a user and root', async () => [new Accessor(AS_USER), new Accessor().pid, without('mem', 'read')]],
];

/** Who a process is, by /proc. */
const taskOf = (pid: number) => ({
  pid,
  tid: pid,
  startTime: Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21]),
  comm: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
  uid: Number(statusField(pid, 'Uid').split('\t')[1]),
});

const onBpf = kernelName === 'qemu' ? describe : null;

onBpf?.(`BPF at ${scopeName}`, () => {
  beforeAll(() => {
    requirePowers();
    // Debian's value, 3, refuses users before any rule of tracing.
    setParanoid(2);
  });
  afterAll(() => setParanoid(PARANOID_BEFORE));

  it.each(PAIRS)('reports each way in with its outcome, between %s', async (_, of) => {
    const [tracer, target, ways] = await of();
    const [last, end] = sentinels();
    const source = openAccessSource({ reads: true });
    expect(source.name).toBe('bpf');
    const expected = [];
    for (const way of ways) {
      const [error, pid] = await tracer.ask(way === 'read' ? 'environ' : way, target);
      const refused = REFUSALS.includes(error ?? '');
      expected.push([way, pid, refused ? 'refused' : 'allowed', refused ? error : null]);
    }
    const events = await eventsOf(source, last, end.pid);
    const seen = accesses(events).filter(event => event.tracer.pid === tracer.pid);
    const isChild = (pid: number) => statusField(pid, 'PPid') === `${tracer.pid}`;
    for (const event of seen) {
      expect(event).toMatchObject({
        isDescendant: event.way === 'traceme' || isChild(target),
        tracerCapEffective: statusField(tracer.pid, 'CapEff'),
        sharesUserNs: true,
      });
    }
    expect(seen.map(event => [event.way, event.target.pid, event.decision, event.error])).toEqual(expected);
    // Each attach that succeeded has an end.
    const traced = seen.filter(
      ({ way, decision }) => ['attach', 'seize', 'traceme'].includes(way) && decision === 'allowed',
    );
    const ends = events.filter(event => event.kind === 'end' && event.tracer.pid === tracer.pid);
    expect(ends.map(event => event.kind === 'end' && event.target.pid)).toEqual(
      traced.map(event => event.target.pid),
    );
  });

  it('reports who both sides are, also those of an attach that fails after it was allowed', async () => {
    const [holder, second, target] = [new Accessor(), new Accessor(), new Accessor(AS_USER)];
    const last = new Accessor();
    const source = openAccessSource({ pid: target.pid });
    const began = Date.now();
    const [error] = await holder.ask('hold', target.pid);
    const [secondError] = await second.ask('attach', target.pid);
    expect([error, secondError]).toEqual([scope === 3 ? 'EPERM' : null, 'EPERM']);
    const events = accesses(await eventsOf(source, last, target.pid));
    const decision = scope === 3 ? 'refused' : 'allowed';
    const access = {
      kind: 'access',
      time: expect.any(Number),
      target: taskOf(target.pid),
      mode: 0x12,
      decision,
      isDescendant: false,
      tracerCapEffective: statusField(holder.pid, 'CapEff'),
      sharesUserNs: true,
    };
    expect(events).toEqual([
      { ...access, way: 'seize', tracer: taskOf(holder.pid), error },
      { ...access, way: 'attach', tracer: taskOf(second.pid), error: 'EPERM' },
    ]);
    expect(taskOf(target.pid)).toMatchObject({ comm: expect.stringMatching(/^accesses/), uid: USER });
    for (const { time } of events) {
      expect(time).toBeGreaterThan(began - 1);
      expect(time).toBeLessThan(Date.now() + 1);
    }
  });

  it('tells a descendant as Yama does, and another user namespace', async () => {
    const tracer = new Accessor();
    const [last, end] = sentinels();
    const [, child] = await tracer.ask('child');
    const [, grandchild] = await tracer.ask('grandchild');
    const [, orphan] = await tracer.ask('orphan');
    const inside = new Accessor({}, ['unshare', '--user']);
    await inside.ask('child');
    const source = openAccessSource();
    const targets = [child, grandchild, orphan, inside.pid];
    for (const target of targets) await tracer.ask('kcmp', target);
    const events = accesses(await eventsOf(source, last, end.pid));
    expect(
      events
        .filter(event => event.tracer.pid === tracer.pid)
        .map(({ target, isDescendant, sharesUserNs }) => [target.pid, isDescendant, sharesUserNs]),
    ).toEqual([
      [child, true, true],
      [grandchild, true, true],
      [orphan, false, true],
      [inside.pid, false, false],
    ]);
  });

  it('reports declarations', async () => {
    const [process, declared] = [new Accessor(AS_USER), new Accessor(AS_USER)];
    const [last, end] = sentinels();
    const source = openAccessSource();
    for (const tracer of [declared.pid, -1, 0]) await process.ask('declare', tracer);
    // Yama refuses a process that doesn't exist.
    expect(await process.ask('declare', 2 ** 22 + 1)).toEqual(['EINVAL', 2 ** 22 + 1]);
    const events = await eventsOf(source, last, end.pid);
    expect(events.filter(({ kind }) => kind === 'declaration')).toEqual(
      [declared.pid, 'any', 'none'].map(tracer => ({
        kind: 'declaration',
        time: expect.any(Number),
        process: taskOf(process.pid),
        tracer,
      })),
    );
  });

  it('reports reads only if asked, and only accesses to one process if asked', async () => {
    const [tracer, target, other] = [new Accessor(), new Accessor(AS_USER), new Accessor(AS_USER)];
    const last = new Accessor();
    for (const reads of [false, true]) {
      const source = openAccessSource({ pid: target.pid, reads });
      for (const to of [other, target]) {
        await tracer.ask('environ', to.pid);
        await tracer.ask('mem', to.pid);
      }
      const events = accesses(await eventsOf(source, last, target.pid));
      expect(events.map(event => [event.way, event.target.pid])).toEqual(
        (reads ? ['read', 'mem'] : ['mem']).map(way => [way, target.pid]),
      );
    }
  });

  itAtOneScope('counts what it loses while nobody reads', async () => {
    const [tracer, target] = [new Accessor(), new Accessor(AS_USER)];
    const last = new Accessor();
    const source = openAccessSource({ pid: target.pid });
    await tracer.ask('storm', target.pid);
    // The buffer is full: the last access is lost as well, so what has been read makes room first.
    let [seen, lost] = [0, 0];
    let isOver = false;
    for await (const event of source.events) {
      if (event.kind === 'lost') lost += event.count ?? 0;
      else if (event.kind === 'access' && event.tracer.pid === tracer.pid) seen++;
      else if (event.kind === 'access' && event.tracer.pid === last.pid) break;
      if (lost > 0 && !isOver) {
        isOver = true;
        await last.ask('kcmp', target.pid);
      }
    }
    expect(seen + lost).toBe(100_000);
    expect(Math.min(seen, lost)).toBeGreaterThan(10_000);
  });

  describe('leaves nothing behind in the kernel', () => {
    const counted = () => execFileSync(compile('bpf-links.c'), { encoding: 'utf8' }).split(' ').map(Number);
    const module = join(MODULES, 'kernel', 'access-events.js');
    const code = `import { openAccessSource } from '${module}'; openAccessSource(); console.log('open');`;
    const words = ['--jitless', '--no-expose-wasm', '--input-type=module', '-e', code];
    const open = () => spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });

    /** Milliseconds from the start until it has opened. */
    let opens = 0;

    itAtOneScope('after kill -9', async () => {
      const [links = 0, programs = 0] = counted();
      const began = performance.now();
      const child = open();
      await once(child.stdout, 'data');
      opens = performance.now() - began;
      expect(counted()).toEqual([links + 6, programs + 6]);
      child.kill('SIGKILL');
      await once(child, 'close');
      // The kernel frees a program after a grace period, and a link at once.
      expect(counted()[0]).toBe(links);
    });

    itAtOneScope('after kill -9 at a random time, most often while it opens', async () => {
      const [links] = counted();
      const random = new Random(SEED, 'kill -9');
      for (let round = 0; round < times(1, 50); round++) {
        const child = open();
        await setTimeout(opens * (0.5 + random.below(60) / 100));
        child.kill('SIGKILL');
        await once(child, 'close');
        expect(counted()[0]).toBe(links);
      }
    });
  });

  itAtOneScope('opens for a user with CAP_BPF and CAP_PERFMON, and says what another lacks', async () => {
    const user = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
    const withBoth = ['--inh-caps=+bpf,+perfmon', '--ambient-caps=+bpf,+perfmon'];
    expect(said([...user, ...withBoth])).toBe('opened\n');
    for (const one of ['bpf', 'perfmon']) {
      expect(said([...user, `--inh-caps=+${one}`, `--ambient-caps=+${one}`])).toMatch(
        /^bpf can't be used: it needs root, or CAP_BPF and CAP_PERFMON/,
      );
    }
  });

  itAtOneScope('is refused in another pid namespace, whose pids are others', async () => {
    expect(said(['unshare', '--pid', '--fork', '--mount-proc'])).toMatch(
      /^bpf can't be used: this process is in a pid namespace of its own/,
    );
  });
});

/** The reason why a process can't use BPF, as it says itself; or `opened`. */
function said(before: readonly string[]): string {
  const module = join(MODULES, 'kernel', 'access-events.js');
  const code = `import { openAccessSource } from '${module}';
    try { openAccessSource({ sources: ['bpf'] }).close(); console.log('opened'); } catch (error) { console.log(error.message.split('. ')[1]); }`;
  const [program = '', ...words] = [
    ...before,
    process.execPath,
    ...['--jitless', '--no-expose-wasm', '--input-type=module', '-e', code],
  ];
  return execFileSync(program, words, { encoding: 'utf8' });
}

const onArm64 = kernelName === 'arm64' ? describe : null;

onArm64?.(`arm64's 6.1 at ${scopeName}`, () => {
  it('has the process connector, and says why not BPF', async () => {
    const [tracer, target] = [new Accessor(), new Accessor(AS_USER)];
    const source = openAccessSource({ pid: target.pid });
    expect(source.name).toBe('process-connector');
    expect(source.blind[0]).toMatch(
      /^bpf can't be used: this kernel cannot trace its functions by BPF on this CPU/,
    );
    const [error] = await tracer.ask('attach', target.pid);
    expect(error).toBe(scope === 3 ? 'EPERM' : null);
    source.close();
  });
});

const onUml = kernelName === 'uml' ? describe : null;

onUml?.('uml', () => {
  it('has no source, and the error names the reason of each', () => {
    expect(() => openAccessSource()).toThrow(
      /bpf can't be used: .*CONFIG_DEBUG_INFO_BTF.*process-connector can't be used: this kernel has no connector/,
    );
  });
});
