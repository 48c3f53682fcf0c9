// Compares explain() at each scope with the kernel's answer to the process in question.
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import type { Explanation } from '../../lib/index.js';
import { matchers, type Relation, spawnRelative } from '../../lib/testing/index.js';
import { REFUSED, startContainer } from '../helpers/container.js';
import { AS_USER, ObedientProcess } from '../helpers/processes.js';
import { itAtOneScope, labScope, requirePowers, scope } from './scope.js';

/** An ordinary user's process that asks: no test changes it, and a start of Node takes a second in the lab. */
let asker: ObedientProcess;

beforeAll(async () => {
  requirePowers();
  if (labScope === null)
    throw new Error('run this in the lab: scripts/lab --scope 1 -- npx vitest run --project scopes');
  asker = await ObedientProcess.startShared();
  return () => asker.end();
});

async function relative(relation: Relation, uid = 1000) {
  const found = await spawnRelative(relation, { credentials: { uid, gid: uid } });
  onTestFinished(() => found.end());
  return found;
}

/** At scope 0, 1, 2, 3. */
const at = <T>(...values: [T, T, T, T]): T => values[scope ?? 0] as T;

describe('a sibling of the same uid', () => {
  it('may attach at 0; above that a rule of Yama refuses, and the kernel agrees', async () => {
    const target = await relative('child');
    const answer: Explanation = await asker.call('explain', target.pid);
    expect(answer).toMatchObject({
      answer: at('allowed', 'denied', 'denied', 'denied'),
      // The declared tracer of the target can't be read, so the kernel is asked.
      verdict: at('allowed', 'unknown', 'denied', 'denied'),
      agrees: at<boolean | null>(true, null, true, true),
      refusedBy: at([], ['yama-relation'], ['yama-scope'], ['yama-scope']),
      scope: { value: scope },
    });
    const titles = answer.remedies.flatMap(({ actions }) => actions.map(({ what }) => what));
    // At 3 nothing else helps. Nowhere is Yama switched off.
    if (scope === 1 || scope === 2) expect(titles[0]).not.toContain('ptrace_scope');
    if (scope === 3) expect(titles[0]).toMatch(/ptrace_scope to 1 .* reboots/);
    expect(titles.join('\n')).not.toContain('ptrace_scope to 0');
    if (scope === 1) expect(answer.remedies[1]?.actions[0]?.call).toContain(`setPtracer(${asker.pid})`);
  });

  it('that is declared may attach at 1: the kernel decides what cannot be seen', async () => {
    const target = await relative('child');
    await target.setPtracer(asker.pid);
    expect(await asker.call('explain', target.pid)).toMatchObject({
      answer: at('allowed', 'allowed', 'denied', 'denied'),
    });
  });

  it('may attach after it followed a remedy', async () => {
    if (scope !== 1) return; // elsewhere no declaration changes anything
    const target = await relative('child');
    await target.setDumpable('disabled');
    const closed: Explanation = await asker.call('explain', target.pid);
    expect(closed).toMatchObject({ answer: 'denied', refusedBy: ['dumpable'] });
    const together = closed.remedies.find(({ actions }) => actions.every(({ who }) => who === 'the target'));
    expect(together?.actions).toHaveLength(2);
    await target.setPtracer(asker.pid);
    await target.setDumpable('user');
    expect(await asker.call('explain', target.pid)).toMatchObject({ answer: 'allowed' });
  });
});

describe('without asking', () => {
  it('an ancestor passes at 1 by its ancestry', async () => {
    const child: number = await asker.call('startChild');
    const answer = explainSync(child, { tracer: asker.pid });
    expect(answer).toMatchObject({ verdict: at('allowed', 'allowed', 'denied', 'denied'), observed: null });
    expect(await asker.call('explain', child)).toMatchObject({ agrees: true });
  });

  it('READ access is untouched at every scope', async () => {
    const target = await relative('child');
    for (const mode of ['read', 'environ']) {
      const answer = await asker.call('explain', target.pid, { mode });
      expect(answer).toMatchObject({ answer: 'allowed', agrees: true });
    }
    await target.setDumpable('disabled');
    for (const mode of ['read', 'environ', 'mem', 'vm-read']) {
      const answer = await asker.call('explain', target.pid, { mode });
      expect(answer).toMatchObject({ answer: 'denied', agrees: true });
    }
  });

  it('root is refused at 3 only', async () => {
    const target = await relative('stranger');
    expect(explainSync(target.pid)).toMatchObject({
      answer: at('allowed', 'allowed', 'allowed', 'denied'),
      agrees: true,
    });
    expect(explainSync(target.pid, { mode: 'environ' })).toMatchObject({ answer: 'allowed', agrees: true });
  });

  it('TRACEME is allowed at 0 and 1, needs the capability of the parent at 2, and is refused at 3', async () => {
    const gdbWorks = (from: { call: ObedientProcess['call']; pid: number }) =>
      from.call('explain', from.pid, { tracer: from.pid, mode: 'traceme' });
    expect(await gdbWorks(asker)).toMatchObject({
      answer: at('allowed', 'allowed', 'denied', 'denied'),
      agrees: true,
    });
    const root = await ObedientProcess.start('');
    expect(await gdbWorks(root)).toMatchObject({
      answer: at('allowed', 'allowed', 'allowed', 'denied'),
      agrees: true,
    });
  });

  it('the answer for a stranger comes from a stranger', async () => {
    const target = await relative('child');
    expect(explainSync(target.pid, { tracer: 'stranger' })).toMatchObject({
      answer: at('allowed', 'denied', 'denied', 'denied'),
    });
  });
});

// gdb's and strace's own way in: where the kernel lets users make user namespaces at all.
it('at 2 an ordinary user may trace a program in a new user namespace, as a remedy says', async () => {
  const strace = (...before: string[]) =>
    spawnSync(
      before[0] ?? 'strace',
      [...before.slice(1), ...(before.length > 0 ? ['strace'] : []), '-qq', '-o', '/dev/null', 'true'],
      AS_USER,
    );
  expect(strace().status).toBe(at(0, 0, 1, 1));
  expect(strace('unshare', '--map-root-user').status).toBe(at(0, 0, 0, 1));
  const target = await relative('child');
  const { remedies }: Explanation = await asker.call('explain', target.pid);
  const commands = remedies.flatMap(({ actions }) => actions.map(({ command }) => command));
  expect(commands.includes('unshare --map-root-user gdb --args PROGRAM')).toBe(scope === 2);
});

itAtOneScope('root of a container may attach up to 2, and is offered as a remedy there', async () => {
  const target = await relative('stranger', 4711);
  const command = `sudo gdb -p ${target.pid}`;
  const { user, debugAsRoot } = await startContainer();
  const { remedies, surroundings }: Explanation = await user.call('explain', target.pid);
  expect(surroundings).toBe('container');
  const alone = remedies.filter(({ actions }) => actions.length === 1);
  expect(REFUSED.test(debugAsRoot(command))).toBe(scope === 3);
  expect(alone.some(({ actions: [only] }) => only?.command === command)).toBe(scope !== 3);
});

it('a matcher fails on unknown, with and without not', async () => {
  const [target, neighbour] = [await relative('child'), await relative('sibling')];
  const asked = (isNot: boolean) => matchers.toBeAttachableBy.call({ isNot }, target.pid, neighbour.pid);
  const [straight, negated] = [await asked(false), await asked(true)];
  // Passing means failing where it is negated.
  if (scope === 1) expect([straight.pass, negated.pass]).toEqual([false, true]);
  else expect([straight.pass, negated.pass]).toEqual(Array(2).fill(scope === 0));
});
