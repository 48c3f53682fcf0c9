// spawnDenied(): Node's own ChildProcess, for a program to which no stranger can attach.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type * as tracegate from '../../lib/index.js';
import { AS_USER, IS_ROOT, PUBLIC_DIST, statusField, USER } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { changedUntil } from '../helpers/waits.js';

// As built: a Node that is started loads the package from there.
const { probe, spawnDenied, traceStatus }: typeof tracegate = await import(join(PUBLIC_DIST, 'index.js'));

let scratch = '';
beforeAll(() => {
  scratch = mkdtempSync('/tmp/tracegate-spawn-test-');
  if (IS_ROOT) chownSync(scratch, USER, USER);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const environment = (more: NodeJS.ProcessEnv = {}) => ({ PATH: process.env.PATH, TMPDIR: scratch, ...more });

function start(command: string, args: string[], options: tracegate.SpawnDeniedOptions = {}): ChildProcess {
  const child = spawnDenied(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment(),
    ...AS_USER,
    ...options,
  });
  onTestFinished(() => void child.stdin?.end());
  return child;
}

/** Its output, and its end. */
async function ending(child: ChildProcess) {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, code, signal };
}

async function expectClosed(pid: number) {
  for (const method of ['access', 'seize'] as const) {
    expect(await probe(pid, { as: 'stranger', method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
  }
  // fs/proc/base.c, task_dump_owner(): the owner of what isn't dumpable.
  expect(statSync(`/proc/${pid}/environ`).uid).toBe(0);
  expect(traceStatus(pid).status).toBe('disabled');
}

describe.each(['sealed', 'detached', 'preload'] as const)('spawnDenied, %s', BY_USER_TOO, deny => {
  it('closes the program, under the pid of the ChildProcess', async () => {
    const child = start('cat', [], { deny });
    child.stdin!.write('ready\n');
    expect(`${(await once(child.stdout!, 'data'))[0]}`).toBe('ready\n');
    expect(statusField(child.pid!, 'Name')).toBe('cat');
    await expectClosed(child.pid!);
    child.stdin!.end();
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it('passes on arguments, directory, environment and exit code', async () => {
    const script = 'pwd; echo "$SECRET" "$@"; exit 7';
    const child = start('sh', ['-c', script, 'sh', '--', '--deny', 'two words', ''], {
      deny,
      cwd: '/usr',
      env: environment({ SECRET: 'a b' }),
    });
    expect(await ending(child)).toMatchObject({ stdout: '/usr\na b -- --deny two words \n', code: 7 });
  });

  it('ends by kill() and by an AbortSignal', async () => {
    const killed = start('cat', [], { deny });
    expect(killed.kill('SIGTERM')).toBe(true);
    expect(await once(killed, 'close')).toEqual([null, 'SIGTERM']);
    const abort = new AbortController();
    const aborted = start('cat', [], { deny, signal: abort.signal });
    const failed = once(aborted, 'error');
    abort.abort();
    expect((await failed)[0]).toMatchObject({ code: 'ABORT_ERR' });
  });

  it('talks by IPC to a Node that also calls denyTracing()', async () => {
    const script = `process.on('message', () => process.send({
      pid: process.pid, options: process.env.NODE_OPTIONS, usr1: process.listenerCount('SIGUSR1') }, () => process.disconnect()))`;
    const child = start(process.execPath, ['-e', script], {
      deny,
      env: environment({ NODE_OPTIONS: '--no-warnings' }),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await new Promise<void>(resolve => child.send({}, () => resolve()));
    const [said] = await once(child, 'message');
    expect(said).toMatchObject({ pid: child.pid, usr1: 1 });
    expect(said.options).toMatch(/^--no-warnings --import=\S+\/dist\/deny\.js/);
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});

describe('spawnDenied', () => {
  it('leaves no copy behind', async () => {
    const child = start('cat', []);
    child.stdin!.write('x');
    await once(child.stdout!, 'data');
    expect(readdirSync(scratch)).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'close');
    await changedUntil(scratch, () => readdirSync(scratch).length === 0);
  });

  it('lowers the core limit with the option core', async () => {
    const child = start('sh', ['-c', 'ulimit -Hc; grep "core file" /proc/self/limits'], { core: 'off' });
    expect((await ending(child)).stdout).toMatch(/Max core file size\s+1\s+1\s/);
  });

  it.each([
    ['nosuch', [], 127, /"nosuch" is not in PATH/],
    ['/etc/passwd', [], 126, /"\/etc\/passwd": Permission denied/],
  ])('%s %j: the error says why it is not started', async (command, args, code, said) => {
    const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = await ending(child);
    expect(end).toMatchObject({ code, stdout: '' });
    expect(end.stderr).toMatch(said);
  });

  // spawn() itself is the oracle.
  it('gives the environment as spawn() does, byte for byte, and no further stream', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 2000 }, (_, at) => [`V${at}`, 'x'.repeat(at % 500)]),
    );
    const env: Record<string, unknown> = environment({
      EMPTY: '',
      LINES: 'a\nb\n',
      SIGN: 'a=b=c',
      'odd name': 'é\u{1f600}',
      LEFT_OUT: undefined,
      ...many,
    });
    env.NUMBER = 7;
    const options = { env: env as NodeJS.ProcessEnv, ...AS_USER };
    const [denied, plain] = [spawnDenied('env', ['-0'], options), spawn('env', ['-0'], options)];
    expect(denied.stdio.length).toBe(plain.stdio.length);
    const lines = async (child: ChildProcess) => (await ending(child)).stdout.split('\0').toSorted();
    const [found, expected] = await Promise.all([lines(denied), lines(plain)]);
    expect(found).toEqual(expected);
    expect(expected).toContain('NUMBER=7');
  });

  it('does not read the environment if the launcher is traced, or if its parent has ended', async () => {
    const launch = join(PUBLIC_DIST, '..', 'native', 'build', 'Release', 'tracegate-launch');
    const words = ['--environment=3:9', '--', 'env'];
    const run = async (command: string[], end: (input: Writable) => void) => {
      const [program = '', ...rest] = command;
      const child = spawn(program, rest, {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        env: environment(),
        ...AS_USER,
      });
      const input = child.stdio[3] as Writable;
      input.on('error', () => {}); // it may end before
      end(input);
      return ending(child);
    };
    expect(await run([launch, ...words], input => void input.end('SECRET=1\0'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('SECRET=1\n'),
    });
    const traced = await run(
      ['strace', '-qq', '-e', 'trace=none', launch, ...words],
      input => void input.end('SECRET=1\0'),
    );
    expect(traced).toMatchObject({ code: 125, stdout: '', stderr: expect.stringMatching(/traces this one/) });
    const alone = await run([launch, ...words], input => void input.end('SECRET'));
    expect(alone).toEqual({ code: 125, signal: null, stdout: '', stderr: '' });
  });

  it.each(['x', '3', '3:', '3:x', '2:9', '-1:9', '3:99999999', '3:9x', ''])(
    'the launcher takes no --environment=%s',
    word => {
      const launch = join(PUBLIC_DIST, '..', 'native', 'build', 'Release', 'tracegate-launch');
      const { status, stderr } = spawnSync(launch, [`--environment=${word}`, '--', 'env'], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([2, expect.stringContaining('it is FD:BYTES')]);
    },
  );

  it('ends the child if it cannot be closed', async () => {
    const child = start('cat', [], {
      env: environment({ TMPDIR: join(scratch, 'no such directory') }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { code, stderr } = await ending(child);
    expect(code).toBe(125);
    expect(stderr).toMatch(/no such directory/);
  });

  it.each([
    [[''], /command must be a program, not ''/],
    [[7], /command must be a program, not 7/],
    [['/proc/self/exe'], /command must be a program's own path: .* would be the launcher/],
    [['cat', 'x'], /args must be an array of strings, not 'x'/],
    [['cat', [], { deny: 'no' }], /deny must be 'sealed', 'detached' or 'preload', not 'no'/],
    [['cat', [], { core: 'on' }], /core must be 'off', not 'on'/],
    [['cat', [], { env: 'x' }], /env must be an object of strings, not 'x'/],
    [['cat', [], { env: { A: 'a\0b' } }], /env must be without null characters in each variable, not 'A'$/],
    [['cat', [], { shell: true }], /shell must be left out: .* not true/],
    [['cat', [], { argv0: 'dog' }], /argv0 must be left out: .* not 'dog'/],
  ])('%j is refused before anything is started', (words, message) => {
    const call = () => (spawnDenied as (...words: unknown[]) => ChildProcess)(...words);
    expect(call).toThrow(message);
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_OPTION' }));
  });
});
