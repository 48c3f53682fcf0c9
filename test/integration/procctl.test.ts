// FreeBSD's procctl(PROC_TRACE_CTL, PROC_TRACE_STATUS) and proccontrol(1), row by row of docs/procctl.md, with strace, gdb
// and wait(2) as oracles.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { traceStatus } from '../../lib/index.js';
import { tracegate } from '../helpers/cli.js';
import {
  AS_USER,
  IS_ROOT,
  ObedientProcess,
  PUBLIC_DIST,
  ROOT,
  sleeper,
  statusField,
  straceAttaches,
  USER,
} from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

const LAUNCH = join(PUBLIC_DIST, '..', 'native', 'build', 'Release', 'tracegate-launch');

let scratch = '';
beforeAll(() => {
  scratch = mkdtempSync('/tmp/tracegate-procctl-test-');
  if (IS_ROOT) chownSync(scratch, USER, USER);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Starts a program of an ordinary user's that ends with its input, and waits for the line that it says first. */
async function start(command: string[]) {
  const child = spawn(command[0]!, command.slice(1), {
    ...AS_USER,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TMPDIR: scratch },
  });
  onTestFinished(() => void child.stdin.end());
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, 'line').then(([text]) => text as string);
  return { pid: child.pid!, stdin: child.stdin, line };
}

async function echo(command: string[]) {
  const child = await start(command);
  child.stdin.write('ready\n');
  expect(await child.line).toBe('ready');
  return child.pid;
}

/** The oracle: strace of the same uid. */
async function isOpen(pid: number): Promise<boolean> {
  const strace = await straceAttaches(pid, AS_USER);
  await strace?.detach();
  return strace !== null;
}

/** How a child ended, by wait(2): whether the kernel dumped its core. */
const WAIT = `
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
os.chdir(sys.argv[1])
pid = os.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
status = os.waitpid(pid, 0)[1]
print(os.WTERMSIG(status), os.WCOREDUMP(status))`;

const dumpsCore = (command: string[]) =>
  execFileSync('/usr/bin/python3', ['-c', WAIT, scratch, ...command], {
    ...AS_USER,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TMPDIR: scratch },
  });

const rows: Record<string, () => Promise<void>> = {
  async 'status 0'() {
    const { pid } = await sleeper(AS_USER);
    expect(traceStatus(pid).procctl).toBe(0);
    expect(await isOpen(pid)).toBe(true);
  },

  async 'status -1'() {
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    expect(traceStatus(target.pid).procctl).toBe(-1);
  },

  async 'status pid'() {
    const target = await ObedientProcess.start();
    const strace = await straceAttaches(target.pid, AS_USER);
    expect(traceStatus(target.pid).procctl).toBe(strace!.pid);
    await target.call('setDumpable', 'disabled');
    expect(traceStatus(target.pid)).toMatchObject({ procctl: strace!.pid, dumpable: false });
    await strace!.detach();
    expect(traceStatus(target.pid).procctl).toBe(-1);
  },

  async 'status unseen'() {
    expect(traceStatus(1)).toMatchObject({ procctl: null, status: 'unknown' });
  },

  async 'disable self'() {
    const target = await ObedientProcess.start();
    expect(await isOpen(target.pid)).toBe(true);
    await target.call('setDumpable', 'disabled');
    expect(await isOpen(target.pid)).toBe(false);
  },

  async 'core dumps'() {
    const end = (call: string) => [
      process.execPath,
      '-e',
      `import('${PUBLIC_DIST}/index.js').then(({ setDumpable }) => { ${call}; process.kill(process.pid, 'SIGQUIT'); })`,
    ];
    expect(dumpsCore(end(''))).toBe('3 True\n');
    expect(dumpsCore(end(`setDumpable('disabled')`))).toBe('3 False\n');
  },

  async 'enable self'() {
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    await target.call('setDumpable', 'user');
    expect(traceStatus(target.pid).procctl).toBe(0);
    expect(await isOpen(target.pid)).toBe(true);
  },

  async "others can't enable"() {
    const [target, other] = await Promise.all([ObedientProcess.start(), ObedientProcess.start()]);
    await target.call('setDumpable', 'disabled');
    // The only way into another's call would be to trace it.
    await other.call('setDumpable', 'user', target.pid);
    expect(await other.call('probe', target.pid, { method: 'seize' })).toMatchObject({ outcome: 'denied' });
    expect(traceStatus(target.pid).procctl).toBe(-1);
  },

  async 'disable another'() {
    const { pid } = await sleeper(AS_USER);
    const words = ['-nx', '-batch', '-p', `${pid}`, '-ex', 'call (int)prctl(4, 0)'];
    expect(execFileSync('gdb', words, { ...AS_USER, encoding: 'utf8', stdio: 'pipe' })).toMatch(/\$1 = 0/);
    expect(traceStatus(pid).procctl).toBe(-1);
    expect(await isOpen(pid)).toBe(false);
  },

  async 'busy when traced'() {
    const target = await ObedientProcess.start();
    const strace = await straceAttaches(target.pid, AS_USER);
    expect(await target.call('denyTracing', { verify: false })).toMatchObject({
      tracedBy: strace!.pid,
      open: [{ channel: 'attached-tracer', why: `process ${strace!.pid} traces this one` }],
    });
    expect(traceStatus(target.pid)).toMatchObject({ status: 'traced', dumpable: false });
    await strace!.detach();
    const { status, stderr } = await launchUnderStrace();
    expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringMatching(/traces this one/) });
  },

  async 'bad value'() {
    const target = await ObedientProcess.start();
    await expect(target.call('setDumpable', 2)).rejects.toMatchObject({ name: 'TypeError' });
    expect(traceStatus(target.pid).procctl).toBe(0);
    expect((await tracegate(['run', '--deny=3', '--', 'true'])).code).toBe(2);
  },

  async 'inherited by fork'() {
    const script = 'exec 3<&0; (read x <&3) & echo $!; wait';
    const shell = await start([LAUNCH, '--deny', '--', 'sh', '-c', script]);
    const forked = Number(await shell.line);
    expect(statusField(forked, 'PPid')).toBe(`${shell.pid}`);
    expect(traceStatus(forked).procctl).toBe(-1);
    expect(await isOpen(forked)).toBe(false);
  },

  async 're-enabled by exec'() {
    // tracegate-launch disables itself first, and executes.
    const pid = await echo([LAUNCH, '--', 'cat']);
    expect(traceStatus(pid).procctl).toBe(0);
    expect(await isOpen(pid)).toBe(true);
    const target = await ObedientProcess.start();
    await target.call('setDumpable', 'disabled');
    expect(traceStatus(await target.call('startChild')).procctl).toBe(0);
  },

  async 'kept over exec'() {
    const pid = await echo([LAUNCH, '--deny=preload', '--', 'sh', '-c', 'exec cat']);
    expect(statusField(pid, 'Name')).toBe('cat');
    expect(traceStatus(pid).procctl).toBe(-1);
    const self = ['sh', '-c', 'exec /proc/self/exe -c "echo ready; read x"'];
    const sealed = await start([LAUNCH, '--deny', '--', ...self]);
    expect(await sealed.line).toBe('ready');
    expect(traceStatus(sealed.pid).procctl).toBe(-1);
    expect(await isOpen(sealed.pid)).toBe(false);
  },

  async 'started disabled'() {
    const pid = await echo([LAUNCH, '--deny', '--', 'cat']);
    expect(traceStatus(pid).procctl).toBe(-1);
    expect(await isOpen(pid)).toBe(false);
  },

  async query() {
    const pid = await echo([LAUNCH, '--deny', '--', 'cat']);
    const { stdout } = await tracegate(['status', `${pid}`, '--json']);
    expect(JSON.parse(stdout).process.procctl).toBe(-1);
  },

  async 'privileged tracers'() {
    const pid = await echo([LAUNCH, '--deny', '--', 'cat']);
    const strace = await straceAttaches(pid);
    // Of an ordinary user the tracer has no privilege.
    expect(strace !== null).toBe(IS_ROOT);
    await strace?.detach();
  },
};

/** tracegate-launch, started by a strace that so is its tracer. */
async function launchUnderStrace() {
  const strace = spawn('strace', ['-qq', '-e', 'trace=none', LAUNCH, '--deny', '--', 'true'], {
    ...AS_USER,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  strace.stderr.on('data', chunk => {
    stderr += chunk;
  });
  const [status] = await once(strace, 'close');
  return { status, stderr };
}

/** In these who runs the tests asks. */
const BY_CALLER = ['status -1', 'status unseen', 'query', 'privileged tracers'];

for (const [name, test] of Object.entries(rows)) it(name, BY_CALLER.includes(name) ? BY_USER_TOO : {}, test);

it('docs/procctl.md has these rows', () => {
  const table = readFileSync(join(ROOT, 'docs/procctl.md'), 'utf8').split('\n');
  const named = table.filter(line => /^\| (?!row|-)/.test(line)).map(line => line.split(' | ')[0]!.slice(2));
  expect(named).toEqual(Object.keys(rows));
});
