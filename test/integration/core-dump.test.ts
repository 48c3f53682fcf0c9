// The prediction of a core dump, compared with a real crash on this kernel.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CoreDumpExplanation, coreDumpText, explainCoreDump } from '../../lib/explain/index.js';
import { noCoreFile } from '../channels/ways.js';
import { tracegate, validated } from '../helpers/cli.js';
import { agrees, type Core, coresIn, crasher, type Start } from '../helpers/core-dumps.js';
import {
  AS_USER,
  IS_ROOT,
  ObedientProcess,
  privateDirectory,
  sleeper,
  USER,
  zombie,
} from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

/** The predictions of this process and of an ordinary user, and then the core of the process. */
async function askAndCrash(start: Start, asker?: ObedientProcess) {
  const process = await crasher(start);
  const said = [
    explainCoreDump(process.pid),
    ...(asker === undefined ? [] : [await asker.call('explainCoreDump', process.pid)]),
  ] as CoreDumpExplanation[];
  await process.crash();
  return { said, dumpable: process.dumpable };
}

const NUMBERS = { disabled: 0, user: 1, root: 2 };

const told = ({ answer, decidedBy, destination, facts }: CoreDumpExplanation) => ({
  answer,
  decidedBy,
  destination,
  dumpable: facts.process?.dumpable,
});

describe.runIf(noCoreFile() === null)('the prediction, compared with a real crash', () => {
  const limits = [0, 1, 4095, 4096, 'unlimited'] as const;
  const dumpables = ['kept', 0, 1] as const;

  it('limits × dumpable, by the same user and by root: as predicted', BY_USER_TOO, async () => {
    const asker = await ObedientProcess.start();
    const different: unknown[] = [];
    const answers: string[] = [];
    for (const limit of limits) {
      for (const dumpable of dumpables) {
        const directory = privateDirectory();
        const start: Start = { bornAs: USER, uid: USER, limit, directory, dumpable };
        const { said, dumpable: value } = await askAndCrash(start, asker);
        const cores = coresIn(directory);
        for (const each of said) {
          answers.push(each.answer);
          const isSeen = each.facts.process!.dumpable.some(name => NUMBERS[name] === value);
          if (agrees(each, cores) === false || !isSeen) different.push({ start, cores, said: told(each) });
        }
      }
    }
    expect(different).toEqual([]);
    expect(new Set(answers)).toEqual(new Set(['allowed', 'denied']));
  });

  (IS_ROOT ? it : null)?.(
    'what root started, and what changed its ids, as suid_dumpable has it',
    async () => {
      const different: unknown[] = [];
      for (const bornAs of [0, USER]) {
        for (const uid of bornAs === 0 ? [0, USER] : [USER]) {
          const directory = privateDirectory();
          const start: Start = { bornAs, uid, limit: 'unlimited', directory, dumpable: 'kept' };
          const { said } = await askAndCrash(start);
          const cores = coresIn(directory);
          if (agrees(said[0]!, cores) !== true) different.push({ start, cores, said: told(said[0]!) });
        }
      }
      expect(different).toEqual([]);
    },
  );

  it('a limit cuts the core off, and RLIMIT_FSIZE 0 leaves it empty', BY_USER_TOO, async () => {
    const directory = privateDirectory();
    const start: Start = { bornAs: USER, uid: USER, limit: 8192, directory, dumpable: 'kept' };
    const { said } = await askAndCrash(start);
    expect(coresIn(directory)[0]!.bytes).toBeLessThanOrEqual(8192);
    expect(said[0]).toMatchObject({ answer: 'allowed', destination: { limit: 8192 } });
    expect(said[0]!.notes.join(' ')).toContain('cut off at 8192 bytes');
    const other = privateDirectory();
    const empty = await askAndCrash({ ...start, limit: 'unlimited', fileLimit: 0, directory: other });
    expect(empty.said[0]).toMatchObject({ answer: 'denied', decidedBy: 'file-size-limit' });
    expect(coresIn(other)).toEqual([]);
  });

  /** A directory that is not the user's to write in, but to search. */
  function foreignDirectory(mode: number): string {
    const directory = privateDirectory(mode);
    if (IS_ROOT) chownSync(directory, 0, 0);
    return directory;
  }

  const places: Record<string, { prepare: () => string; rule: string | null }> = {
    'where it may not write': { prepare: () => foreignDirectory(0o555), rule: 'directory' },
    'where a directory has the name': {
      prepare: () => {
        const directory = privateDirectory();
        mkdirSync(join(directory, 'core'));
        return directory;
      },
      rule: 'existing-file',
    },
    'where an older core of its own is': {
      prepare: () => {
        const directory = privateDirectory();
        writeFileSync(join(directory, 'core'), 'old');
        if (IS_ROOT) chownSync(join(directory, 'core'), USER, USER);
        return directory;
      },
      rule: null,
    },
  };
  if (IS_ROOT)
    places['in a sticky directory where another user has one'] = {
      prepare: () => {
        const directory = foreignDirectory(0o1777);
        writeFileSync(join(directory, 'core'), 'old');
        return directory;
      },
      rule: 'existing-file',
    };

  it.each(Object.entries(places))('%s', BY_USER_TOO, async (_, { prepare, rule }) => {
    const directory = prepare();
    const start: Start = { bornAs: USER, uid: USER, limit: 'unlimited', directory, dumpable: 'kept' };
    const { said } = await askAndCrash(start);
    expect(agrees(said[0]!, coresIn(directory))).toBe(true);
    expect(said[0]).toMatchObject(
      rule === null ? { answer: 'allowed' } : { answer: 'denied', decidedBy: rule },
    );
  });

  it('a working directory that was removed leaves no core', BY_USER_TOO, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-gone-'));
    if (IS_ROOT) chownSync(directory, USER, USER);
    const process = await crasher({
      bornAs: USER,
      uid: USER,
      limit: 'unlimited',
      directory,
      dumpable: 'kept',
    });
    rmSync(directory, { recursive: true });
    expect(explainCoreDump(process.pid)).toMatchObject({ answer: 'denied', decidedBy: 'directory' });
    await process.crash();
  });

  it('after the remedy is applied the crash leaves a core', BY_USER_TOO, async () => {
    const directory = privateDirectory();
    const process = await crasher({ bornAs: USER, uid: USER, limit: 0, directory, dumpable: 'kept' });
    const before = explainCoreDump(process.pid);
    expect(before).toMatchObject({ answer: 'denied', decidedBy: 'core-limit' });
    const [program, ...words] = before.remedies[0]!.actions[0]!.command!.split(' ');
    const prlimit = spawn(program!, words, { stdio: 'inherit', ...AS_USER });
    expect(await once(prlimit, 'close')).toEqual([0, null]);
    const after = explainCoreDump(process.pid);
    await process.crash();
    const cores: Core[] = coresIn(directory);
    expect({ answer: after.answer, agrees: agrees(after, cores) }).toEqual({
      answer: 'allowed',
      agrees: true,
    });
  });
});

describe('no core, whatever the limits are', BY_USER_TOO, () => {
  it.each([
    ['a zombie', zombie, 'zombie'],
    ['a kernel thread', async () => 2, 'kernel-thread'],
    ['a pid without a process', async () => 2147483647, 'no-such-process'],
  ])('%s', async (_, find, rule) => {
    const said = explainCoreDump(await find());
    expect(said).toMatchObject({ answer: 'denied', decidedBy: rule, destination: null });
    expect(said.remedies[0]).toMatchObject({ kind: 'instead' });
  });
});

describe('the command line', () => {
  it('prints the answer as text and as data, with its exit code', BY_USER_TOO, async () => {
    const { pid } = await sleeper(AS_USER);
    const words = ['explain', '--mode', 'core', `${pid}`];
    const [text, steps, data] = await Promise.all([
      tracegate(words),
      tracegate([...words, '--steps']),
      tracegate([...words, '--json']),
    ]);
    const said = validated('core', data.stdout) as unknown as CoreDumpExplanation;
    const code = { allowed: 0, denied: 1, unknown: 3 }[said.answer];
    expect([text.code, steps.code, data.code]).toEqual([code, code, code]);
    expect(text.stdout).toMatch(/core dump if it crashes now/);
    expect(steps.stdout).toContain('fs/coredump.c');
    expect(coreDumpText(said)).toBe(text.stdout.trimEnd());
  });

  it.each([
    [['--mode', 'core'], /--mode core needs a PID/],
    [['--mode', 'core', '1', '2'], /one PID/],
    [['--mode', 'core', '1', '--tracer', '2'], /--mode core takes no --tracer/],
    [
      ['--mode', 'core', '1', '--debugger', 'gdb'],
      /--mode core takes no --debugger: a core dump has no tracer/,
    ],
    [['--mode', 'core', '1', '--scope', '2'], /--mode core takes no --scope/],
    [['--mode', 'core', '0'], /"0" is not a pid/],
  ])('%j is a usage error: one line, exit code 2', async (words, message) => {
    const { code, stdout, stderr } = await tracegate(['explain', ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each(['zombie', 'absent'])('the data of %s fits the schema', async kind => {
    const pid = kind === 'zombie' ? await zombie() : 2147483647;
    const { code, stdout } = await tracegate(['explain', '--mode', 'core', `${pid}`, '--json']);
    expect(code).toBe(1);
    validated('core', stdout);
  });
});

it.each([
  { kind: 'pipe', program: '/bin/x', command: '/bin/x %p' },
  { kind: 'socket', path: '/run/core.sock', protocol: 'request' },
  { kind: 'file', path: '/srv/core', isExact: true, owner: 0, limit: 'unlimited' },
])('a destination of this kind fits the schema: $kind', destination => {
  const said = explainCoreDump(process.pid);
  validated('core', JSON.stringify({ schemaVersion: 2, ...said, destination }));
});

it('an ordinary user gets for every process of the machine an answer that fits the schema', async () => {
  const asker = await ObedientProcess.start();
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  for (const pid of pids) {
    const said: CoreDumpExplanation = await asker.call('explainCoreDump', Number(pid));
    validated('core', JSON.stringify({ schemaVersion: 2, ...said }));
  }
  expect(pids.length).toBeGreaterThan(5);
});
