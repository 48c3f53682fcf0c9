// Processes that end, or are killed, in the middle of probes.
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ProbeOptions } from '../../lib/index.js';
import { start, startEcho, statusOf } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { times } from '../helpers/tier.js';
import { statusBecomes } from '../helpers/waits.js';

const fixture = fileURLToPath(new URL('../fixtures/exit-while-probing.mjs', import.meta.url));

// A stranger to a root process has none of its capabilities, so may not attach: an ordinary user's target it is.
const NOBODY = 65534;
const ORDINARY = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

const KINDS: [string, ProbeOptions][] = [
  ['access', {}],
  ['seize', { method: 'seize' }],
  ['attach by a child of its own', { method: 'attach' }],
  ['attach by a stranger', { method: 'attach', as: 'stranger' }],
  ['seize by a stranger', { method: 'seize', as: 'stranger' }],
  ['traceme', { method: 'traceme' }],
];

function startProbing(targets: number[], options: ProbeOptions, how: 'exit' | 'exit-now' | 'wait') {
  const command = [process.execPath, fixture, JSON.stringify(targets), JSON.stringify(options), how];
  const node = start(compile('with-parent.c'), command);
  onTestFinished(() => node.kill());
  return node;
}

// More than the thread pool has threads.
const TARGETS = 6;

async function startTargets() {
  const withParent = compile('with-parent.c');
  const targets = await Promise.all(Array.from({ length: TARGETS }, () => startEcho(withParent, ORDINARY)));
  onTestFinished(() => {
    for (const target of targets) target.kill();
  });
  const pids = targets.map(({ pid }) => pid);
  return {
    pids,
    async areUnharmed() {
      expect(pids.map(pid => statusOf(pid, 'TracerPid'))).toEqual(pids.map(() => '0'));
      for (const target of targets) expect(await target.answers()).toBe(true);
    },
    async end() {
      const ends = await Promise.all(targets.map(target => target.end()));
      expect(ends).toEqual(targets.map(() => ({ code: 0, signal: null, stderr: '' })));
    },
  };
}

async function startStuck() {
  const child = start(compile('with-parent.c'), [compile('vfork-stuck.c')], ORDINARY);
  onTestFinished(() => child.kill());
  return { child, target: Number((await child.line()).split(' ')[1]) };
}

// node.closed is the end of stderr, which every helper inherits: it comes when no helper is left.

describe.each(KINDS)('process.exit(7) in the middle of probes by %s', (_, options) => {
  it.each(['exit', 'exit-now'] as const)(
    'exits with 7, prints nothing, and leaves every target as it was (%s)',
    async how => {
      const targets = await startTargets();
      for (let round = 0; round < times(1, 3); round++) {
        const node = startProbing(targets.pids, options, how);
        expect(await node.closed).toEqual({ code: 7, signal: null, stderr: '' });
        await targets.areUnharmed();
      }
      await targets.end();
    },
  );
});

describe.each(KINDS)('kill -9 in the middle of probes by %s', (_, options) => {
  it('leaves no helper, and the target runs untraced', async () => {
    const targets = await startTargets();
    for (let round = 0; round < times(1, 3); round++) {
      const node = startProbing(targets.pids, options, 'wait');
      for (let batch = 0; batch <= round; batch++) await node.line();
      node.kill();
      expect(await node.closed).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });
      await targets.areUnharmed();
    }
    await targets.end();
  });
});

describe.each<[string, ProbeOptions]>([
  ['a child of its own', { method: 'attach' }],
  ['a stranger', { method: 'attach', as: 'stranger' }],
])('kill -9 while a helper that is %s has its target attached', (_, options) => {
  it('leaves no helper, and the target runs on', async () => {
    // No stop reaches it, so the attach lasts until the helper gives up: the kill is surely in the middle of it.
    const { child, target } = await startStuck();
    const node = startProbing([target], options, 'wait');
    await statusBecomes(target, 'TracerPid', 'is-not', 0);
    node.kill();
    expect(await node.closed).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });

    expect(statusOf(target, 'TracerPid')).toBe('0');
    child.say('x');
    expect(await child.line()).toBe('running');
    expect(statusOf(target, 'State')).not.toMatch(/^[Tt]/);
    expect(await child.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
