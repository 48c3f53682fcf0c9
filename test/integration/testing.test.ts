// tracegate/testing: matchers in vitest and in jest's expect, and relatives that the kernel knows as such.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect as jestExpect } from 'expect';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPtraceScope } from '../../lib/index.js';
import { dumpableToldOf } from '../../lib/kernel/dumpable.js';
import {
  assertAttachable,
  assertAttachableBy,
  assertAttachableByStranger,
  assertNotAttachable,
  assertNotAttachableBy,
  assertNotAttachableByStranger,
  matchers,
  type ProcessLike,
  type Relation,
  type RelativeOptions,
  spawnRelative,
  type TracingMatchers,
} from '../../lib/testing/index.js';
import { DIST, IS_ROOT, settledState, sleeper, statusField, USER } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { ended } from '../helpers/waits.js';

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as vitest declares it
  interface Matchers<T = any> extends TracingMatchers<T> {}
}
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends TracingMatchers<R> {}
}
expect.extend(matchers);
jestExpect.extend(matchers as Parameters<typeof jestExpect.extend>[0]);

const running = readPtraceScope();
const scope = running.state === 'present' ? running.value : 0;

/** An ordinary user of the same uid on both sides. */
const ordinary: RelativeOptions = IS_ROOT ? { credentials: { uid: USER, gid: USER } } : {};

async function relative(relation: Relation, options = ordinary) {
  const found = await spawnRelative(relation, options);
  onTestFinished(() => found.end());
  return found;
}

const parentOf = (pid: number) => Number(statusField(pid, 'PPid'));

describe('a relative', BY_USER_TOO, () => {
  it('is as /proc shows it', async () => {
    const [child, sibling, grandchild, orphan, stranger] = await Promise.all(
      (['child', 'sibling', 'grandchild', 'orphan', 'stranger'] as const).map(relation => relative(relation)),
    );
    expect(parentOf(child!.pid)).toBe(process.pid);
    expect(parentOf(sibling!.pid)).toBe(process.pid);
    expect(parentOf(parentOf(grandchild!.pid))).toBe(process.pid);
    for (const { pid } of [orphan!, stranger!]) {
      const above = [process.pid, process.ppid];
      // Its parent is init, or a subreaper that is nearer.
      for (let at = parentOf(pid); at > 1; at = parentOf(at)) expect(above[0]).not.toBe(at);
    }
    expect(statusField(stranger!.pid, 'CapPrm')).toBe('0000000000000000');
  });

  it('ends on request, with its middle process', async () => {
    const grandchild = await spawnRelative('grandchild');
    const middle = parentOf(grandchild.pid);
    await grandchild.end();
    await grandchild.end();
    for (const pid of [grandchild.pid, middle]) {
      expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow(/ENOENT|ESRCH/);
    }
    await expect(grandchild.probe(process.pid)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_HELPER_FAILED',
    });
  });

  it('keeps its process running only while a command waits for an answer', async () => {
    const program = `
      import { spawnRelative } from '${DIST}/testing.js';
      const relations = ['child', 'sibling', 'grandchild', 'orphan', 'stranger'];
      const relatives = await Promise.all(relations.map(relation => spawnRelative(relation)));
      for (const relative of relatives) await relative.setDumpable('disabled');
      await relatives[0].end();
      console.log(JSON.stringify(relatives.slice(1).map(({ pid }) => pid)));
      // The others are never ended, as by a test that fails.`;
    const node = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void node.kill());
    const [said, [exitCode]] = await Promise.all([text(node.stdout), once(node, 'close')]);
    expect(exitCode).toBe(0);
    await ended(...JSON.parse(said));
  });

  it('opts out and in again, visible from outside', async () => {
    const target = await relative('stranger');
    const tracer = await relative('stranger');
    const answer = async () => (await tracer.probe(target)).outcome;
    const open = scope === 0 ? 'allowed' : 'denied';
    expect(await answer()).toBe(open);
    await target.setDumpable('disabled');
    expect(await answer()).toBe('denied');
    await target.setDumpable('user');
    await target.setPtracer(tracer);
    expect(await answer()).toBe(scope <= 1 ? 'allowed' : 'denied');
  });

  it('can ask by a real attach as well', async () => {
    const [child, neighbour] = await Promise.all([relative('child'), relative('sibling')]);
    const { outcome } = await neighbour.probe(child, { method: 'attach' });
    expect(outcome).toBe(scope === 0 ? 'allowed' : 'denied');
    expect(await settledState(child.pid)).toBe('S');
  });

  it.each(['cousin', '', null, 'toString'])('%j is no relation', async relation => {
    await expect(spawnRelative(relation as Relation)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_INVALID_OPTION',
    });
  });

  (IS_ROOT ? null : it)?.('cannot take the ids of another without root', async () => {
    await expect(spawnRelative('stranger', { credentials: { uid: 0, gid: 0 } })).rejects.toMatchObject({
      name: 'SyscallError',
      code: 'EPERM',
    });
  });
});

/** The message with which a matcher fails. */
async function failure(assertion: () => unknown): Promise<string> {
  try {
    await assertion();
  } catch (error) {
    return (error as Error).message;
  }
  return 'it passed';
}

/** The assertions in the words of the matchers. */
const asserting = (target: ProcessLike) => ({
  toBeAttachable: () => assertAttachable(target),
  toBeAttachableBy: (tracer: number) => assertAttachableBy(target, tracer),
  toBeAttachableByStranger: () => assertAttachableByStranger(target),
  not: {
    toBeAttachable: () => assertNotAttachable(target),
    toBeAttachableBy: (tracer: number) => assertNotAttachableBy(target, tracer),
    toBeAttachableByStranger: () => assertNotAttachableByStranger(target),
  },
});

it('an assertion fails with an AssertionError, whose stack begins at its caller', () => {
  try {
    (function caller() {
      assertAttachable(process.pid);
    })();
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({
      name: 'AssertionError',
      code: 'ERR_ASSERTION',
      operator: 'assertAttachable',
    });
    const frames = (error as Error).stack!.split('\n').filter(line => /^ {4}at /.test(line));
    expect(frames[0]).toContain('at caller ');
  }
});

describe.each([
  ['the matchers of vitest', expect],
  ['the matchers of jest', jestExpect as unknown as typeof expect],
  ['the assertions', asserting as unknown as typeof expect],
])('%s', BY_USER_TOO, (_name, expectIn) => {
  it('pass for a process that this one may attach to, and fail with the explanation', async () => {
    const { pid, process: child } = await sleeper();
    expectIn(pid).toBeAttachable();
    expectIn(child).toBeAttachable();
    const message = await failure(() => expectIn(pid).not.toBeAttachable());
    expect(message).toContain('expected the process not to be attachable by this process');
    expect(message).toContain('credentials');
    expectIn(process.pid).not.toBeAttachable();
    expect(await failure(() => expectIn(process.pid).toBeAttachable())).toContain(
      'a process cannot attach to itself',
    );
  });

  it('fail, and their negations too, for a pid that no process has', async () => {
    const nobody = 2 ** 31 - 1;
    const asker = await relative('child');
    for (const ask of [
      () => expectIn(nobody).toBeAttachable(),
      () => expectIn(nobody).not.toBeAttachable(),
      () => expectIn(nobody).toBeAttachableByStranger(),
      () => expectIn(nobody).not.toBeAttachableByStranger(),
      () => expectIn(nobody).toBeAttachableBy(asker),
      () => expectIn(nobody).not.toBeAttachableBy(asker),
    ])
      expect(await failure(ask)).toContain('no process has');
  });

  it('pass for a stranger until the target opts out', async () => {
    const target = await relative('child');
    if (scope === 0) expectIn(target).toBeAttachableByStranger();
    await target.setDumpable('disabled');
    expectIn(target).not.toBeAttachableByStranger();
    expect(await failure(() => expectIn(target).toBeAttachableByStranger())).toContain(
      'the target is not dumpable',
    );
  });

  (IS_ROOT ? it : null)?.(
    'fail, and their negations too, for a process of root that only its capabilities close',
    async () => {
      const target = await relative('child', {});
      const negated = () => failure(() => expectIn(target).not.toBeAttachableByStranger());
      const message = await negated();
      expect(message).toContain('Only its capabilities keep a stranger out: the target has not opted out');
      expect(message).toContain('capability-subset');
      expect(await failure(() => expectIn(target).toBeAttachableByStranger())).toContain('not opted out');
      await target.setDumpable('disabled');
      const isTold = dumpableToldOf(target.pid) !== null; // from Linux 6.16 on
      expect(await negated()).toEqual(
        isTold ? 'it passed' : expect.stringContaining("whether the target has opted out isn't seen"),
      );
      const own = await failure(() => expectIn(process.pid).not.toBeAttachableByStranger());
      expect(own).toContain('the target has not opted out');
    },
  );

  it('ask a relative itself, and compute the answer for any other process', async () => {
    const [target, tracer] = await Promise.all([relative('child'), relative('sibling')]);
    await target.setDumpable('disabled');
    await expectIn(target).not.toBeAttachableBy(tracer);
    expectIn(target).not.toBeAttachableBy(tracer.pid);
    expect(await failure(() => expectIn(target).toBeAttachableBy(tracer))).toContain(
      `The kernel said EPERM to process ${tracer.pid}`,
    );
    const parent = await relative('child');
    expectIn(parent).toBeAttachableBy(process.pid);
  });
});
