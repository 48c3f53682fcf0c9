// What map and explain say of a confined program, compared with the kernel's answers to a program that is confined.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Explanation, explainSync, explanationText } from '../../lib/explain/index.js';
import { spawnConfined } from '../../lib/index.js';
import type { Snapshot } from '../../lib/kernel/host.js';
import { observe } from '../../lib/kernel/host.js';
import { confinedProcesses } from '../../lib/kernel/security-modules.js';
import { snapshotLines } from '../../lib/map/snapshot-file.js';
import { type Reach, reach } from '../../lib/policy/reach/reach.js';
import { answered } from '../helpers/answered.js';
import { MAIN, validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { Family } from '../helpers/family.js';
import {
  AS_USER,
  closedTarget,
  IS_ROOT,
  ObedientProcess,
  privateDirectory,
  sleeper,
  USER,
} from '../helpers/processes.js';

const FAMILY = compile('family.c');
const RELATIONS = ['child', 'grandchild', 'orphan'] as const;

const PIPES = { stdio: ['pipe', 'pipe', 'inherit'] as ['pipe', 'pipe', 'inherit'], ...AS_USER };
const free = () => Family.start(spawn(FAMILY, PIPES));
async function confined(): Promise<Family> {
  const child = spawnConfined(FAMILY, [], PIPES);
  await child.report;
  return Family.start(child);
}

const startTimeOf = (pid: number) => observe({ pids: [pid] }).processes[0]!.startTime!;

/** A family that is surely younger than its neighbour. Start times are in ticks of 10 ms, and a start takes less. */
async function withNeighbour(): Promise<{ neighbour: number; family: Family }> {
  const { pid: neighbour } = await sleeper(AS_USER);
  for (;;) {
    const family = await free();
    if (startTimeOf(family.pid) > startTimeOf(neighbour)) return { neighbour, family };
  }
}

const pidsOf = (list: Reach['certain']) => list.map(({ pid }) => pid);

/** How the confined reach has a process. */
function foundIn({ confined }: Reach, pid: number): 'certain' | 'possible' | 'cut' {
  if (pidsOf(confined?.certain ?? []).includes(pid)) return 'certain';
  return pidsOf(confined?.possible ?? []).includes(pid) ? 'possible' : 'cut';
}

describe('the reach of a program, had it been started confined', () => {
  it('is what the confined program really reads, and without confinement it reads the neighbour', async () => {
    const { neighbour, family: here } = await withNeighbour();
    const there = await confined();
    const found = reach(observe(), here.pid, { scope: 0, confined: true });
    const words = { certain: 'allowed', cut: 'refused' };

    expect(await here.reads(neighbour)).toBe('allowed');
    expect(pidsOf(found.certain)).toContain(neighbour);
    expect(foundIn(found, neighbour)).toBe('cut');
    expect(await there.reads(neighbour)).toBe('refused');

    for (const [at, relation] of RELATIONS.entries()) {
      const said = foundIn(found, here.relatives[at]!);
      const answer = await there.reads(there.relatives[at]!);
      // Init has adopted the orphan: nothing shows that it was of the family.
      if (relation === 'orphan') expect([said, answer]).toEqual(['possible', 'allowed']);
      else expect([said, answer], relation).toEqual(['certain', words.certain]);
    }
  });

  it('cuts only what the program reads without confinement and does not read with it', async () => {
    const { neighbour, family: here } = await withNeighbour();
    const there = await confined();
    const found = reach(observe(), here.pid, { scope: 0, confined: true });
    const cut = found.certain.filter(({ pid, path }) => path.length === 1 && foundIn(found, pid) === 'cut');
    expect(pidsOf(cut)).toContain(neighbour);
    for (const { pid } of cut) {
      const answers = [await here.reads(pid), await there.reads(pid)];
      // A process of another test may have ended.
      if (!answers.includes('no answer')) expect([pid, ...answers]).toEqual([pid, 'allowed', 'refused']);
    }
  });
});

describe('map --from PID --confined', () => {
  const saved = (snapshot: Snapshot): string => {
    const file = join(privateDirectory(0o755), 'host.ndjson');
    writeFileSync(file, [...snapshotLines(snapshot)].join(''));
    return file;
  };

  async function scene() {
    const { neighbour, family } = await withNeighbour();
    const snapshot = observe();
    const words = [
      'map',
      '--snapshot',
      saved(snapshot),
      '--from',
      `${family.pid}`,
      '--scope',
      '0',
      '--confined',
    ];
    return { neighbour, family, snapshot, words };
  }

  it('gives both reaches and the advice as JSON, and the exit code of the confined one', async () => {
    const { neighbour, family, words } = await scene();
    const { stdout, code } = await answered([...words, '--json']);
    const answer = validated('reach', stdout) as unknown as Reach & {
      advice: { cuts: number; command: string }[];
    };
    expect(code).toBe(1);
    expect(pidsOf(answer.certain)).toEqual(expect.arrayContaining([neighbour, family.relatives[0]]));
    expect(pidsOf(answer.confined!.certain).sort()).toEqual(family.relatives.slice(0, 2).toSorted());
    const lost = pidsOf(answer.certain).filter(pid => foundIn(answer, pid) === 'cut');
    expect(lost).toContain(neighbour);
    expect(answer.advice).toHaveLength(1);
    expect(answer.advice[0]?.cuts).toBe(lost.length);
    expect(answer.advice[0]?.command).toMatch(/^tracegate run --confine -- family-/);
  });

  it('shows both reaches and the advice as text', async () => {
    const { stdout } = await answered((await scene()).words);
    expect(stdout).toMatch(/^From \d+ family-\S+, at ptrace_scope 0, an attacker reaches \d+ processes/);
    expect(stdout).toMatch(
      /started confined \(tracegate run --confine\), an attacker would reach 2 processes/,
    );
    expect(stdout).toMatch(/unless landlock refuses\]/);
    expect(stdout).toMatch(/\n {2}start family-\S+ confined: .*cuts \d+ process/s);
  });

  it('without --confined has neither', async () => {
    const { words } = await scene();
    const { stdout } = await answered([...words.filter(word => word !== '--confined'), '--json']);
    expect(validated('reach', stdout)).toMatchObject({ confined: null, advice: [] });
  });

  it('refuses a host whose kernel runs without Landlock, and a map without a process', async () => {
    const { snapshot, words, family } = await scene();
    const host = { ...snapshot.host, lsms: ['capability', 'yama'] };
    const file = saved({ ...snapshot, host });
    const said = await answered(['map', '--snapshot', file, '--from', `${family.pid}`, '--confined']);
    expect([said.code, said.stdout]).toEqual([2, '']);
    expect(said.stderr).toContain('runs without Landlock, so nothing can be confined there');
    const whole = await answered(words.filter(word => word !== '--from' && word !== `${family.pid}`));
    expect(whole.code).toBe(2);
    expect(whole.stderr).toContain('--confined is about one process');
  });
});

describe('explain --confined', () => {
  it('is the answer of the kernel to a program that is confined: refused outside, allowed inside', async () => {
    const { neighbour, family: here } = await withNeighbour();
    const there = await confined();
    const ask = (pid: number) => explainSync(pid, { tracer: here.pid, mode: 'vm-read', confined: true });

    expect(explainSync(neighbour, { tracer: here.pid, mode: 'vm-read' }).answer).toBe('allowed');
    expect(ask(neighbour)).toMatchObject({
      answer: 'denied',
      refusedBy: ['landlock'],
      confined: 'assumption',
      observed: null,
    });
    expect(await there.reads(neighbour)).toBe('refused');

    expect(ask(here.relatives[0]!)).toMatchObject({ answer: 'allowed', confined: 'assumption' });
    expect(await there.reads(there.relatives[0]!)).toBe('allowed');

    // Init has adopted the orphan: nothing shows that it was of the family.
    expect(ask(here.relatives[2]!)).toMatchObject({ answer: 'unknown', decidedBy: 'landlock' });
  });

  it('says in the headline, in the rule and in a line of its own what is assumed', async () => {
    const { neighbour, family } = await withNeighbour();
    const words = ['explain', `${neighbour}`, '--tracer', `${family.pid}`, '--mode', 'vm-read', '--confined'];
    const { stdout, code } = await answered(words);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✗ denied: process \d+ \(family-\S+\), if confined, may not read the memory of/);
    const oneLine = stdout.replace(/\s+/g, ' ');
    expect(oneLine).toContain(
      'deny landlock the tracer is in a Landlock domain and the target is outside of it',
    );
    expect(oneLine).toContain('This assumes that the tracer was started by `tracegate run --confine`');
    expect(validated('explain', (await answered([...words, '--json'])).stdout)).toMatchObject({
      confined: 'assumption',
      decidedBy: 'landlock',
    });
  });

  it('of a debugger counts neither set-id bits nor file capabilities', async () => {
    const { neighbour, family } = await withNeighbour();
    const { debugger: started } = explainSync(neighbour, {
      tracer: family.pid,
      debugger: 'su',
      confined: true,
    });
    expect(started?.hinderedBy).toContain('no_new_privs');
    expect(explainSync(neighbour, { tracer: family.pid, debugger: 'su' }).debugger?.hinderedBy).toEqual([]);
  });

  it.runIf(IS_ROOT)(
    'of root is refused for each access: the launcher gives up what passes Landlock',
    async () => {
      const { neighbour } = await withNeighbour();
      const { pid: tracer } = await Family.start(spawn(FAMILY, { stdio: ['pipe', 'pipe', 'inherit'] }));
      expect(explainSync(neighbour, { tracer, mode: 'environ' }).answer).toBe('allowed');
      for (const mode of ['attach', 'vm-read', 'getfd', 'mem', 'environ', 'read'] as const) {
        const { answer, refusedBy } = explainSync(neighbour, { tracer, mode, confined: true });
        expect([mode, answer, refusedBy]).toEqual([mode, 'denied', ['landlock']]);
      }
      const words = ['-c', `cat /proc/${neighbour}/environ`];
      const root = spawnConfined('sh', words, { stdio: 'ignore' });
      const [code] = await once(root, 'exit');
      expect(code).toBe(1);
    },
  );

  it('of a stranger is refused', async () => {
    const { neighbour } = await withNeighbour();
    expect(explainSync(neighbour, { tracer: 'stranger', confined: true })).toMatchObject({
      answer: 'denied',
      refusedBy: ['landlock'],
      observed: null,
    });
  });
});

describe('a refusal by a Landlock domain that tracegate has not made', () => {
  const program = compile('landlocked.c');
  const of = async (...words: string[]): Promise<Explanation> => {
    const { pid } = await sleeper(AS_USER);
    const tracer = await ObedientProcess.start(IS_ROOT ? USER : '', [program, ...words]);
    return tracer.call('explain', pid, { mode: 'vm-read' });
  };

  it('is found by a trial: of an ordinary user', async () => {
    const explanation = await of();
    expect(explanation).toMatchObject({ answer: 'denied', refusedBy: ['landlock'], confined: 'trial' });
    expect(explanationText(explanation, { width: 1000 })).toContain(
      'a child tried how many more the kernel lets it enter',
    );
  });

  it.runIf(IS_ROOT)('is found by a trial: of root, which leaves no sign', async () => {
    expect(await of('--with-new-privs')).toMatchObject({
      answer: 'denied',
      refusedBy: ['landlock'],
      confined: 'trial',
    });
  });

  it.runIf(IS_ROOT)('of another process, which leaves no sign, is named as undetectable', async () => {
    const { pid } = await sleeper();
    const words = ['--with-new-privs', FAMILY];
    const tracer = await Family.start(spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] }));
    const explanation = explainSync(pid, { tracer: tracer.pid, mode: 'vm-read' });
    expect(explanation).toMatchObject({ answer: 'allowed', confined: null });
    expect(explanation.undetectable).toContain('landlock');
    expect(await tracer.reads(pid)).toBe('refused');
  });

  it('is not there in a process that has only set no_new_privs, so Landlock is excluded', async () => {
    const { pid } = await sleeper(AS_USER);
    const tracer = await ObedientProcess.start(IS_ROOT ? USER : '', ['/usr/bin/setpriv', '--no-new-privs']);
    const explanation = await tracer.call('explain', pid, { mode: 'vm-read' });
    expect(explanation).toMatchObject({
      answer: 'allowed',
      verdict: 'allowed',
      agrees: true,
      confined: null,
    });
    expect(explanation.undetectable).not.toContain('landlock');
  });

  it('leaves the answer for a stranger open, which it does not confine', async () => {
    const { pid } = await sleeper(AS_USER);
    const confinedAsker = await ObedientProcess.start(IS_ROOT ? USER : '', [program]);
    const explanation = await confinedAsker.call('explain', pid, { tracer: 'stranger' });
    expect(explanation).toMatchObject({
      answer: 'unknown',
      observed: { outcome: 'unknown', code: 'EPERM', answeredBy: 'landlock' },
    });
    expect(explanationText(explanation, { width: 1000 })).toContain(
      'this says nothing about a stranger outside',
    );
    const asker = await ObedientProcess.start();
    expect(await asker.call('explain', pid, { tracer: 'stranger' })).toMatchObject({ answer: 'allowed' });
  });

  it('leaves the outcome of a probe as another process open, but not that of a probe as itself', async () => {
    const { pid } = await sleeper(AS_USER);
    const confinedAsker = await ObedientProcess.start(IS_ROOT ? USER : '', [program]);
    const asStranger = { outcome: 'unknown', reason: 'landlock', code: 'EPERM', answeredBy: 'kernel' };
    expect(await confinedAsker.call('probe', pid, { as: 'stranger' })).toMatchObject(asStranger);
    expect(await confinedAsker.call('probe', pid)).toMatchObject({ outcome: 'denied', reason: null });
    const asker = await ObedientProcess.start();
    expect(await asker.call('probe', pid, { as: 'stranger' })).toMatchObject({ outcome: 'allowed' });
  });

  it('does not hide what a stranger may do to a process of its own tree', async () => {
    const confinedAsker = await ObedientProcess.start(IS_ROOT ? USER : '', [program]);
    const child = await confinedAsker.call('startChild');
    const ask = (method: string) => confinedAsker.call('probe', child, { as: 'stranger', method });
    expect(await ask('access')).toMatchObject({ outcome: 'allowed', reason: null });
    await confinedAsker.call('setDumpable', 'disabled');
    expect(await confinedAsker.call('probe', confinedAsker.pid, { as: 'stranger' })).toMatchObject({
      outcome: 'denied',
      reason: null,
    });
  });

  it('is named by tracegate probe, with what to do', async () => {
    const { pid } = await sleeper(AS_USER);
    const words = [process.execPath, MAIN, 'probe', '--as', 'stranger', `${pid}`];
    const { stdout, status } = spawnSync(program, words, { encoding: 'utf8' });
    expect(stdout).toContain(
      'in a Landlock domain, which the process that asked has inherited: run tracegate outside',
    );
    expect(status).toBe(3);
  });

  it('does not hide that a stranger is refused by a rule', async () => {
    const { pid } = await closedTarget();
    const confinedAsker = await ObedientProcess.start(IS_ROOT ? USER : '', [program]);
    expect(await confinedAsker.call('explain', pid, { tracer: 'stranger' })).toMatchObject({
      answer: 'denied',
      refusedBy: ['dumpable'],
    });
  });
});

describe('explain of a tracer that this process has started by spawnConfined()', () => {
  it('names the domain as a fact, for the program and what it has started', async () => {
    const { pid: neighbour } = await sleeper(AS_USER);
    const family = await confined();
    for (const tracer of [family.pid, ...family.relatives.slice(0, 2)]) {
      const explanation = explainSync(neighbour, { tracer, mode: 'vm-read' });
      expect(explanation).toMatchObject({ answer: 'denied', refusedBy: ['landlock'], confined: 'tracegate' });
      expect(explanationText(explanation, { width: 1000 })).toContain(
        'The tracer is confined by tracegate: this process started it, or a process above it, by spawnConfined().',
      );
    }
    expect(await family.reads(neighbour)).toBe('refused');
  });

  it('does not refuse within the domain, nor an unconfined tracer of the same kind', async () => {
    const [family, other] = [await confined(), await free()];
    const [child = 0] = family.relatives;
    expect(explainSync(child, { tracer: family.pid, mode: 'vm-read' })).toMatchObject({
      answer: 'unknown',
      decidedBy: 'landlock',
      confined: 'tracegate',
    });
    expect(explainSync(child, { tracer: other.pid, mode: 'vm-read' })).toMatchObject({
      answer: 'allowed',
      confined: null,
    });
    expect(await other.reads(child)).toBe('allowed');
  });

  it('believes no process that only says of itself that it is confined', async () => {
    const family = await Family.start(spawn(FAMILY, { ...PIPES, env: { TRACEGATE_CONFINED: '1:1' } }));
    const { pid } = await sleeper(AS_USER);
    expect(explainSync(pid, { tracer: family.pid, mode: 'vm-read' })).toMatchObject({
      answer: 'allowed',
      confined: null,
    });
    expect(await family.reads(pid)).toBe('allowed');
  });

  it('forgets the program at its end', async () => {
    const child = spawnConfined('true');
    await child.report;
    if (child.exitCode === null) await once(child, 'exit');
    expect([...confinedProcesses.keys()]).not.toContain(child.pid);
  });
});
