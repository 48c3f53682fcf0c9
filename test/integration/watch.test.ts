// `tracegate watch` on this kernel: real tracers are in its recording, and each of its ends leaves a whole one. onTraced() in an app that
// isn't root.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAIN, validated } from '../helpers/cli.js';
import {
  AS_USER,
  IS_ROOT,
  PUBLIC_DIST,
  privateDirectory,
  ROOT,
  sleeper,
  straceAttaches,
  USER,
} from '../helpers/processes.js';

/** drivers/connector/cn_proc.c: from Linux 6.6 on the connector serves every user. */
const servesUsers = (() => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 6);
})();
const maySee = IS_ROOT || servesUsers;

type Line = Record<string, unknown> & { event: string };

interface Watching {
  child: ChildProcess;
  stdout: Promise<string>;
  stderr: string[];
  ended: Promise<unknown[]>;
}

/** Started, and told that it watches. */
async function watching(words: readonly string[], before: readonly string[] = []): Promise<Watching> {
  const [program = '', ...rest] = [...before, process.execPath, MAIN, 'watch', ...words];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const stdout = text(child.stdout);
  const ended = once(child, 'close');
  const stderr: string[] = [];
  const lines = createInterface({ input: child.stderr });
  await new Promise<void>(resolve => {
    lines.on('line', line => {
      stderr.push(line);
      if (line.startsWith('watching by')) resolve();
    });
    child.once('exit', () => resolve());
  });
  return { child, stdout, stderr, ended };
}

const linesOf = (recording: string): Line[] => {
  expect(recording.endsWith('\n')).toBe(true);
  return recording
    .split('\n')
    .slice(0, -1)
    .map(line => validated('watch', line) as Line);
};

interface Seen {
  tracer: string;
  program: string;
  way: string;
  target: number;
  outcome: string;
  scopes: string[];
}

function accessesIn(lines: readonly Line[]): Seen[] {
  const pairs = new Map(lines.filter(({ event }) => event === 'pair').map(line => [line.id, line as never]));
  return lines
    .filter(({ event }) => event === 'access')
    .map(line => {
      // biome-ignore lint/suspicious/noExplicitAny: a line that fits the schema
      const [{ tracer, way, scopes }, { target, outcome }] = [pairs.get(line.pair) as any, line as any];
      return {
        tracer: tracer.comm,
        program: tracer.program,
        way,
        target: target.pid,
        outcome,
        // biome-ignore lint/suspicious/noExplicitAny: the same
        scopes: scopes.map(({ verdict }: any) => verdict),
      };
    });
}

const attach = async (pid: number) => {
  const strace = await straceAttaches(pid);
  await strace?.detach();
};

/** Collects what a stream says, until it says something. */
function listener(stream: NodeJS.ReadableStream) {
  let said = '';
  let isOver = false;
  stream.on('data', chunk => {
    said += chunk;
  });
  stream.once('close', () => {
    isOver = true;
  });
  return {
    said: () => said,
    until: async (pattern: RegExp) => {
      while (!pattern.test(said)) {
        if (isOver) throw new Error(`it ended, and said ${said}`);
        await Promise.race([once(stream, 'data'), once(stream, 'close')]);
      }
    },
  };
}

describe.runIf(maySee)('a recording', () => {
  it('has strace, gdb and gcore with their targets, and the end of each attach', async () => {
    const target = await sleeper();
    const { child, stdout, ended } = await watching(['--ndjson', '--pid', `${target.pid}`]);
    const heard = listener(child.stdout as NodeJS.ReadableStream);
    const strace = await straceAttaches(target.pid);
    await heard.until(/"event":"access"/);
    await strace?.detach();
    const gdb = spawnSync('gdb', ['-q', '-batch', '-p', `${target.pid}`], { encoding: 'utf8' });
    expect(gdb.status).toBe(0);
    const directory = privateDirectory();
    expect(spawnSync('gcore', ['-o', join(directory, 'core'), `${target.pid}`]).status).toBe(0);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    const lines = linesOf(await stdout);
    const [first, last] = [lines[0], lines.at(-1)];
    expect(first).toMatchObject({ event: 'begin', filters: { pid: target.pid } });
    expect(last).toMatchObject({ event: 'stop', because: 'SIGTERM' });
    const accesses = accessesIn(lines);
    const attaches = accesses.filter(({ way }) => way === 'attach' || way === 'seize');
    expect(new Set(attaches.map(({ tracer }) => tracer))).toEqual(new Set(['strace', 'gdb']));
    for (const { target: pid, outcome } of accesses) expect([pid, outcome]).toEqual([target.pid, 'allowed']);
    expect(attaches.length).toBe(3);
    expect(lines.filter(({ event }) => event === 'end').length).toBe(3);
    expect(last?.events).toBe(accesses.length);
  });

  it.skipIf(!IS_ROOT)(
    'tells what a stranger of the same user loses (needs root: as another user)',
    async () => {
      const target = await sleeper(AS_USER);
      const { child, stdout, ended } = await watching(['--ndjson', '--pid', `${target.pid}`]);
      const heard = listener(child.stdout as NodeJS.ReadableStream);
      const strace = await straceAttaches(target.pid, AS_USER);
      // strace stays until its facts have been read.
      await heard.until(/"event":"access"/);
      await strace?.detach();
      child.kill('SIGTERM');
      await ended;
      const [access] = accessesIn(linesOf(await stdout)).filter(seen => seen.target === target.pid);
      // A declaration from before the start isn't seen.
      expect(access?.scopes).toEqual(['allowed', 'unknown', 'refused', 'refused']);
    },
  );

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends with a whole line at %s', async signal => {
    const target = await sleeper();
    const directory = privateDirectory();
    const path = join(directory, 'host.ndjson');
    const { child, ended } = await watching(['--out', path]);
    await attach(target.pid);
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    const lines = linesOf(readFileSync(path, 'utf8'));
    expect(lines.at(-1)).toMatchObject({ event: 'stop', because: signal });
    expect(accessesIn(lines).some(seen => seen.target === target.pid)).toBe(true);
  });

  it('ends by itself after --for, and at the end of its reader', async () => {
    const { ended, stdout } = await watching(['--ndjson', '--for', '1']);
    expect(await ended).toEqual([0, null]);
    expect(linesOf(await stdout).at(-1)).toMatchObject({ event: 'stop', because: 'the time is over' });

    const target = await sleeper();
    const reader = await watching(['--pid', `${target.pid}`]);
    const said = reader.stdout.catch(() => 'cut off');
    reader.child.stdout?.destroy();
    // The first write after the end of the reader fails, or the one after it.
    for (let count = 0; count < 2; count++) await attach(target.pid);
    expect(await Promise.all([reader.ended, said])).toEqual([[0, null], 'cut off']);
    expect(reader.stderr.length).toBe(2);
  });

  it('has a line for each access where there is no terminal', async () => {
    const target = await sleeper();
    const { child, stdout, ended } = await watching(['--pid', `${target.pid}`]);
    const heard = listener(child.stdout as NodeJS.ReadableStream);
    const strace = await straceAttaches(target.pid);
    await heard.until(/allowed/);
    await strace?.detach();
    child.kill('SIGINT');
    await ended;
    expect(await stdout).toMatch(
      new RegExp(`strace \\(\\d+\\) (attach|seize) \\w+ \\(${target.pid}\\): allowed; at scope 0✓ 1. 2. 3✗`),
    );
  });

  it('has a table on a terminal, which Ctrl-C ends', async () => {
    const target = await sleeper();
    const terminal = spawn(
      'python3',
      [join(ROOT, 'test/fixtures/types-ctrl-c.py'), 'at 3 refused', process.execPath, MAIN].concat([
        ...['watch', '--details', '--pid', `${target.pid}`],
      ]),
      { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH, TERM: 'xterm' } },
    );
    onTestFinished(() => void terminal.kill());
    const { said, until } = listener(terminal.stdout);
    await until(/TRACER/);
    // strace stays until its name has been read.
    const strace = await straceAttaches(target.pid);
    await until(/code/);
    await strace?.detach();
    expect(said()).toMatch(/strace {2}(attach|seize) /);
    expect(said()).toContain('code 0\n');
    expect(said()).toContain('1 accesses');
  });
});

describe('what keeps it from watching', () => {
  it.skipIf(!IS_ROOT)('is one line with exit code 3: without rights (needs root: unshare)', () => {
    const run = spawnSync(
      'unshare',
      ['--net', 'setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'].concat([
        process.execPath,
        join(PUBLIC_DIST, 'cli.cjs'),
        'watch',
      ]),
      { encoding: 'utf8' },
    );
    expect([run.status, run.stdout]).toEqual([3, '']);
    expect(run.stderr).toMatch(
      /^tracegate: no source of accesses can be opened\. bpf .*process-connector can.t be used: .*\n$/,
    );
  });

  it.skipIf(!IS_ROOT)(
    'a full disk ends it with one line, exit code 3 and a whole recording (needs root: mounts)',
    () => {
      const directory = privateDirectory();
      const script = `mount -t tmpfs -o size=16k none "$1"
      "$2" "$3" watch --ndjson > "$1/full" & watch=$!
      sleep 60 & target=$!
      while kill -0 $watch 2>/dev/null; do strace -qq -e trace=none -p $target 2>/dev/null & sleep 0.1; kill $!; done
      kill $target; wait $watch; echo $? > "$4"; cat "$1/full"`;
      const code = join(privateDirectory(), 'code');
      const run = spawnSync(
        'unshare',
        ['--mount', 'sh', '-c', script, 'sh', directory, process.execPath, MAIN, code],
        {
          encoding: 'utf8',
        },
      );
      expect(readFileSync(code, 'utf8')).toBe('3\n');
      expect(run.stderr).toMatch(/tracegate: ENOSPC: no space left on device, write\n/);
      expect(run.stdout.length).toBeGreaterThan(10_000);
      linesOf(run.stdout);
    },
  );

  it.each([
    [['--rotate', '1M'], '--rotate and --keep are for --out FILE'],
    [['--out', 'f', '--rotate', 'much'], '--rotate "much": use a size such as 64M'],
    [['--for', '0'], '--for "0": use a number from 1 to'],
    [['--uid', '1.5'], '--uid "1.5": use a user'],
    [['1'], 'watch takes no argument'],
  ])('watch %j is refused with what to use', (words, message) => {
    const run = spawnSync(process.execPath, [MAIN, 'watch', ...words], { encoding: 'utf8' });
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain(message);
  });
});

describe('onTraced()', () => {
  /** What the fixture says: its first line, and the others as they come. */
  async function told(...role: string[]) {
    const child = spawn(
      process.execPath,
      [join(ROOT, 'test/fixtures/on-traced.mjs'), PUBLIC_DIST, IS_ROOT ? `${USER}` : '', ...role],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    onTestFinished(() => void child.stdin.end());
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value);
    return { child, first: await next(), next };
  }

  it.skipIf(!servesUsers)(
    'tells an app that is not root of a tracer, and which thread it traces',
    async () => {
      const { first, next } = await told();
      const strace = spawn('strace', ['-qq', '-e', 'trace=none', '-p', `${first.ready}`], {
        stdio: 'ignore',
      });
      onTestFinished(() => void strace.kill());
      expect(await next()).toMatchObject({ tid: first.ready, tracer: { pid: strace.pid, comm: 'strace' } });
    },
  );

  it.skipIf(!servesUsers)('a guard beside the app ends the app while a debugger has stopped it', async () => {
    const { child, first, next } = await told('with-guard');
    const gdb = spawn('gdb', ['-q', '-batch', '-p', `${first.ready}`], { stdio: 'ignore' });
    const closed = once(gdb, 'close');
    expect(await next()).toMatchObject({ tracer: { comm: 'gdb' } });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await closed;
  });

  it.skipIf(servesUsers)('says before Linux 6.6 that it can not tell', async () => {
    const { first } = await told();
    expect(first.code).toBe('ERR_TRACEGATE_CANNOT_WATCH');
  });
});
