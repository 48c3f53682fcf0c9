// Processes by their names: `tracegate explain node`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAIN, tracegate } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { privateDirectory, zombie } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

let names = 0;

/** A name that no other process on this machine has. */
function newName(): string {
  names += 1;
  return `tg${process.pid.toString(36)}x${names}`;
}

/** A process that ends with its standard input, when it has said something. */
async function started(program: string, words: string[] = [], argv0 = program): Promise<number> {
  const child = spawn(program, words, { argv0, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.stdin.end());
  child.stdin.write('x');
  await once(child.stdout, 'data');
  return child.pid!;
}

const READS = 'console.log();process.stdin.resume()';

const hex = (name: string) => Buffer.from(name).toString('hex');

/** One whose name in the kernel is that. */
const named = (name: string) => started(compile('named.c'), [hex(name)]);

/** A copy of cat in a file with that name. */
function copyOfCat(name: string): string {
  const program = join(privateDirectory(0o755), name);
  copyFileSync('/bin/cat', program);
  chmodSync(program, 0o755);
  return program;
}

const comm = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();

describe('a name means the process', BY_USER_TOO, () => {
  it('with that name in the kernel', async () => {
    const name = newName();
    const pid = await named(name);
    const { code, stdout } = await tracegate(['probe', name]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${name}, PID ${pid}\\n${pid} +${name} +allowed\\n$`));
  });

  it('whose program has that name, longer than the 15 bytes of the kernel, also when its file is gone', async () => {
    const name = `${newName()}-longer-than-fifteen`;
    const program = copyOfCat(name);
    const pid = await started(program, [], 'another');
    expect(comm(pid)).not.toBe(name);
    expect((await tracegate(['status', name])).stdout).toMatch(new RegExp(`^${name}, PID ${pid}\\n`));
    unlinkSync(program);
    expect((await tracegate(['status', name])).stdout).toMatch(new RegExp(`^${name}, PID ${pid}\\n`));
  });

  it('whose first word has that name, with a path or as a login shell', async () => {
    const [one, other] = [newName(), newName()];
    const first = await started('cat', [], `/opt/${one}`);
    const second = await started('cat', [], `-${other}`);
    expect((await tracegate(['status', one])).stdout).toMatch(new RegExp(`^${one}, PID ${first}\\n`));
    expect((await tracegate(['status', other])).stdout).toMatch(new RegExp(`^${other}, PID ${second}\\n`));
  });
});

describe('every command that asks takes a name:', () => {
  it.each([
    ['status', (name: string) => ['status', name]],
    ['status --tree', (name: string) => ['status', '--tree', name]],
    ['probe', (name: string) => ['probe', name]],
    ['explain', (name: string) => ['explain', name]],
    ['explain --mode core', (name: string) => ['explain', '--mode', 'core', name]],
    ['explain --tracer', (name: string) => ['explain', '1', '--tracer', name]],
    ['map --from', (name: string) => ['map', '--from', name]],
  ])('%s', async (_, words) => {
    const name = newName();
    const pid = await named(name);
    const { stdout, stderr } = await tracegate(words(name));
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^${name}, PID ${pid}\\n`));
  });

  it('in data the name is not named', async () => {
    const name = newName();
    const pid = await named(name);
    for (const words of [
      ['status', name, '--json'],
      ['probe', name, '--ndjson'],
      ['explain', name, '--json'],
      ['map', '--from', name, '--format', 'json'],
    ]) {
      const { stdout } = await tracegate(words);
      expect(JSON.stringify(JSON.parse(stdout))).toContain(`${pid}`);
    }
  });
});

describe('a name that many or none have', () => {
  it('is exit code 2 with the pids and their command lines, and nothing that a terminal obeys', async () => {
    const name = newName();
    const pids = [
      await started(process.execPath, ['-e', READS, '--', `\u001b[31m${'x'.repeat(200)}`], name),
      await started(compile('named.c'), [hex(name)]),
    ].sort((one, other) => one - other);
    const { code, stdout, stderr } = await tracegate(['explain', name]);
    expect([code, stdout]).toEqual([2, '']);
    const [said, ...rows] = stderr.trimEnd().split('\n');
    expect(said).toBe(`tracegate: 2 processes have the name "${name}": name one by its pid`);
    expect(rows.map(row => Number(row.trim().split(' ')[0]))).toEqual(pids);
    expect(stderr).toContain(`${READS} -- \\u{1b}[31mxxx`);
    expect(stderr).not.toContain('\u001b');
    expect(rows.every(row => row.length <= 120)).toBe(true);
  });

  it('is exit code 1 with a sentence', async () => {
    expect(await tracegate(['probe', 'tg-nobody-has-it'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'tracegate: no process that is visible here has the name "tg-nobody-has-it"\n',
    });
  });
});

describe('is no match:', () => {
  it('a zombie beside a running program; a zombie alone is one', async () => {
    const dead = await zombie();
    // Its parent has that name too, and runs.
    const beside = await tracegate(['status', comm(dead)]);
    expect(beside.stdout).toMatch(/^zombie-\S+, PID \d+\n/);
    expect(beside.stdout).not.toContain(`PID ${dead}\n`);
    const name = newName();
    const script = `import ctypes, os, sys
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(15, b"${name}", 0, 0, 0)
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print("ready", flush=True)
sys.stdin.read()`;
    await started('python3', ['-c', script]);
    const alone = await tracegate(['status', name]);
    expect(alone.stdout).toMatch(/not traceable: it is a zombie/);
  });

  it('another thread of a process', async () => {
    const name = newName();
    const script = `import ctypes, sys, threading
def live():
    ctypes.CDLL(None).prctl(15, b"${name}", 0, 0, 0)
    print("ready", flush=True)
    sys.stdin.read()
threading.Thread(target=live).start()`;
    await started('python3', ['-c', script]);
    expect((await tracegate(['status', name])).code).toBe(1);
  });

  it('this process, and the shell and npx that run it', async () => {
    const directory = privateDirectory(0o755);
    const command = join(directory, 'tracegate');
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
    // Their name is the shell's under another one, so that only they have it.
    const shell = join(directory, newName());
    symlinkSync('/bin/sh', shell);
    const name = shell.slice(directory.length + 1);
    const ask = (script: string) => {
      const child = spawn(shell, ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
      return Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    };
    const [, stderr] = await ask(`"${command}" status ${name}; true`);
    expect(stderr).toMatch(/no process that is visible here has the name/);
    // A shell that runs another command with it is a match.
    const script = join(directory, 'script');
    writeFileSync(script, `"${process.execPath}" "${MAIN}" status ${name}; true\n`);
    const [stdout] = await ask(`. "${script}"; true`);
    expect(stdout).toMatch(new RegExp(`^${name}, PID \\d+\\n`));
  });
});

it('a kernel thread is a match where no program has the name', async () => {
  const { stdout } = await tracegate(['status', 'kthreadd']);
  expect(stdout).toMatch(/^kthreadd, PID 2\n.*\n.* not traceable: it is a kernel thread/);
});
