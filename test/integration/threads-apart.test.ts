// Credentials belong to a thread, and memory to the process: a tracer of one thread has the memory of all. So each
// thread of a process counts, even if the first one, which /proc/PID/status shows, refuses. strace and open(2) of
// /proc/TID/mem ask the kernel about the threads.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import { probe, probeSync } from '../../lib/index.js';
import { reach } from '../../lib/policy/index.js';
import { factsOf, observe } from '../../lib/snapshot.js';
import { tracegate, validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { AS_USER, IS_ROOT, PUBLIC_DIST, straceAttaches } from '../helpers/processes.js';

async function apart(way: 'capabilities' | 'ids' | 'filter') {
  const child = spawn(compile('threads-apart.c'), [way], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.stdin.end());
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { pid: child.pid!, tid: Number(line) };
}

const line = (tid: number, name: string) =>
  new RegExp(`^${name}:\\t(.*)$`, 'm').exec(readFileSync(`/proc/${tid}/status`, 'utf8'))?.[1];

/** Whether root without a capability may open the memory of a thread. */
function opensWithoutCapabilities(tid: number): boolean {
  const { status, stderr } = spawnSync(
    'setpriv',
    ['--bounding-set=-all', '--inh-caps=-all', 'sh', '-c', `exec 3</proc/${tid}/mem`],
    { encoding: 'utf8' },
  );
  expect(stderr === '' || stderr.includes('Permission denied')).toBe(true);
  return status === 0;
}

describe.runIf(IS_ROOT)('as root, which can give its threads different rights', () => {
  it.each(['capabilities', 'ids', 'filter'] as const)('%s: the facts list that thread', async way => {
    const { pid, tid } = await apart(way);
    const facts = factsOf(pid)!;
    expect(facts.threadRights).toEqual([
      {
        tid,
        uids: ids(tid, 'Uid'),
        gids: ids(tid, 'Gid'),
        capPermitted: line(tid, 'CapPrm'),
        capEffective: line(tid, 'CapEff'),
        capInheritable: line(tid, 'CapInh'),
        capBounding: line(tid, 'CapBnd'),
        seccomp: line(tid, 'Seccomp') === '2' ? 'filter' : 'none',
        noNewPrivs: line(tid, 'NoNewPrivs') === '1',
      },
    ]);
    const listed = observe().processes.find(each => each.pid === pid);
    expect(listed).toEqual({ ...facts, threads: 2 });
    // Of the thread itself it is the first one that differs.
    expect(factsOf(tid)?.threadRights).toMatchObject([{ tid: pid }]);
  });

  it('a stranger without capabilities may attach to a thread that dropped its capabilities', async () => {
    const { pid, tid } = await apart('capabilities');
    expect([pid, tid].map(opensWithoutCapabilities)).toEqual([false, true]);
    const answer = { pid, outcome: 'allowed', code: null, thread: tid };
    expect(probeSync(pid, { as: 'stranger' })).toMatchObject(answer);
    expect(await probe(pid, { as: 'stranger', method: 'seize' })).toMatchObject(answer);
    expect(probeSync(pid)).toMatchObject({ outcome: 'allowed', thread: null });
    const explanation = explainSync(pid, { tracer: 'stranger' });
    // Whether root's process is dumpable isn't seen.
    expect(explanation).toMatchObject({
      verdict: 'unknown',
      threads: { target: tid },
      observed: { outcome: 'allowed' },
      answer: 'allowed',
    });
    const { code, stdout } = await tracegate(['probe', `${pid}`, '--as', 'stranger', '--json']);
    expect(code).toBe(0);
    expect(validated('probe', stdout)).toMatchObject({ results: [answer] });
  });

  it('a thread that has become a user is open to that user', async () => {
    const { pid, tid } = await apart('ids');
    expect(await straceAttaches(pid, AS_USER)).toBeNull();
    const strace = await straceAttaches(tid, AS_USER);
    await strace!.detach();
    const main = join(PUBLIC_DIST, 'cli.cjs');
    const asUser = (...words: string[]) => promisify(execFile)(process.execPath, [main, ...words], AS_USER);
    const { stdout } = await asUser('explain', `${pid}`);
    expect(stdout).toContain(`thread ${tid} of the target`);
    const json = await asUser('explain', `${pid}`, '--json');
    expect(validated('explain', json.stdout)).toMatchObject({ answer: 'allowed', threads: { target: tid } });
  });

  it('the map has an edge from the user to it, as to a process of that user', async () => {
    const { pid } = await apart('ids');
    const user = spawn('sleep', ['1000'], AS_USER);
    onTestFinished(() => void user.kill());
    await once(user, 'spawn');
    const { possible } = reach(observe(), user.pid!, { scope: 0 });
    // Whether root's process is dumpable isn't seen.
    expect(possible.map(reached => reached.pid)).toContain(pid);
  });
});

const NAMES = ['real', 'effective', 'saved', 'fs'];
const ids = (tid: number, name: string) =>
  Object.fromEntries(
    line(tid, name)!
      .split('\t')
      .map((id, at) => [NAMES[at], Number(id)]),
  );

it('a process whose threads are alike is asked once', async () => {
  expect(factsOf(process.pid)?.threadRights).toEqual([]);
  expect(probeSync(process.ppid)).toMatchObject({ thread: null });
});
