// What confinement would cut by `map --from PID --confined`, compared with the kernel's answers to a program that is confined.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { spawnConfined } from '../../lib/index.js';
import type { Snapshot } from '../../lib/kernel/host.js';
import { observe } from '../../lib/kernel/host.js';
import { snapshotLines } from '../../lib/map/snapshot-file.js';
import { type Reach, reach } from '../../lib/policy/reach/reach.js';
import { answered } from '../helpers/answered.js';
import { validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { AS_USER, privateDirectory, sleeper } from '../helpers/processes.js';

const FAMILY = compile('family.c');
const RELATIONS = ['child', 'grandchild', 'orphan'] as const;

/** test/fixtures/family.c, which reads the memory of other processes on command. */
class Family {
  readonly pid: number;
  /** The pids of {@link RELATIONS}. */
  readonly relatives: readonly number[];
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, relatives: readonly number[]) {
    this.pid = process.pid!;
    this.relatives = relatives;
    this.#process = process;
    this.#lines = lines;
  }

  static async start(spawned: ChildProcess): Promise<Family> {
    onTestFinished(async () => {
      spawned.stdin?.end();
      if (spawned.exitCode === null) await once(spawned, 'exit');
    });
    const lines = createInterface({ input: spawned.stdout! })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new Family(spawned, lines, `${value}`.split(' ').map(Number));
  }

  async reads(pid: number): Promise<string> {
    this.#process.stdin?.write(`${pid}\n`);
    return `${(await this.#lines.next()).value}`;
  }
}

const PIPES = { stdio: ['pipe', 'pipe', 'inherit'] as ['pipe', 'pipe', 'inherit'], ...AS_USER };
const free = () => Family.start(spawn(FAMILY, PIPES));
const confined = () => Family.start(spawnConfined(FAMILY, [], PIPES));

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
