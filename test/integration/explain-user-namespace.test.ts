// Explanations of targets in other user namespaces, whose links may not be read, compared with the kernel's answer.
import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import type { Explanation } from '../../lib/index.js';
import { reach } from '../../lib/policy/index.js';
import type { ProcessFacts, Snapshot } from '../../lib/snapshot.js';
import { start } from '../fixtures/children.mjs';
import { compile } from '../helpers/compile.js';
import { AS_USER, IS_ROOT, ObedientProcess, sleeper, USER } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

const NAMED = [compile('named.c'), '78'];
const AS_USER_WORDS = IS_ROOT ? `setpriv --reuid ${USER} --regid ${USER} --clear-groups`.split(' ') : [];
const AS_ITS_ROOT = [...AS_USER_WORDS, 'unshare', '--user', '--map-root-user'];

async function startReady(command: string[]): Promise<number> {
  const child = start(compile('with-parent.c'), command);
  onTestFinished(() => child.kill());
  expect(await child.line()).toBe('ready');
  return child.pid;
}

/** A process in a user namespace that root made, so that uid 0 owns it; of its ids it has the user's alone. */
async function madeByRoot(): Promise<number> {
  const pid = await startReady(['unshare', '--user', ...NAMED]);
  for (const map of ['gid_map', 'uid_map']) writeFileSync(`/proc/${pid}/${map}`, `${USER} ${USER} 1\n`);
  return pid;
}

const inside = (pid: number) => `nsenter --target ${pid} --user --setuid ${USER} --setgid ${USER}`.split(' ');

const MODES = ['attach', 'vm-read', 'getfd', 'mem', 'read', 'environ', 'kcmp'] as const;
type Mode = (typeof MODES)[number];

/** By each mode; none of them another answer than the kernel's. */
async function explained(asker: ObedientProcess, pid: number): Promise<Map<Mode, Explanation>> {
  const found = new Map<Mode, Explanation>();
  for (const mode of MODES) {
    const said: Explanation = await asker.call('explain', pid, { mode });
    expect(said.agrees, JSON.stringify(said.steps)).not.toBe(false);
    found.set(mode, said);
  }
  return found;
}

const OF_MEMORY_FILE: readonly string[] = ['mem', 'environ'];
const because = ({ steps }: Explanation) => steps.find(({ rule }) => rule === 'capability-subset')?.because;

it.runIf(IS_ROOT)('a namespace of another uid: the namespace refuses', async () => {
  const user = await ObedientProcess.start();
  const pid = await startReady([...inside(await madeByRoot()), ...NAMED]);
  for (const [mode, said] of await explained(user, pid)) {
    expect(said).toMatchObject({ answer: 'denied', verdict: 'unknown' });
    expect(because(said)).toMatch(/^the target is in another user namespace than the tracer;/);
    // A file that shows the target's own uid may be that of an unseen namespace's root.
    const files = OF_MEMORY_FILE.includes(mode) ? ['file-permission'] : [];
    expect(said.refusedBy).toEqual([...files, 'capability-subset']);
  }
});

it.runIf(IS_ROOT)('a namespace of another uid and not dumpable: either rule may refuse', async () => {
  const user = await ObedientProcess.start();
  const pid = await startReady([...inside(await madeByRoot()), ...NAMED, 'closed']);
  const found = await explained(user, pid);
  // Its memory may belong to the initial namespace, in which no owner of another has a capability.
  expect(found.get('attach')).toMatchObject({
    answer: 'denied',
    refusedBy: ['dumpable', 'capability-subset'],
  });
});

it.runIf(IS_ROOT)(
  'in a map such a process is in another namespace, and no certain path reaches it',
  async () => {
    const user = await ObedientProcess.start();
    const pid = await startReady([...inside(await madeByRoot()), ...NAMED]);
    const neighbour = await sleeper(AS_USER);
    const snapshot: Snapshot = await user.call('observe');
    const row = (of: number) => snapshot.processes.find(facts => facts.pid === of)!;
    const own = snapshot.host.observedAs.userNs;
    expect(row(pid)).toMatchObject({
      userNs: null,
      userNsRuledOut: { id: own, below: false, memory: true },
    });
    expect(row(neighbour.pid)).toMatchObject({ userNs: own, userNsRuledOut: null });
    const alone: ProcessFacts = await user.call('factsOf', pid);
    expect(row(pid)).toEqual(alone);
    const { certain, possible } = reach(snapshot, user.pid, { scope: 0 });
    const isIn = (list: typeof certain) => list.some(one => one.pid === pid);
    expect([isIn(certain), isIn(possible)]).toEqual([false, true]);
  },
);

it.each([
  ['unshare -U', ['unshare', '--user']],
  ['unshare -Ur', ['unshare', '--user', '--map-root-user']],
  ['one in another', ['unshare', '--user', '--map-root-user', 'unshare', '--user', '--map-root-user']],
])('a namespace of the own uid, %s: its creator may attach', BY_USER_TOO, async (_what, through) => {
  const user = await ObedientProcess.start();
  const pid = await startReady([...AS_USER_WORDS, ...through, ...NAMED]);
  for (const [, said] of await explained(user, pid)) {
    if (said.mode === 'read' || said.mode === 'kcmp') expect(said.answer).toBe('allowed');
  }
});

it('from inside a namespace the processes outside are refused', BY_USER_TOO, async () => {
  const asker = await ObedientProcess.start('', AS_ITS_ROOT);
  const outside = await sleeper(AS_USER);
  for (const [, said] of await explained(asker, outside.pid)) {
    expect(said).toMatchObject({ answer: 'denied', verdict: 'denied', agrees: true });
    expect(because(said)).toBe(
      "the target is in another user namespace than the tracer, and the tracer has no CAP_SYS_PTRACE in the target's user namespace",
    );
  }
  const { refusedBy, facts } = (await asker.call('explain', outside.pid)) as Explanation;
  expect(refusedBy).toEqual(['capability-subset']);
  expect(facts.target).toMatchObject({ userNs: null, userNsRuledOut: { below: true } });
});

it('two namespaces side by side: either may refuse, and is named', BY_USER_TOO, async () => {
  const asker = await ObedientProcess.start('', AS_ITS_ROOT);
  const pid = await startReady([...AS_ITS_ROOT, ...NAMED]);
  const said = (await explained(asker, pid)).get('attach')!;
  expect(said).toMatchObject({ answer: 'denied', refusedBy: ['dumpable', 'capability-subset'] });
  expect(because(said)).toMatch(/^the target is in another user namespace than the tracer;/);
  expect(said.facts.target).toMatchObject({ userNs: null, userNsRuledOut: { below: false } });
});
