// Compares the prediction of a core dump with a real crash: every kind of core_pattern, fs.suid_dumpable, RLIMIT_CORE
// and dumpable. These settings belong to the whole kernel. Yama doesn't matter, so one scope is enough.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CoreDumpExplanation, explainCoreDump } from '../../lib/explain/index.js';
import { Random } from '../differential/random.js';
import { agrees, type Core, coresIn, crasher, type Start } from '../helpers/core-dumps.js';
import { ObedientProcess, USER } from '../helpers/processes.js';
import { isNightly, SEED, times } from '../helpers/tier.js';
import { kernelName, labScope, requirePowers } from './scope.js';

const SETTINGS = [
  'kernel/core_pattern',
  'kernel/core_uses_pid',
  'kernel/core_pipe_limit',
  'fs/suid_dumpable',
];
type Setting = (typeof SETTINGS)[number];

const read = (name: Setting) => readFileSync(`/proc/sys/${name}`, 'utf8');
const write = (name: Setting, value: string | number) => writeFileSync(`/proc/sys/${name}`, `${value}\n`);

/** The way in which a process gets its dumpable, the fs.suid_dumpable, and the resulting dumpable. */
interface Becoming {
  suidDumpable: 0 | 1 | 2;
  start: Pick<Start, 'bornAs' | 'uid' | 'dumpable'>;
  dumpable: 0 | 1 | 2;
}

const byItsUser = { bornAs: USER, uid: USER, dumpable: 'kept' } as const;
const droppedRoot = { bornAs: 0, uid: USER, dumpable: 'kept' } as const;

const BECOMING: readonly Becoming[] = [
  { suidDumpable: 0, start: byItsUser, dumpable: 1 },
  { suidDumpable: 2, start: byItsUser, dumpable: 1 },
  { suidDumpable: 2, start: { ...byItsUser, dumpable: 0 }, dumpable: 0 },
  { suidDumpable: 0, start: { bornAs: 0, uid: 0, dumpable: 'kept' }, dumpable: 1 },
  { suidDumpable: 0, start: droppedRoot, dumpable: 0 },
  { suidDumpable: 1, start: droppedRoot, dumpable: 1 },
  { suidDumpable: 2, start: droppedRoot, dumpable: 2 },
];
const LIMITS = ['unlimited', 0, 1, 4096] as const;
const NAMES = ['disabled', 'user', 'root'] as const;

/** So many of them, each at most once. */
function drawn<T>(random: Random, from: readonly T[], count: number): T[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat();
}

describe.runIf(labScope !== null)(`core dumps (${kernelName})`, () => {
  const before = new Map<Setting, string>();
  let base = '';
  let asker: ObedientProcess;
  const at = (name: string) => join(base, name);

  beforeAll(async () => {
    requirePowers();
    for (const name of SETTINGS) before.set(name, read(name));
    base = mkdtempSync(join(tmpdir(), 'tracegate-cores-'));
    chmodSync(base, 0o755);
    for (const [name, mode, owner] of [
      ['cwd', 0o755, USER],
      ['cwd/sub', 0o777, USER],
      ['cwd/taken', 0o777, USER],
      ['all', 0o1777, 0],
      ['of-user', 0o700, USER],
      ['of-root', 0o755, 0],
      ['by-group', 0o2770, 0],
      ['piped', 0o700, 0],
      ['read-only', 0o777, 0],
      ['jail', 0o755, 0],
      ['jail/inner', 0o777, 0],
      ['jail/work', 0o777, 0],
    ] as const) {
      mkdirSync(at(name));
      chmodSync(at(name), mode);
      chownSync(at(name), owner, name === 'by-group' ? USER : owner);
    }
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro,mode=0777', 'tmpfs', at('read-only')]);
    expect(mounted.status).toBe(0);
    // It is done when it has closed its input: core_pipe_limit has the crash wait for that.
    writeFileSync(at('handler'), `#!/bin/sh\nid -u > ${at('piped')}/uid\ncat > ${at('piped')}/core\n`, {
      mode: 0o755,
    });
    writeFileSync(at('no-program'), '', { mode: 0o644 });
    write('kernel/core_pipe_limit', 1);
    asker = await ObedientProcess.startShared();
  });

  afterAll(() => {
    asker.end();
    for (const [name, text] of before) writeFileSync(`/proc/sys/${name}`, text);
    spawnSync('umount', [at('read-only')]);
    rmSync(base, { recursive: true });
  });

  /** Removes the result of the last crash, and restores the files that a core may have replaced. */
  function clean(): void {
    for (const { path } of left()) rmSync(path);
    for (const name of ['all/old', 'cwd/old']) writeFileSync(at(name), 'old');
  }

  const left = (): Core[] => coresIn(base);

  interface Difference {
    pattern: string;
    start: Start;
    asker: string;
    said: unknown;
    cores: Core[];
  }

  interface Tally {
    different: Difference[];
    answers: Map<string, number>;
    rules: Set<string>;
  }

  /** Asks as root and as the user, crashes, and compares. */
  async function compare(
    pattern: string,
    start: Start,
    dumpable: number | null,
    tally: Tally,
  ): Promise<void> {
    clean();
    const process = await crasher(start);
    if (dumpable !== null) expect({ ...start, value: process.dumpable }).toMatchObject({ value: dumpable });
    const said: [string, CoreDumpExplanation][] = [
      ['root', explainCoreDump(process.pid)],
      ['user', await asker.call('explainCoreDump', process.pid)],
    ];
    await process.crash();
    const cores = left();
    for (const [asker, each] of said) {
      const { answer, decidedBy, destination, facts, steps } = each;
      tally.answers.set(answer, (tally.answers.get(answer) ?? 0) + 1);
      tally.rules.add(decidedBy);
      const may = facts.process!.dumpable;
      const isSeen = may.includes(NAMES[process.dumpable]!);
      // Root sees all but the dumpable, and that too from Linux 6.16 on.
      const isOpen = answer === 'unknown' && asker === 'root' && decidedBy !== 'dumpable';
      if (agrees(each, cores) === false || !isSeen || isOpen)
        tally.different.push({
          pattern,
          start,
          asker,
          cores,
          said: { answer, decidedBy, destination, may, steps: steps.map(({ because }) => because) },
        });
    }
  }

  const emptyTally = (): Tally => ({ different: [], answers: new Map(), rules: new Set() });

  type Pattern = [pattern: string, usesPid: 0 | 1];

  const patterns = (): Pattern[] => [
    ['core', 0],
    [`|${at('absent')}`, 0],
    ['', 0],
    ['', 1],
    ['core', 1],
    ['old', 0],
    ['taken', 0],
    ['c.%p.%u.%g.%e.%c.%d%%%', 1],
    ['sub/core', 0],
    ['none/core', 0],
    ['%E.%f', 0],
    [`${at('all')}/%e.%P`, 0],
    [`${at('all')}/%s.%t.%i`, 0],
    [`${at('all')}/old`, 0],
    [`${at('absent')}/core`, 0],
    [`${at('of-user')}/%p`, 0],
    [`${at('of-root')}/%p`, 0],
    [`${at('by-group')}/%p`, 0],
    [`${at('read-only')}/%p`, 0],
    [`|${at('handler')} %p`, 0],
    [`|${at('no-program')}`, 0],
    ['|', 0],
    // No kernel of the lab has sockets yet: a relative path.
    ['@core', 0],
  ];

  it('core_pattern × fs.suid_dumpable × RLIMIT_CORE × dumpable: each crash is as predicted', async () => {
    const tally = emptyTally();
    const random = new Random(SEED);
    // The first is a process that its user started, without a limit: it leaves a core where core_pattern lets it.
    const [plain, ...others] = BECOMING.flatMap(becoming => LIMITS.map(limit => ({ limit, becoming })));
    // In QEMU a crash takes seconds.
    const count = times(1, kernelName === 'uml' ? others.length : 4);
    // The first leaves a core, the second none.
    const [named, absent, ...rest] = patterns();
    const asked = kernelName === 'uml' || isNightly ? rest : drawn(random, rest, 6);
    for (const [pattern, usesPid] of [named!, absent!, ...asked]) {
      write('kernel/core_pattern', pattern);
      write('kernel/core_uses_pid', usesPid);
      for (const { limit, becoming } of [plain!, ...drawn(random, others, count)]) {
        const { suidDumpable, start, dumpable } = becoming;
        write('fs/suid_dumpable', suidDumpable);
        await compare(pattern, { ...start, limit, directory: at('cwd') }, dumpable, tally);
      }
    }
    expect(tally.different, JSON.stringify(tally.different.slice(0, 3))).toEqual([]);
    console.log(`core dumps: ${JSON.stringify([...tally.answers])}, by ${[...tally.rules].sort().join(' ')}`);
    const decisive = ['core-limit', 'core-pattern', 'directory', 'existing-file', 'helper', 'safe-path'];
    if (count === others.length) expect([...tally.rules]).toEqual(expect.arrayContaining(decisive));
    const [allowed, denied] = ['allowed', 'denied'].map(answer => tally.answers.get(answer) ?? 0);
    expect(Math.min(allowed!, denied!)).toBeGreaterThan(asked === rest ? 8 : 0);
  });

  it('a pipe gets the core of an ordinary user as root, at RLIMIT_CORE 0', async () => {
    write('kernel/core_pattern', `|${at('handler')} %p`);
    clean();
    const process = await crasher({
      bornAs: USER,
      uid: USER,
      limit: 0,
      directory: at('cwd'),
      dumpable: 'kept',
    });
    const said = explainCoreDump(process.pid);
    expect(said).toMatchObject({ answer: 'allowed', destination: { kind: 'pipe', program: at('handler') } });
    await process.crash();
    expect(readFileSync(at('piped/uid'), 'utf8')).toBe('0\n');
    expect(existsSync(at('piped/core'))).toBe(true);
  });

  it('in a chroot, the path is its own at a dumpable of 1, and that of init at 2', async () => {
    const tally = emptyTally();
    write('kernel/core_uses_pid', 0);
    const inside = ['/inner/%p', 'core', `${at('all')}/%p`];
    for (const pattern of drawn(new Random(SEED), inside, times(1, inside.length))) {
      write('kernel/core_pattern', pattern);
      // chroot(2) is root's.
      for (const { suidDumpable, start, dumpable } of BECOMING.filter(({ start }) => start.bornAs === 0)) {
        write('fs/suid_dumpable', suidDumpable);
        const jailed: Start = { ...start, limit: 'unlimited', directory: '/work', root: at('jail') };
        await compare(pattern, jailed, dumpable, tally);
      }
    }
    expect(tally.different, JSON.stringify(tally.different.slice(0, 3))).toEqual([]);
  });

  it('root of a user namespace of its own', async () => {
    const tally = emptyTally();
    write('fs/suid_dumpable', 0);
    write('kernel/core_uses_pid', 0);
    const inNamespace = ['core', '/absent/%p', `${at('of-root')}/%p`, `|${at('handler')}`];
    for (const pattern of drawn(new Random(SEED), inNamespace, times(2, inNamespace.length))) {
      write('kernel/core_pattern', pattern);
      const through = ['unshare', '--map-root-user'];
      // Inside the namespace it has uid 0 already.
      const start: Start = {
        bornAs: USER,
        uid: 0,
        limit: 'unlimited',
        directory: at('cwd'),
        dumpable: 'kept',
        through,
      };
      await compare(pattern, start, null, tally);
    }
    expect(tally.different.filter(({ said }) => (said as { answer: string }).answer !== 'unknown')).toEqual(
      [],
    );
  });
});
