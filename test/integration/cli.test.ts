// The command line: its output, its exit codes and its errors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { COMMAND_NAMES } from '../../lib/cli/commands.js';
import type { ProbeResult, TraceStatus } from '../../lib/index.js';
import type { TreeMember } from '../../lib/snapshot.js';
import { answered } from '../helpers/answered.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  IS_ROOT,
  ObedientProcess,
  PUBLIC_DIST,
  sleeper,
  straceAttaches,
  zombie,
} from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { statusBecomes } from '../helpers/waits.js';

/** Rows of short columns stay whole. */
const isTable = (line: string) => /\S {2,}\S.* {2,}\S/.test(line);

/** What changes from one moment to the next. */
const UNSTEADY = ['audit', 'map', 'scan'];

describe('usage', () => {
  it('--help and --version exit with 0, a missing command with 2', async () => {
    expect(await tracegate(['--help'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('probe PID|NAME…'),
    });
    expect(await tracegate(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(await tracegate([])).toMatchObject({ code: 2, stdout: expect.stringContaining('usage:') });
  });

  it('-h and help are --help, and -v is --version', async () => {
    const overview = await answered(['--help']);
    expect(await answered(['-h'])).toEqual(overview);
    expect(await answered(['help'])).toEqual(overview);
    expect(await answered(['-v'])).toEqual(await answered(['--version']));
  });

  it.each(COMMAND_NAMES)('%s --help, %s -h and help %s are the same, with the exit codes', async command => {
    const help = await answered([command, '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^Exit codes:\n {2}[0N] /m);
    expect(help.stdout).toMatch(/^ {2}2 +the command line is wrong$/m);
    expect(await answered([command, '-h'])).toEqual(help);
    expect(await answered(['help', command])).toEqual(help);
  });

  it('-h after -- belongs to the command of run', async () => {
    expect(await tracegate(['run', '--', 'echo', '-h'])).toMatchObject({ code: 0, stdout: '-h\n' });
  });

  it.each([
    [['prob', '1'], /no command "prob"; did you mean probe\?/],
    [['probe'], /needs a PID/],
    [['help', 'prob'], /no command "prob"; did you mean probe\?/],
    [['help', 'probe', 'scan'], /one COMMAND/],
    [['--json', 'status'], /options stand after the command: tracegate COMMAND --json/],
    [['probe', '0x10'], /"0x10" is not a pid: give a number/],
    [['probe', '12a'], /"12a" is not a pid: give a number/],
    [['probe', '0'], /"0" is not a pid/],
    [['probe', '2147483648'], /"2147483648" is not a pid/],
    [['probe', '1', '--method', 'smile'], /"smile": use access, seize, attach or traceme/],
    [['probe', '1', '--as', '1000'], /--as "1000": use self, stranger, a user's name, or USER:GROUP/],
    [['probe', '1', '--as', '1000:4294967295'], /use self/],
    [['probe', '1', '--as', '1:2:3'], /use self/],
    [['probe', '1', '--jsn'], /did you mean --json\?/],
    [['probe', '1', '-json'], /no option -json; did you mean --json\?/],
    [['probe', '1', '--method', 'acess'], /; did you mean access\?/],
    [['run', '--json', '--', 'true'], /run has no option --json/],
    [['probe', '1', '--json', '--ndjson'], /choose one/],
    [['probe', '--', '-1'], /"-1" is not a pid/],
    [['status', '1', '2'], /one PID at most/],
    [['status', '--tree'], /--tree needs a PID/],
    [['demo', 'now'], /takes no argument/],
  ])('%j is a usage error: one line, exit code 2', async (words, message) => {
    const { code, stdout, stderr } = await tracegate(words);
    expect({ code, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
      code: 2,
      stdout: '',
      lines: 1,
    });
    expect(stderr).toMatch(message);
  });
});

describe('probe', BY_USER_TOO, () => {
  it('an allowed process is exit code 0, and --json fits its schema', async () => {
    const { pid } = await sleeper(AS_USER);
    expect(await tracegate(['probe', `${pid}`])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/cat +allowed\n$/),
    });
    const { code, stdout } = await tracegate(['probe', `${pid}`, '--json', '--method', 'seize']);
    expect(code).toBe(0);
    expect(validated('probe', stdout)).toMatchObject({
      schemaVersion: 2,
      results: [
        { pid, outcome: 'allowed', as: 'self', method: 'seize', code: null, syscall: 'ptrace', reasons: [] },
      ],
    });
  });

  it('many pids are answered in their order, and one refusal gives exit code 1', async () => {
    const [first, dead] = [await sleeper(AS_USER), await zombie()];
    const pids = [first.pid, dead, 2 ** 31 - 1];
    const { code, stdout } = await tracegate(['probe', ...pids.map(String), '--json']);
    expect(code).toBe(1);
    const { results } = validated('probe', stdout) as { results: ProbeResult[] };
    expect(results.map(({ pid, outcome, reason }) => [pid, outcome, reason])).toEqual([
      [first.pid, 'allowed', null],
      [dead, 'denied', 'zombie'],
      [2 ** 31 - 1, 'denied', 'no-such-process'],
    ]);
  });

  it('--ndjson prints one object a line', async () => {
    const { pid } = await sleeper(AS_USER);
    const { stdout } = await tracegate(['probe', `${pid}`, `${pid}`, '--ndjson']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(lines).toHaveLength(2);
    validated('probe', JSON.stringify({ schemaVersion: 2, results: lines }));
    expect(lines[0]).toMatchObject({ schemaVersion: 2, pid });
  });

  it('a refusal names its known reason in one line', async () => {
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    const { code, stdout } = await tracegate(['probe', `${target.pid}`, '--as', 'stranger']);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toMatch(/denied \(EPERM\) +the target is not dumpable \(it opted out/);
  });

  (IS_ROOT ? it : null)?.('ids to ask as may be numbers', async () => {
    const { pid } = await sleeper(AS_USER);
    const { code, stdout } = await tracegate(['probe', `${pid}`, '--as', '4711:4712', '--json']);
    expect(code).toBe(1);
    expect(validated('probe', stdout)).toMatchObject({
      results: [
        {
          as: { uid: 4711, gid: 4712 },
          reasons: [
            "the target's real uid is 1000, the tracer's real uid is 4711; the target's real gid is 1000, the tracer's real gid is 4712, and the tracer has no CAP_SYS_PTRACE in the target's user namespace",
          ],
        },
      ],
    });
  });

  it('an answer that could not be found out is exit code 3, also where Node may not load addons', async () => {
    const { code, stderr, stdout } = await tracegate(['probe', '1'], {}, ['--no-addons']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^tracegate: .*--no-addons.*\n$/);
  });
});

describe('status', BY_USER_TOO, () => {
  it('names what opens a Node, for any user that asks', async () => {
    const start = async (...flags: string[]) => {
      const child = spawn(process.execPath, [...flags, '-e', 'console.log();process.stdin.resume()'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      await once(child.stdout, 'data');
      onTestFinished(() => void child.stdin.end());
      return child.pid!;
    };
    const plain = await start();
    expect((await tracegate(['status', `${plain}`])).stdout).toContain(
      "SIGUSR1       opens Node's inspector",
    );
    const open = await start('--inspect=0', '--report-on-signal', '--heapsnapshot-signal=SIGUSR2');
    const { stdout } = await tracegate(['status', `${open}`, '--json']);
    expect(validated('status', stdout)).toMatchObject({
      node: {
        sigusr1: 'handled',
        flags: ['--inspect=0', '--report-on-signal', '--heapsnapshot-signal=SIGUSR2'],
      },
    });
    const { pid } = await sleeper();
    expect(validated('status', (await tracegate(['status', `${pid}`, '--json'])).stdout)).toMatchObject({
      node: null,
    });
  });

  it('the data on the host and on one process fit the schema', async () => {
    const host = await tracegate(['status', '--json']);
    expect(validated('status', host.stdout)).toMatchObject({ process: null });
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    const { code, stdout } = await tracegate(['status', `${target.pid}`, '--json']);
    expect(code).toBe(0);
    expect(validated('status', stdout)).toMatchObject({
      process: { status: 'disabled', procctl: -1, dumpable: false },
    });
  });

  it('--tree lists each process that it started, with the channels that are open', async () => {
    const target = await ObedientProcess.start();
    const child = await target.call('startChild');
    await target.call('denyTracing', { verify: false });
    const { code, stdout } = await tracegate(['status', '--tree', `${target.pid}`, '--json']);
    expect(code).toBe(1);
    expect(validated('status', stdout)).toMatchObject({
      process: { pid: target.pid },
      tree: [
        // Whether its listener for SIGUSR1 is there doesn't show.
        { pid: target.pid, depth: 0, state: 'unknown', openBy: [], perhapsOpenBy: ['inspector'] },
        { pid: child, ppid: target.pid, depth: 1, state: 'open', openBy: ['dumpable'], node: null },
      ],
    });
    const text = await tracegate(['status', '--tree', `${target.pid}`]);
    expect(text.stdout).toMatch(new RegExp(`^${target.pid} \\S+ +unknown  perhaps by inspector$`, 'm'));
    expect(text.stdout).toMatch(new RegExp(`^  ${child} cat +open +by dumpable$`, 'm'));
  });

  it('--tree exits with 0 if all are closed, and with 3 if one may be open', async () => {
    const sealed = spawn(
      join(PUBLIC_DIST, '../native/build/Release/tracegate-launch'),
      ['--deny', '--', 'cat'],
      {
        ...AS_USER,
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    onTestFinished(() => void sealed.stdin.end());
    sealed.stdin.write('x');
    await once(sealed.stdout, 'data');
    expect((await tracegate(['status', '--tree', `${sealed.pid}`])).code).toBe(0);
    const target = await ObedientProcess.start();
    await target.call('denyTracing', { verify: false });
    expect((await tracegate(['status', '--tree', `${target.pid}`])).code).toBe(3);
  });

  it('--tree counts an attached tracer as an open channel', async () => {
    const { pid } = await sleeper(AS_USER);
    const strace = await straceAttaches(pid, AS_USER);
    const { stdout } = await tracegate(['status', '--tree', `${pid}`, '--json']);
    expect(validated('status', stdout)).toMatchObject({
      tree: [{ pid, state: 'open', openBy: ['dumpable', 'attached-tracer'], tracerPid: strace!.pid }],
    });
    await strace!.detach();
  });

  it('a zombie and a kernel thread are named, with exit code 0', async () => {
    const dead = await zombie();
    const { code, stdout } = await tracegate(['status', `${dead}`]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tracing +not traceable: it is a zombie, /m);
    const { stdout: json } = await tracegate(['status', '--tree', `${dead}`, '--json']);
    expect(validated('status', json)).toMatchObject({
      process: { kind: 'zombie', status: 'not-traceable', procctl: null },
      tree: [{ pid: dead, state: 'closed', openBy: [], perhapsOpenBy: [] }],
    });
    // kthreadd. Kernel: init/main.c, rest_init()
    const thread = await tracegate(['status', '2']);
    expect(thread.code).toBe(0);
    expect(thread.stdout).toMatch(/^tracing +not traceable: it is a kernel thread, /m);
  });

  it('a process of which only the first thread has ended is unknown', async () => {
    const child = spawn(compile('headless.c'), { stdio: ['pipe', 'pipe', 'inherit'], ...AS_USER });
    onTestFinished(() => void child.stdin.end());
    await once(child.stdout, 'data');
    const pid = child.pid!;
    await statusBecomes(pid, 'State', 'is', 'Z');
    const { code, stdout } = await tracegate(['status', `${pid}`]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^tracing +unknown: its first thread has ended, but others run/m);
  });

  it('a process that cannot be seen is unknown, with exit code 3', async () => {
    const { code, stdout } = await tracegate(['status', '1']);
    expect(code).toBe(3);
    expect(stdout).toMatch(/tracing +unknown/);
  });

  it.each([{ options: [] }, { options: ['--tree'] }])(
    'a pid that no process has is an answer with exit code 1: $options',
    async ({ options }) => {
      const { code, stdout, stderr } = await tracegate(['status', ...options, '2147483647']);
      expect([code, stderr]).toEqual([1, '']);
      expect(stdout).toContain('no process has pid 2147483647: ');
      const { stdout: json } = await tracegate(['status', ...options, '2147483647', '--json']);
      const { process: told, tree } = validated('status', json) as {
        process: TraceStatus;
        tree: TreeMember[] | null;
      };
      expect(told).toMatchObject({ status: 'no-such-process', startTime: null, procctl: null });
      expect(tree?.map(({ status, state }) => [status, state]) ?? null).toEqual(
        options.length === 0 ? null : [['no-such-process', 'unknown']],
      );
    },
  );
});

describe('exit codes', () => {
  it('an answer keeps its exit code if the reader has ended', async () => {
    const child = spawn(process.execPath, [MAIN, 'status', '2147483647'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 1 });
  });

  it('a snapshot whose reader has ended is no error', async () => {
    const child = spawn(process.execPath, [MAIN, 'scan', '--ndjson'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  /** A socket that never connects, and what happens meanwhile. */
  const connecting = (meanwhile: string) => [
    '--import',
    `data:text/javascript,import net from 'node:net'; import events from 'node:events';
     net.connect = () => { ${meanwhile}; return new events.EventEmitter(); };`,
  ];

  it('Node that ends without an answer gives 3, and so does an error that nothing catches', async () => {
    expect(await tracegate(['grants', '/x'], {}, connecting(''))).toMatchObject({ code: 3, stdout: '' });
    const broken = connecting("setImmediate(() => { throw new Error('broken'); })");
    expect(await tracegate(['grants', '/x'], {}, broken)).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^tracegate: Error: broken/),
    });
  });

  it('run that could not do its work ends with 125', async () => {
    expect(await tracegate(['run', '--', 'true'], {}, ['--no-addons'])).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/^tracegate: .*--no-addons/),
    });
  });
});

describe('streams', () => {
  it('a reader that closes the pipe is no error', async () => {
    const child = spawn('sh', ['-c', `"$0" "$1" --help | true`, process.execPath, MAIN], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('a full disk is an error, with exit code 3', async () => {
    const child = spawn(process.execPath, [MAIN, 'status'], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^tracegate: .*ENOSPC.*\n$/);
  });

  it.each([
    [['status', '1']],
    [['probe', '1', '--as', '7:7']],
    [['explain', '1', '--tracer', 'stranger']],
    [['explain', '--mode', 'core', '1']],
    [['audit']],
    [['map']],
    [['scan']],
    [['run', '--help']],
    [['help']],
  ])('no line of %j is longer than its terminal, and none is cut in the middle of a word', async words => {
    const columns = fileURLToPath(new URL('../fixtures/columns.py', import.meta.url));
    const on = async (width: number) => {
      const command = [columns, `${width}`, process.execPath, MAIN, ...words];
      const child = spawn('/usr/bin/python3', command, { env: { PATH: process.env.PATH, NO_COLOR: '1' } });
      return text(child.stdout);
    };
    const [narrow, wide] = [await on(72), await on(1000)];
    expect(wide.split('\n').some(line => line.length > 72)).toBe(true);
    expect(
      narrow.split('\n').filter(line => line.length > 72 && !(words[0] === 'map' && isTable(line))),
    ).toEqual([]);
    if (!UNSTEADY.includes(words[0]!)) {
      const wordsOf = (said: string) => said.split(/\s+/);
      expect(wordsOf(narrow)).toEqual(wordsOf(wide));
    }
  });

  it('colour appears on terminals only, and NO_COLOR and FORCE_COLOR decide first', async () => {
    const { pid } = await sleeper(AS_USER);
    const words = ['probe', `${pid}`];
    const ESC = String.fromCharCode(27);
    expect((await tracegate(words)).stdout).not.toContain(ESC);
    expect((await tracegate(words, { FORCE_COLOR: '1' })).stdout).toContain(ESC);
    expect((await tracegate(words, { FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toContain(ESC);
  });
});
