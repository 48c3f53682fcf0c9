// tracegate's explanations on the running kernel, compared with strace, and for every process of the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import { type Explanation, readPtraceScope } from '../../lib/index.js';
import { tracegate, validated } from '../helpers/cli.js';
import { AS_USER, IS_ROOT, ObedientProcess, sleeper, straceAttaches, zombie } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

const hasYama = readPtraceScope().state === 'present';

/** The text and the data about one process. */
async function both(words: string[]) {
  const [text, data] = await Promise.all([
    tracegate(['explain', ...words]),
    tracegate(['explain', ...words, '--json']),
  ]);
  expect(data.code).toBe(text.code);
  return {
    code: text.code,
    text: text.stdout,
    data: validated('explain', data.stdout) as unknown as Explanation,
  };
}

const pids = () => readdirSync('/proc').filter(name => /^\d+$/.test(name));
const MODES = ['attach', 'vm-read', 'getfd', 'mem', 'read', 'environ', 'kcmp', 'perf', 'traceme'] as const;

describe('every process of the machine', () => {
  it.each(MODES)(
    'an ordinary user gets for %s an answer for each, and never another than that of the kernel',
    async mode => {
      const user = await ObedientProcess.start();
      const seen: Explanation[] = [];
      for (const pid of pids()) {
        // A process that ended meanwhile has no parent any more.
        const answer = await user
          .call('explain', Number(pid), { mode })
          .catch((error: { code: string }) => error);
        if ('code' in answer) expect(answer.code).toBe('ESRCH');
        else seen.push(answer);
      }
      expect(seen.length).toBeGreaterThan(5);
      const wrong = seen.filter(({ agrees }) => agrees === false);
      expect(wrong.map(({ pid, comm, steps, observed }) => ({ pid, comm, steps, observed }))).toEqual([]);
      if (mode !== 'traceme') {
        expect(seen.filter(({ observed }) => observed !== null).length).toBeGreaterThan(0);
      }
    },
  );

  it('if the kernel refuses what the rules allow, the answer names a hidden check', BY_USER_TOO, () => {
    const seen = pids().map(pid => explainSync(Number(pid)));
    for (const { agrees, verdict, answer, undetectable, refusedBy } of seen.filter(
      each => each.agrees === false,
    )) {
      expect({ agrees, verdict, answer }).toEqual({ agrees: false, verdict: 'allowed', answer: 'denied' });
      expect(undetectable.length).toBeGreaterThan(0);
      // This process is in no Landlock domain, or knows that it is.
      expect(refusedBy).toEqual(['other-lsm']);
    }
  });
});

describe('a refusal', BY_USER_TOO, () => {
  it('by a process that opted out names dumpable, and strace is refused as well', async () => {
    const target = await ObedientProcess.start();
    const neighbour = await ObedientProcess.start();
    const open = await neighbour.call('explain', target.pid);
    expect(open).toMatchObject(hasYama ? { mode: 'attach' } : { answer: 'allowed', agrees: true });
    await target.call('setDumpable', 'disabled');
    const closed = await neighbour.call('explain', target.pid);
    expect(closed).toMatchObject({
      answer: 'denied',
      decidedBy: 'dumpable',
      agrees: true,
      refusedBy: ['dumpable'],
    });
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(await neighbour.call('explain', target.pid, { mode: 'environ' })).toMatchObject({
      answer: 'denied',
      decidedBy: 'file-permission',
      agrees: true,
    });
  });

  it('because of a present tracer names that tracer, and answers for it with --tracer', async () => {
    const { pid } = await sleeper(AS_USER);
    const strace = (await straceAttaches(pid, AS_USER))!;
    const { code, data, text } = await both([`${pid}`]);
    expect(code).toBe(1);
    expect(data).toMatchObject({ decidedBy: 'already-traced', observed: null });
    expect(text).toContain(`process ${strace.pid} traces the target`);
    expect(explainSync(pid, { mode: 'vm-read' })).toMatchObject({ agrees: true });
    await strace.detach();
  });

  it('of a zombie, or of the own process, comes before the access check', async () => {
    expect((await both([`${await zombie()}`])).data).toMatchObject({ decidedBy: 'zombie', answer: 'denied' });
    expect(explainSync(process.pid)).toMatchObject({ decidedBy: 'same-thread-group', answer: 'denied' });
    expect(explainSync(process.pid, { mode: 'vm-read' })).toMatchObject({ answer: 'allowed' });
  });

  it('of a pid without a process is exit code 1, with advice', async () => {
    const { code, data, text } = await both(['2147483647']);
    expect(code).toBe(1);
    expect(data).toMatchObject({ decidedBy: 'no-such-process', startTime: null, facts: { target: null } });
    expect(text).toContain('ps -e');
  });

  (IS_ROOT ? it : null)?.('of another user has both ids, and a command that attaches', async () => {
    const { pid } = await sleeper({ uid: 4711, gid: 4712 });
    const user = await ObedientProcess.start();
    const answer: Explanation = await user.call('explain', pid);
    expect(answer).toMatchObject({ answer: 'denied', decidedBy: 'credentials', agrees: true });
    const step = answer.steps.find(({ rule }) => rule === 'credentials');
    expect(step?.because).toContain("the target's real uid is 4711, the tracer's real uid is 1000");
    const command = answer.remedies.flatMap(({ actions }) => actions.map(each => each.command))[0];
    expect(command).toBe(`sudo setpriv --reuid 4711 --regid 4712 --clear-groups gdb -p ${pid}`);
    // Without sudo, and without a conversation: the rest to the letter.
    const words = command!.replace('sudo ', '').replace('gdb', 'gdb -nx -batch').split(' ');
    const gdb = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    gdb.stderr.on('data', chunk => {
      said += chunk;
    });
    await once(gdb, 'close');
    expect(said).not.toMatch(/ptrace:|not permitted/);
  });

  it('at another scope is computed, and the kernel is not asked', async () => {
    const { pid } = await sleeper(AS_USER);
    const user = await ObedientProcess.start();
    const at = async (scope: number, mode = 'attach') => user.call('explain', pid, { scope, mode });
    expect(await at(0)).toMatchObject({ verdict: 'allowed' });
    expect(await at(1)).toMatchObject({ verdict: 'unknown', decidedBy: 'yama-relation' });
    expect(await at(2)).toMatchObject({ verdict: 'denied', decidedBy: 'yama-scope', observed: null });
    expect(await at(3)).toMatchObject({ verdict: 'denied', decidedBy: 'yama-scope', observed: null });
    expect(await at(3, 'environ')).toMatchObject({ verdict: 'allowed' });
  });
});

describe('TRACEME', () => {
  it('without a PID asks about a program that this process would start', async () => {
    const { code, data, text } = await both(['--mode', 'traceme']);
    expect(code).toBe(0);
    expect(data).toMatchObject({ answer: 'allowed', observed: { outcome: 'allowed', syscall: 'ptrace' } });
    expect(text).toContain('a program that the tracer starts');
    expect((await both(['--mode', 'traceme', '--scope', '3'])).data).toMatchObject({
      answer: 'denied',
      observed: null,
    });
  });

  it('with a PID asks about its parent', async () => {
    const { pid } = await sleeper(AS_USER);
    expect(explainSync(pid, { mode: 'traceme' })).toMatchObject({
      tracer: { pid: process.pid, isSelf: true },
    });
  });
});

describe('the command line', () => {
  it.each([
    [['explain'], /needs a PID/],
    [['explain', '1', '2'], /one PID/],
    [['explain', '0'], /"0" is not a pid/],
    [['explain', '1', '--scope', '4'], /--scope "4": use 0, 1, 2 or 3/],
    [['explain', '1', '--mode', 'look'], /--mode "look": use attach, vm-read/],
    [['explain', '1', '--tracer', '1e3'], /"1e3" is not a pid/],
    [['explain', '--mode', 'traceme', '--tracer', 'stranger'], /needs a PID/],
    [['explian', '1'], /did you mean explain\?/],
  ])('%j is a usage error: one line, exit code 2', async (words, message) => {
    const { code, stdout, stderr } = await tracegate(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a --tracer pid without a process is an error that says so', async () => {
    const { code, stderr } = await tracegate(['explain', '1', '--tracer', '2147483647']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ESRCH: no process has the tracer's pid 2147483647/);
  });

  it('the name of a process cannot send control codes to the terminal', async () => {
    const hostile = spawn(
      process.execPath,
      ['-e', "process.title='\\x1b[31mx';console.log();process.stdin.resume()"],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    await once(hostile.stdout, 'data');
    const { text } = await both([`${hostile.pid}`]);
    hostile.stdin.end();
    expect(text).not.toContain('\x1b');
    expect(text).toContain('\\u{1b}[31mx');
  });

  it('--steps gives the evidence and the source of every rule', async () => {
    const { stdout } = await tracegate(['explain', `${process.pid}`, '--steps']);
    expect(stdout).toContain('kernel/ptrace.c, ptrace_attach()');
    expect(stdout).not.toContain('pass     seccomp, ');
  });
});

it.each([
  [[0], 'ERR_TRACEGATE_INVALID_PID'],
  [[2 ** 31], 'ERR_TRACEGATE_INVALID_PID'],
  [[1, { tracer: -1 }], 'ERR_TRACEGATE_INVALID_PID'],
  [[1, { tracer: 'nobody' }], 'ERR_TRACEGATE_INVALID_PID'],
  [[1, { scope: 4 }], 'ERR_TRACEGATE_INVALID_OPTION'],
  [[1, { mode: 'poke' }], 'ERR_TRACEGATE_INVALID_OPTION'],
])('explain%j is refused with a code', (args, code) => {
  expect(() => (explainSync as (...args: unknown[]) => unknown)(...args)).toThrow(
    expect.objectContaining({ code }),
  );
});
