// Claims of SECURITY.md that no other suite tries. test/unit/security-claims.test.ts holds each claim to its test.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { probe } from '../../lib/index.js';
import { start } from '../fixtures/children.mjs';
import { MAIN } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  closedTarget,
  IS_ROOT,
  isClosed,
  ObedientProcess,
  PUBLIC_DIST,
  privateDirectory,
  ROOT,
  sleeper,
  straceAttaches,
  USER,
} from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';
import { closed } from '../helpers/waits.js';

const PYTHON = '/usr/bin/python3';
const OTHER = { uid: 4711, gid: 4711 };

/** A program of the ordinary user, until the test ends. */
function started(command: string[], options: object = {}) {
  const child = start(compile('with-parent.c'), command, { ...AS_USER, ...options });
  onTestFinished(() => child.kill());
  return child;
}

const fixture = (name: string) => readFileSync(join(ROOT, 'test/fixtures', name), 'utf8');

const run = (program: string, words: string[], options: object = {}) =>
  spawnSync(program, words, { encoding: 'utf8', ...AS_USER, ...options });

describe('PR_SET_DUMPABLE', BY_USER_TOO, () => {
  it('is inherited by a fork, and an exec resets it', async () => {
    const child = started([PYTHON, '-c', fixture('opts-out.py')]);
    const owners = [Number(await child.line())];
    for (const word of ['deny', 'fork', 'exec']) {
      child.say(`${word}\n`);
      owners.push(Number(await child.line()));
    }
    expect(owners).toEqual([USER, 0, 0, USER]);
  });
});

describe('files of /proc/PID that were opened before the opt-out', BY_USER_TOO, () => {
  it('stay readable, and mem stays writable, until the process executes a program', async () => {
    const env = { PATH: process.env.PATH, HELD: 'word-of-before' };
    const victim = started([PYTHON, '-c', fixture('opts-out.py')], { env });
    await victim.line();
    const thief = started([
      PYTHON,
      '-c',
      fixture('holds-files.py'),
      `${victim.pid}`,
      env.HELD,
      'word-of-after!',
    ]);
    expect(await thief.line()).toBe('opens');
    const found = async (word: string) => {
      victim.say(`${word}\n`);
      await victim.line();
      thief.say('\n');
      return thief.line();
    };
    expect(await found('deny')).toBe('read read written');
    expect(await found('exec')).toBe('nothing nothing nothing');
  });
});

describe('the files of /proc that every user may read', () => {
  it.runIf(IS_ROOT)(
    'another uid reads them of a closed process, but not environ (needs root to be two users)',
    async () => {
      const { pid } = await closedTarget();
      for (const name of ['cmdline', 'status', 'stat', 'comm', 'cgroup'])
        expect(run('cat', [`/proc/${pid}/${name}`], OTHER)).toMatchObject({ status: 0, stderr: '' });
      expect(run('cat', [`/proc/${pid}/cmdline`], OTHER).stdout).toContain('target.mjs');
      for (const user of [OTHER, AS_USER])
        expect(run('cat', [`/proc/${pid}/environ`], user).stderr).toMatch(/Permission denied/);
    },
  );
});

describe('a holder of the capability', () => {
  it('the creator of its user namespace attaches to a process that opted out in it', async context => {
    const script = `${fixture('opts-out.py')}`;
    if (run('unshare', ['-Ur', 'true']).status !== 0)
      context.skip('this kernel makes no user namespace for a user');
    const child = started(['unshare', '-Ur', PYTHON, '-c', script]);
    await child.line();
    child.say('deny\n');
    await child.line();
    await (await straceAttaches(child.pid, AS_USER))!.detach();
    // Another process of the initial namespace that opted out keeps the same strace out.
    expect(await straceAttaches((await closedTarget()).pid, AS_USER)).toBeNull();
  });
});

/** A free port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function listens(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

describe('Node’s inspector, after a SIGUSR1 of a process of its uid', () => {
  const node = async (script: string) => {
    const port = await freePort();
    const child = started([process.execPath, `--inspect-port=${port}`, '--input-type=module', '-e', script], {
      cwd: '/',
    });
    await child.line();
    run('kill', ['-USR1', `${child.pid}`]);
    return { port, child };
  };

  it.runIf(IS_ROOT)(
    'listens to every uid, also if the process is not dumpable (needs root to be two users)',
    async () => {
      const script = `import { setDumpable } from '${PUBLIC_DIST}/index.js';
      setDumpable('disabled'); console.log('closed'); setInterval(() => {}, 1000);`;
      const { port, child } = await node(script);
      await once(child.process.stderr, 'data'); // "Debugger listening on …"
      expect(isClosed(child.pid)).toBe(true);
      const read = 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())';
      const { stdout } = run('python3', ['-c', read, `http://127.0.0.1:${port}/json/list`], OTHER);
      expect(JSON.parse(stdout)).toMatchObject([{ webSocketDebuggerUrl: expect.stringMatching(/^ws:/) }]);
    },
  );

  it('does not listen if the program has a listener of its own', async () => {
    const script =
      "process.on('SIGUSR1', () => console.log('heard')); console.log('ready'); setInterval(() => {}, 1000);";
    const { port, child } = await node(script);
    expect(await child.line()).toBe('heard');
    expect(await listens(port)).toBe(false);
  });
});

it('--cpu-prof, --heap-prof and NODE_V8_COVERAGE write no value of the program', () => {
  const directory = privateDirectory();
  const script = `const { denyTracing } = await import('${PUBLIC_DIST}/index.js');
    globalThis.held = ['of', 'string', process.env.HELD].join('-');
    function named() { return JSON.stringify({ held }).repeat(10_000).length; }
    for (let at = 0; at < 50; at++) named();
    await denyTracing({ policy: 'warn', verify: false });`;
  const words = ['--cpu-prof', '--heap-prof', '--input-type=module', '-e', script];
  const env = {
    PATH: process.env.PATH,
    NODE_V8_COVERAGE: join(directory, 'coverage'),
    HELD: 'secret-of-environment',
  };
  expect(run(process.execPath, words, { cwd: directory, env })).toMatchObject({ status: 0 });
  const files = [directory, env.NODE_V8_COVERAGE].flatMap(place =>
    readdirSync(place, { withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(({ name }) => join(place, name)),
  );
  const texts = files.map(file => readFileSync(file, 'utf8'));
  expect(files.map(file => file.split('.').at(-1)).toSorted()).toEqual(['cpuprofile', 'heapprofile', 'json']);
  expect(texts.some(text => text.includes('named'))).toBe(true);
  expect(texts.filter(text => text.includes('secret-of-'))).toEqual([]);
});

describe('a debugger', () => {
  it('that has stopped the process when the grant ends delays the closing until it continues the process', async () => {
    const [stopped, other] = await Promise.all([closedTarget(), closedTarget()]);
    await stopped.call('allow', 'any', { allowSameUid: true, ttl: 1000 });
    const stop = `import ctypes, os, sys
libc = ctypes.CDLL(None)
pid = int(sys.argv[1])
for thread in os.listdir(f'/proc/{pid}/task'):
    if libc.ptrace(16, int(thread), 0, 0) != 0: sys.exit('PTRACE_ATTACH')
    os.waitpid(int(thread), 0x40000000)
print('stopped', flush=True)
sys.stdin.readline()`;
    const tracer = started([PYTHON, '-c', stop, `${stopped.pid}`]);
    expect(await tracer.line()).toBe('stopped');
    // Its time began later and is as long, so that of the stopped one is over too.
    await other.call('allow', 'any', { allowSameUid: true, ttl: 1000 });
    await closed(other.pid);
    expect(isClosed(stopped.pid)).toBe(false);
    tracer.say('\n');
    await closed(stopped.pid);
    expect(await stopped.call('grantEnd')).toMatchObject({ by: 'expired' });
  });

  it('gets PATH of the environment, the variables of `env`, and no secrets', async () => {
    process.env.SECRET_OF_APP = 'of-the-environment';
    onTestFinished(() => void delete process.env.SECRET_OF_APP);
    const target = await ObedientProcess.start();
    const command = ['sh', ['-c', 'env; : {}']] as const;
    const given = async (options: object) =>
      (
        await target.call(
          'debugMyself',
          ...command,
          { allowSameUid: true, ...options },
          join(privateDirectory(), 'output'),
        )
      ).said;
    const byDefault = await given({});
    expect(byDefault).toMatch(/^PATH=/m);
    expect(byDefault).not.toContain('of-the-environment');
    expect(await given({ env: { MORE: 'of-the-environment' } })).toContain('MORE=of-the-environment');
  });
});

describe('programs that tracegate starts', () => {
  /** The system calls of a command, and of all that it starts: `PID CALL` lines. */
  function traced(calls: string, command: string[]): string {
    const directory = privateDirectory();
    // A file for each process: no call is in two pieces.
    const words = ['-ff', '-v', '-s', '256', '-e', `trace=${calls}`, '-o', join(directory, 'of')];
    expect(spawnSync('strace', [...words, ...command], { encoding: 'utf8' }).stderr).toBe('');
    const linesOf = (name: string) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n');
    return readdirSync(directory)
      .flatMap(name => linesOf(name).map(line => `${name.slice('of.'.length)} ${line}`))
      .join('\n');
  }
  const tracegate = (...words: string[]) => [process.execPath, MAIN, ...words];

  it('the helper of a probe has an empty environment, answers one question, and ends with its input', async () => {
    const { pid } = await sleeper(AS_USER);
    const said = traced('execve,read,exit_group', tracegate('probe', `${pid}`, '--as', 'stranger'));
    expect(said).toMatch(/execve\("\S*\/tracegate-helper", \[[^\]]*\], \[\]/);
    const helper = new RegExp(`^(\\d+) +read\\(0, "access ${pid}\\\\n"`, 'm').exec(said)?.[1];
    const itsCalls = said.split('\n').filter(line => line.startsWith(`${helper} `));
    const read = itsCalls.flatMap(line => /read\(0, (".*?"),/.exec(line)?.[1] ?? []);
    expect(read).toEqual([`"access ${pid}\\n"`, '""']);
    expect(itsCalls.at(-1)).toMatch(/exited with 0/);
  });

  it('an attach stops its target by PTRACE_INTERRUPT, and sends no SIGSTOP', async () => {
    const { pid } = await sleeper(AS_USER);
    const said = traced('ptrace,kill,tkill,tgkill', tracegate('probe', `${pid}`, '--method', 'attach'));
    const asked = [...said.matchAll(/ptrace\((\w+), (\d+)/g)].map(([, request, of]) => [request, Number(of)]);
    expect(asked).toEqual(
      ['PTRACE_SEIZE', 'PTRACE_INTERRUPT', 'PTRACE_DETACH'].map(request => [request, pid]),
    );
    expect(said).not.toMatch(/kill\(.*SIGSTOP/);
  });

  it('an attach makes a system call of its target return EINTR, and other probes do not', async () => {
    const child = started([compile('interrupted.c')]);
    expect(await child.line()).toBe('waits');
    for (const method of ['access', 'seize'] as const)
      expect(await probe(child.pid, { method })).toMatchObject({ outcome: 'allowed' });
    child.say('x');
    expect(await child.line()).toBe('input');
    expect(await probe(child.pid, { method: 'attach' })).toMatchObject({ outcome: 'allowed' });
    expect(await child.line()).toBe('EINTR');
  });

  it('explain asks the kernel once about the target', async () => {
    const { pid } = await sleeper(AS_USER);
    const said = traced('process_vm_readv,ptrace,pidfd_open,kcmp', tracegate('explain', `${pid}`));
    const about = new RegExp(`(process_vm_readv|pidfd_open)\\(${pid},|(ptrace|kcmp)\\(.*\\b${pid}\\b`);
    expect(said.split('\n').filter(line => about.test(line))).toHaveLength(1);
  });

  it('under a filter that kills, a child calls first, about itself, and is not dumpable', async () => {
    const { pid } = await sleeper(AS_USER);
    const ptrace = '101';
    const words = [
      compile('filtered.c'),
      'kill',
      ptrace,
      ...tracegate('probe', `${pid}`, '--method', 'seize'),
    ];
    const lines = traced('prctl,ptrace', words).split('\n');
    const [killed = '', ...others] = lines.filter(line => line.includes('killed by SIGSYS'));
    const child = killed.split(' ')[0];
    expect(others).toEqual([]);
    expect(
      lines.filter(line => line.startsWith(`${child} `)).map(line => line.replace(/^\d+ +/, '')),
    ).toEqual([
      expect.stringMatching(/^prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE/),
      expect.stringMatching(new RegExp(`^ptrace\\(PTRACE_\\w+, ${child}, `)),
      killed.replace(/^\d+ +/, ''),
    ]);
    expect(lines.filter(line => line.includes('ptrace('))).toHaveLength(1);
  });

  it.skipIf(process.env.TRACEGATE_NO_LAB !== undefined)(
    'each refused probe is a line of the kernel log at ptrace_scope 1, until there are too many (unless TRACEGATE_NO_LAB is set)',
    () => {
      const script = `umask 0; ready=$(mktemp -u); mkfifo $ready
        setpriv --reuid=1000 --regid=1000 --clear-groups sh -c "echo >$ready; exec sleep 1000" & target=$!
        read line <$ready
        probe() { printf "$1 $target\n%.0s" $(seq $2) | "$0" orphan 1000 1000 0 | grep -c '^1 '; }
        for words in 'access 1' 'seize 1' 'attach 1' 'access 50'; do
          probe $words
          dmesg | grep -c "ptrace attach of .*\\[$target\\] was attempted by"
        done`;
      const helper = join(ROOT, 'native', 'build', 'Release', 'tracegate-helper');
      const { stdout, stderr } = run(
        join(ROOT, 'scripts', 'lab'),
        ['--scope', '1', '--', 'sh', '-c', script, helper],
        { uid: undefined, gid: undefined },
      );
      expect(stderr).toContain('exit 0');
      const numbers = stdout.trim().split('\n').map(Number);
      expect(numbers.slice(0, 7)).toEqual([1, 1, 1, 2, 1, 3, 50]);
      expect(numbers[7]).toBeLessThan(3 + 50);
    },
  );

  const built = join(ROOT, 'native', 'build', 'Release');
  const programs = readdirSync(built).filter(name => name.startsWith('tracegate'));

  it('is not set-id and has no file capabilities', () => {
    expect(programs).toEqual(expect.arrayContaining(['tracegate-helper', 'tracegate-launch']));
    for (const name of programs) expect([name, statSync(join(built, name)).mode & 0o6000]).toEqual([name, 0]);
    expect(
      run(
        'getcap',
        programs.map(name => join(built, name)),
        { uid: undefined },
      ),
    ).toMatchObject({ status: 0, stdout: '' });
  });

  it.runIf(IS_ROOT)(
    'tells a user the user namespace of root’s process, whose link that user may not read (for root: to be two users)',
    async () => {
      const { pid } = await sleeper();
      expect(run('readlink', [`/proc/${pid}/ns/user`])).toMatchObject({ status: 1, stdout: '' });
      const script = `const { factsOf } = await import('${PUBLIC_DIST}/snapshot.js');
      console.log('user:[' + factsOf(${pid}).userNs + ']');`;
      const { stdout } = run(process.execPath, ['--input-type=module', '-e', script]);
      expect(stdout.trim()).toBe(readlinkSync(`/proc/${pid}/ns/user`));
    },
  );

  it.runIf(IS_ROOT)(
    'gives a user no rights that the user does not have (needs root for a process of another)',
    async () => {
      const others = await sleeper(OTHER);
      const script = `const { probe } = await import('${PUBLIC_DIST}/index.js');
      for (const method of ['attach', 'traceme', 'seize'])
        console.log((await probe(${others.pid}, { method, as: { uid: 4711, gid: 4711 } }).catch(error => error)).code);`;
      expect(run(process.execPath, ['--input-type=module', '-e', script])).toMatchObject({
        stdout: 'EPERM\n'.repeat(3),
      });
    },
  );
});
