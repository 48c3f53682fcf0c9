// `tracegate run` and tracegate-launch: the command runs as without them, and is closed to a stranger that really
// tries.
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { probe } from '../../lib/index.js';
import { launchProgram } from '../fixtures/launch-programs.mjs';
import { compile, PROGRAMS } from '../helpers/compile.js';
import { AS_USER, IS_ROOT, PUBLIC_DIST, statusField, straceAttaches, USER } from '../helpers/processes.js';
import { BY_USER_TOO, times } from '../helpers/tier.js';
import { changedUntil, ended } from '../helpers/waits.js';

const PACKAGE = join(PUBLIC_DIST, '..');
const MAIN = join(PUBLIC_DIST, 'cli.cjs');
const LAUNCH = join(PACKAGE, 'native', 'build', 'Release', 'tracegate-launch');
const victimProgram = (flags: string[]) => launchProgram('launch-victim', flags, PROGRAMS);
const PYTHON = '/usr/bin/python3';
/** arch/x86/entry/syscalls/syscall_64.tbl. */
const [UNSHARE, READLINKAT, FSMOUNT] = [272, 267, 432];
const UID = IS_ROOT ? ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] : [];

// A directory of these tests alone, so that files that are left behind stand out.
let scratch = '';
beforeAll(() => {
  scratch = mkdtempSync('/tmp/tracegate-run-test-');
  if (IS_ROOT) chownSync(scratch, USER, USER);
  chmodSync(scratch, 0o755);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const environment = (more: NodeJS.ProcessEnv = {}) => ({ PATH: process.env.PATH, TMPDIR: scratch, ...more });
const copies = () => readdirSync(scratch).filter(name => /^tracegate-\d/.test(name));
const gone = () => changedUntil(scratch, () => copies().length === 0);

/** By the command line, or directly. Its own words, then `--`, then the command's. */
const STARTS = {
  'tracegate run': [process.execPath, join(PUBLIC_DIST, 'tracegate.cjs'), 'run'],
  'cli.cjs run': [process.execPath, MAIN, 'run'],
  'tracegate-launch': [LAUNCH],
} as const;
const starts = Object.entries(STARTS).flatMap(([name, words]) => [
  { name, words: [...words] as string[] },
  { name: `${name} --confine`, words: [...words, '--confine'] },
]);
const ofTree = { name: 'tracegate-launch --ptracer tree', words: [LAUNCH, '--ptracer', 'tree'] };

function sync([program = '', ...words]: readonly string[], options: SpawnOptions = {}) {
  const { env, ...rest } = options;
  return spawnSync(program, words, {
    ...AS_USER,
    encoding: 'utf8',
    env: environment(env),
    ...rest,
  } as object) as unknown as {
    status: number | null;
    signal: string | null;
    stdout: string;
    stderr: string;
  };
}

function start([program = '', ...words]: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(program, words, {
    ...AS_USER,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment(),
    ...options,
  });
  onTestFinished(() => void child.stdin?.end());
  return child;
}

async function lineOf(child: ChildProcess): Promise<string> {
  const [line] = await once(createInterface({ input: child.stdout! }), 'line');
  return line;
}

describe.each([...starts, ofTree])('$name passes on', ({ words }) => {
  const run = (command: string[], options?: SpawnOptions) => sync([...words, '--', ...command], options);

  it('the exit code', () => expect(run(['sh', '-c', 'exit 7'])).toMatchObject({ status: 7 }));

  it.each(['SIGTERM', 'SIGKILL', 'SIGPIPE', 'SIGUSR1', 'SIGXFSZ'])('death by %s', signal => {
    expect(run(['sh', '-c', `kill -${signal.slice(3)} $$`])).toMatchObject({ status: null, signal });
  });

  it('the pid, the directory, the environment and argv[0]', async () => {
    const child = start([...words, '--', 'sh', '-c', 'pwd; env -0 | tr "\\0" ,; echo; echo $$ $0', 'zero'], {
      cwd: '/usr',
      env: environment({ SECRET: 'a b', NODE_OPTIONS: '--no-warnings' }),
    });
    let said = '';
    for await (const chunk of child.stdout!) said += chunk;
    const [directory, variables = '', last] = said.split('\n');
    expect(directory).toBe('/usr');
    expect(variables).toContain('SECRET=a b,');
    expect(variables).toContain('NODE_OPTIONS=--no-warnings,');
    expect(last).toBe(`${child.pid} zero`);
    expect(
      sync([
        PYTHON,
        '-c',
        `import os; os.execve(${JSON.stringify(words[0])}, ${JSON.stringify([...words, '--', 'cat', '/proc/self/cmdline'])}, os.environ)`,
      ]).stdout,
    ).toBe('cat\0/proc/self/cmdline\0');
  });

  it('arguments that are not valid text', () => {
    const script = `import os; os.execv(${JSON.stringify(words[0])}, [os.fsencode(w) for w in ${JSON.stringify([...words, '--', 'printf', '%s'])}] + [b"\\xff\\xfe"])`;
    expect(sync([PYTHON, '-c', script], { encoding: 'latin1' } as object).stdout).toBe('\xff\xfe');
  });

  it('its words, also from a Node with a title, which replaces its command line', () => {
    const env = environment({ NODE_OPTIONS: '--title=other' });
    expect(sync([...words, '--', 'printf', '%s|', 'a', 'b c', ''], { env }).stdout).toBe('a|b c||');
  });

  it('standard input and other open descriptors, and none of its own', () => {
    const command = ['sh', '-c', 'cat; echo five >&5; ls /proc/$$/fd'];
    const options = { stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe', 'pipe'], input: 'typed\n' };
    const { stdout, status } = run(command, options as object);
    expect(stdout).toMatch(/^typed\n0\n1\n(.*\n)*3\n4\n5\n/);
    expect({ stdout, status }).toEqual({ stdout: sync(command, options as object).stdout, status: 0 });
  });

  it('a signal mask and dispositions without anything of Node', async () => {
    const child = start([...words, '--', 'cat']);
    child.stdin!.write('x\n');
    await lineOf(child);
    for (const name of ['SigBlk', 'SigIgn', 'SigCgt'])
      expect([name, statusField(child.pid!, name)]).toEqual([name, '0000000000000000']);
  });

  it('the soft limit of open files', () => {
    const command = [...words, '--', 'sh', '-c', 'ulimit -Sn'].map(word => `'${word}'`).join(' ');
    // Node's parent is a shell that has the limit, as an ordinary one is.
    expect(sync(['sh', '-c', `ulimit -Sn 321; ${command}; exit`]).stdout).toBe('321\n');
  });

  it('Ctrl-C on a terminal', BY_USER_TOO, () => {
    const script = 'test -t 0 && echo terminal; echo ready; exec cat';
    const command = [PYTHON, join(PACKAGE, 'test/fixtures/terminal.py'), ...words, '--', 'sh', '-c', script];
    // Terminals can be made by root alone here and there.
    expect(sync(command, IS_ROOT ? { uid: 0, gid: 0 } : {}).stdout).toBe('True 2\n');
  });

  it('a closed reader of its output', () => {
    const script = `${[...words, '--', 'yes'].map(word => `'${word}'`).join(' ')}; echo $? >&2`;
    expect(sync(['sh', '-c', `(${script}) | head -1`])).toMatchObject({ stdout: 'y\n', stderr: '141\n' });
  });

  it.each([
    [['nosuch'], 127, '"nosuch" is not in PATH: give its path'],
    [['/no/such'], 127, '"/no/such": there is no such program'],
    [['/etc/passwd'], 126, '"/etc/passwd": Permission denied: it has to be a program that you may execute'],
    [['/usr'], 126, '"/usr": Permission denied: it has to be a program that you may execute'],
  ])('%j: exit code %i', (command, status, stderr) => {
    expect(run(command)).toMatchObject({ status, stderr: `tracegate: ${stderr}\n`, stdout: '' });
  });
});

describe.each(starts)('for $name', ({ words }) => {
  it.each([
    [['--deny=open', '--', 'true'], /--deny=.*open/],
    [['--ptracer', '0', '--', 'true'], /0.* is not? .*pid|use a pid/],
    [['--ptracer', '1', '--deny', '--', 'true'], /choose one/],
    [['--core', 'on', '--', 'true'], /the only value is off/],
    [['true'], /--/],
    [['--deny', '--'], /command/],
  ])('%j is a usage error', (options, stderr) => {
    const { status, stderr: said } = sync([...words, ...options]);
    expect(status).toBe(2);
    expect(said).toMatch(/^tracegate: .*\n$/);
    expect(said).toMatch(stderr as RegExp);
  });
});

describe('tracegate-launch itself leaves', () => {
  it('a closed standard output closed', () => {
    const script = `'${LAUNCH}' --deny -- sh -c 'ls /proc/$$/fd >&2' >&-`;
    expect(sync(['sh', '-c', script]).stderr).not.toMatch(/^1$/m);
  });

  it('ignored signals ignored', () => {
    expect(
      sync(['sh', '-c', `trap '' HUP; exec '${LAUNCH}' --deny -- sh -c 'kill -HUP $$; echo alive'`]).stdout,
    ).toBe('alive\n');
  });

  it('no SIGCHLD behind', () => {
    const script = `import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
os.execv('${LAUNCH}', ['launch', '--deny', '--', 'grep', '-E', '(Shd|Sig)Pnd', '/proc/self/status'])`;
    expect(sync([PYTHON, '-c', script]).stdout).toBe(
      'SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n',
    );
  });
});

/** Refused to a stranger, to strace and to gdb. */
async function expectClosed(pid: number) {
  expect(statSync(`/proc/${pid}/environ`).uid).toBe(0);
  for (const method of ['access', 'seize', 'attach'] as const)
    expect(await probe(pid, { as: 'stranger', method })).toMatchObject({ outcome: 'denied', code: 'EPERM' });
  expect(await straceAttaches(pid, AS_USER)).toBeNull();
  const gdb = sync(['gdb', '-nx', '-batch', '-p', `${pid}`]);
  expect(gdb.stderr + gdb.stdout).toMatch(/ptrace: Operation not permitted/);
  for (const name of ['environ', 'mem', 'exe']) {
    expect(sync(['dd', `if=/proc/${pid}/${name}`, 'count=1']).stderr).toMatch(/Permission denied/);
  }
}

/** Programs that say "ready" and stay until their input ends. */
function programs(): Record<string, string[]> {
  const script = join(scratch, 'script with blank');
  writeFileSync(script, '#!/bin/sh -u\necho ready "$0" "$@"; read x\n', { mode: 0o755 });
  const python = join(scratch, 'script.py');
  writeFileSync(
    python,
    `#! /usr/bin/env python3\nimport sys; print("ready", flush=True); sys.stdin.read()\n`,
    { mode: 0o755 },
  );
  return {
    node: [process.execPath, '-e', 'console.log("ready"); process.stdin.resume()'],
    python3: [PYTHON, '-c', 'import sys; print("ready", flush=True); sys.stdin.read()'],
    'a static C program': [victimProgram(['-static', '-no-pie'])],
    'a shell script': [script, 'one', 'two words'],
    'a script by way of env': [python],
  };
}

describe('--deny=sealed closes', () => {
  it.each(['node', 'python3', 'a static C program', 'a shell script', 'a script by way of env'])(
    '%s',
    async name => {
      const child = start([LAUNCH, '--deny', '--', ...programs()[name]!], {
        env: environment({ PATH: '/usr/bin:/bin' }),
      });
      const said = await lineOf(child);
      if (name === 'a shell script')
        expect(said).toBe(`ready ${join(scratch, 'script with blank')} one two words`);
      await expectClosed(child.pid!);
      expect(copies()).toHaveLength(1);
      child.stdin!.end();
      expect((await once(child, 'exit'))[0]).toBeLessThan(2);
      await gone();
    },
  );

  it('processes that a sealed Node forks', async () => {
    const app = join(scratch, 'app.mjs');
    writeFileSync(
      app,
      `
      import { fork } from 'node:child_process';
      import cluster from 'node:cluster';
      if (process.argv[2] === 'child') process.send(process.pid), process.on('disconnect', () => process.exit());
      else if (cluster.isWorker) process.send(process.pid);
      else {
        const pids = [];
        const add = pid => pids.push(pid) === 2 && console.log(pids.join(' '));
        fork(new URL(import.meta.url), ['child']).on('message', add);
        cluster.fork().on('message', add);
        process.stdin.resume().on('end', () => process.exit());
      }`,
    );
    const child = start([process.execPath, MAIN, 'run', '--deny', '--', process.execPath, app]);
    const pids = (await lineOf(child)).split(' ').map(Number);
    expect(pids).toHaveLength(2);
    for (const pid of pids) await expectClosed(pid);
    child.stdin!.end();
    await once(child, 'exit');
    await gone();
  });

  it('a program that cannot be read already, without a copy', BY_USER_TOO, async () => {
    const program = join(scratch, 'unreadable');
    copyFileSync('/bin/cat', program);
    chmodSync(program, 0o111);
    if (IS_ROOT) chownSync(program, 0, 0);
    const child = start([LAUNCH, '--deny', '--', program]);
    child.stdin!.write('ready\n');
    await lineOf(child);
    expect(statSync(`/proc/${child.pid}/environ`).uid).toBe(0);
    expect(copies()).toEqual([]);
  });

  it.skipIf(!IS_ROOT)('root, to a root without capabilities; needs root', async () => {
    // CAP_PERFMON, and so CAP_SYS_ADMIN, reads too since Linux 6.13: kernel/fork.c, may_access_mm().
    const directory = mkdtempSync('/tmp/tracegate-run-root-');
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const env = environment({ TMPDIR: directory });
    const child = start([LAUNCH, '--deny', '--', 'cat'], { uid: 0, gid: 0, env });
    child.stdin!.write('ready\n');
    await lineOf(child);
    const without = [
      'setpriv',
      '--bounding-set=-sys_ptrace,-perfmon,-sys_admin',
      '--inh-caps=-all',
      PYTHON,
      '-c',
    ];
    expect(
      sync([...without, `open("/proc/${child.pid}/environ").read()`], { uid: 0, gid: 0 }).stderr,
    ).toMatch(/PermissionError/);
    expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/CapEff:\t0000[0-9a-f]{12}/);
    expect(statusField(child.pid!, 'CapEff')).toBe(statusField(process.pid, 'CapEff'));
  });
});

describe('--deny=detached closes', () => {
  it.each(['node', 'python3', 'a static C program', 'a shell script', 'a script by way of env'])(
    '%s, without a copy in TMPDIR, and by its name',
    async name => {
      const child = start([LAUNCH, '--deny=detached', '--', ...programs()[name]!], {
        env: environment({ PATH: '/usr/bin:/bin' }),
      });
      const said = await lineOf(child);
      if (name === 'a shell script')
        expect(said).toBe(`ready ${join(scratch, 'script with blank')} one two words`);
      await expectClosed(child.pid!);
      expect(copies()).toEqual([]);
      if (name === 'node') expect(statusField(child.pid!, 'Name')).toBe('node');
      child.stdin!.end();
      expect((await once(child, 'exit'))[0]).toBeLessThan(2);
    },
  );

  it('processes that a Node forks', async () => {
    const app = join(scratch, 'forks.cjs');
    writeFileSync(
      app,
      `if (process.send) process.send(process.pid), process.on('disconnect', () => process.exit());
      else require('node:child_process').fork(__filename).on('message', pid => console.log(process.execPath, pid));
      process.stdin.resume().on('end', () => process.exit());`,
    );
    const child = start([LAUNCH, '--deny=detached', '--', process.execPath, app]);
    const [execPath, pid] = (await lineOf(child)).split(' ');
    expect(execPath).toBe('/proc/self/exe');
    expect([child.pid!, Number(pid)].map(each => statusField(each, 'Name'))).toEqual(['node', 'exe']);
    await expectClosed(Number(pid));
  });

  it('and gives the program no descriptor of its own, nor a signal', () => {
    const command = [
      PYTHON,
      '-c',
      'import os; print(os.listdir("/proc/self/fd")); print(open("/proc/self/status").read())',
    ];
    const { stdout, stderr } = sync([LAUNCH, '--deny=detached', '--', ...command]);
    expect(stderr).toBe('');
    expect(stdout.split('\n')[0]).toBe(sync(command).stdout.split('\n')[0]);
    expect(stdout).toMatch(/^SigPnd:\t0{16}\nShdPnd:\t0{16}$/m);
  });

  it('and its holder of a user namespace, which is readable, has no memory of the program', () => {
    const secret = 'only-of-the-environment';
    const spy = readFileSync(new URL('../fixtures/holder-spy.py', import.meta.url), 'utf8');
    const spied = (env: NodeJS.ProcessEnv, words: string[]) =>
      sync([PYTHON, '-c', spy, secret, '5', LAUNCH, '--deny=detached', '--', 'true', ...words], { env });
    expect(spied({ TOKEN: secret }, [])).toMatchObject({ stdout: "0 ['pipe pipe']\n", stderr: '' });
    // The words of its command line are everybody's to read.
    expect(spied({}, [secret]).stdout).toBe("5 ['pipe pipe']\n");
  });

  it.each([
    ['no user namespace', UNSHARE, 'making a user namespace: Operation not permitted'],
    ['no fsmount', FSMOUNT, 'making a detached mount (fsmount, Linux 5.2): Operation not permitted'],
  ])('nothing if there is %s, and names what would', (_, call, why) => {
    const filtered = [compile('filtered.c'), `${constants.errno.EPERM}`, `${call}`];
    const { status, stdout, stderr } = sync([...filtered, LAUNCH, '--deny=detached', '--', 'echo', 'ran']);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toBe(
      `tracegate: ${why}: --deny=detached takes a user namespace, which this system may refuse to users: use --deny=sealed\n`,
    );
  });
});

describe('--deny=preload closes', () => {
  it.each(['node', 'python3', 'a shell script', 'a script by way of env'])(
    '%s and what it executes',
    async name => {
      const child = start([LAUNCH, '--deny=preload', '--', ...programs()[name]!], {
        env: environment({ PATH: '/usr/bin:/bin' }),
      });
      await lineOf(child);
      await expectClosed(child.pid!);
      expect(copies()).toEqual([]);
    },
  );

  it('a grandchild, which inherits LD_PRELOAD behind the former value', () => {
    const script = 'sh -c "stat -c %u /proc/self/environ; echo \\$LD_PRELOAD"';
    const { stdout } = sync([LAUNCH, '--deny=preload', '--', 'sh', '-c', script], {
      env: { LD_PRELOAD: 'libdl.so.2' },
    });
    expect(stdout).toBe(`0\nlibdl.so.2:${join(PACKAGE, 'native/build/Release/tracegate-preload.so')}\n`);
  });
});

/** `--ptracer tree` on any kernel. test/scopes/ptracer-tree.scopes.test.ts has what Yama makes of it. */
describe('--ptracer tree', () => {
  it.each([
    [`${constants.errno.EPERM}`, { status: 0, signal: null }],
    ['kill', { status: null, signal: 'SIGSYS' }],
  ])(
    'a filter that answers %s to a call of the library decides over the program, not the launcher',
    (answer, end) => {
      const filtered = [compile('filtered.c'), answer, `${READLINKAT}`, '/bin/true'];
      expect(sync(filtered)).toMatchObject({ status: 0, signal: null });
      expect(sync(tree(...filtered))).toMatchObject({ ...end, stderr: '' });
    },
  );

  const LIBRARY = join(PACKAGE, 'native/build/Release/tracegate-tree.so');
  const tree = (...command: string[]) => [LAUNCH, '--ptracer', 'tree', '--', ...command];

  it('adds its library and the variable to the environment, and changes nothing else', () => {
    const variables = (words: string[], env: NodeJS.ProcessEnv) =>
      sync(words, { env }).stdout.split('\n').sort();
    const plain = variables(['env'], { SECRET: 'a b' });
    const added = variables(tree('env'), { SECRET: 'a b' }).filter(line => !plain.includes(line));
    expect(added).toEqual([
      `LD_PRELOAD=${LIBRARY}`,
      expect.stringMatching(/^TRACEGATE_PTRACER=pid:\[\d+\]-\d+-\d+$/),
    ]);
    expect(variables(tree('env'), { SECRET: 'a b' })).toHaveLength(plain.length + 2);
    expect(variables(tree('env'), { LD_PRELOAD: 'libdl.so.2' })).toContain(
      `LD_PRELOAD=libdl.so.2:${LIBRARY}`,
    );
    const any = variables([LAUNCH, '--ptracer', 'any', '--tree', '--', 'env'], {});
    expect(any).toContain('TRACEGATE_PTRACER=any');
  });

  it('beside the runtime of a sanitizer, which must be the first of all libraries', () => {
    const runtime = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
    const env = environment({ LD_PRELOAD: runtime });
    for (const option of ['--ptracer=tree', '--deny=preload'])
      expect(sync([LAUNCH, option, '--', 'echo', 'runs'], { env })).toMatchObject({
        stdout: 'runs\n',
        stderr: '',
      });
  });

  it.each(starts)('by $name is the tree of the command, and --tree that of another tracer', ({ words }) => {
    const named = (...options: string[]) =>
      sync([...words, ...options, '--', 'sh', '-c', 'echo $TRACEGATE_PTRACER $$']).stdout;
    expect(named('--ptracer', 'tree')).toMatch(/^pid:\[\d+\]-(\d+)-\d+ \1\n$/);
    expect(named('--ptracer=any', '--tree')).toMatch(/^any \d+\n$/);
    expect(named('--tree', '--ptracer', `${process.pid}`)).toMatch(
      new RegExp(`^pid:\\[\\d+\\]-${process.pid}-\\d+ \\d+\n$`),
    );
    expect(named('--ptracer', 'any')).toMatch(/^\d+\n$/);
  });

  it('names the command by its pid namespace, pid and start time', () => {
    const script = 'echo $TRACEGATE_PTRACER; readlink /proc/$$/ns/pid; cat /proc/$$/stat';
    const [variable, namespace, stat = ''] = sync(tree('sh', '-c', script)).stdout.split('\n');
    const [, pid, fields = ''] = /^(\d+) \(.*\) (.*)$/.exec(stat) ?? [];
    expect(variable).toBe(`${namespace}-${pid}-${fields.split(' ')[22 - 3]}`);
  });

  const callsAs = (user: object, ...words: string[]) => {
    const strace = ['strace', '-f', '-qq', '-e', 'trace=prctl', '-e', 'signal=none', ...words];
    return sync(strace, user).stderr.match(/PR_SET_PTRACER, \w+/g) ?? [];
  };

  it('calls prctl in the command, in a fork and after an exec, and nowhere with --ptracer alone', () => {
    const calls = (...words: string[]) => callsAs({}, ...words);
    const forks = ['--', PYTHON, '-c', 'import os; os.fork() or os.execv("/bin/true", ["true"]); os.wait()'];
    // The launcher, python3, its fork, and true.
    expect(calls(LAUNCH, '--ptracer', 'any', '--tree', ...forks)).toEqual(
      Array(4).fill('PR_SET_PTRACER, PR_SET_PTRACER_ANY'),
    );
    expect(new Set(calls(LAUNCH, '--ptracer', 'tree', ...forks)).size).toBe(1);
    expect(calls(LAUNCH, '--ptracer', 'tree', ...forks)).toHaveLength(4);
    expect(calls(LAUNCH, '--ptracer', 'any', ...forks)).toHaveLength(1);
  });

  // fs/proc/array.c, do_task_stat(): each time namespace has its own start times.
  it.skipIf(!IS_ROOT || !existsSync('/proc/self/ns/time'))(
    'names no process in another time namespace; needs root and Linux 5.6 to make one',
    () => {
      const calls = (...options: string[]) =>
        callsAs(
          { uid: 0, gid: 0 },
          LAUNCH,
          ...options,
          '--',
          'unshare',
          '--time',
          '--boottime=9',
          '--fork',
          'true',
        );
      // The launcher, unshare, its fork, and true.
      expect(calls('--ptracer=any', '--tree')).toHaveLength(4);
      expect(calls('--ptracer=tree')).toHaveLength(2);
    },
  );

  it('leaves errno as it was before a fork', () => {
    const script = `import ctypes; c = ctypes.CDLL(None, use_errno=True); ctypes.set_errno(77)
pid = c.fork(); e = ctypes.get_errno()
print(e, flush=True) if pid == 0 else __import__("os").wait()`;
    // Without Yama prctl fails, and without the process of the variable so does the look at it.
    for (const variable of ['any', 'pid:[1]-1-1'])
      expect(
        sync([PYTHON, '-c', script], { env: { LD_PRELOAD: LIBRARY, TRACEGATE_PTRACER: variable } }).stdout,
      ).toBe('77\n');
  });

  it('needs only functions that glibc and musl both have, or one of two that each has', () => {
    const symbols = execFileSync('nm', ['-D', '--undefined-only', LIBRARY], { encoding: 'utf8' });
    const required = [...symbols.matchAll(/ U (\S+)$/gm)].map(([, name]) => name);
    const optional = [...symbols.matchAll(/ w (\S+)$/gm)].map(([, name]) => name);
    expect(required.filter(name => !/^(__errno_location|getenv|syscall|mem\w+|str\w+)$/.test(name!))).toEqual(
      [],
    );
    expect(optional).toEqual(['__register_atfork', 'pthread_atfork']);
  });

  it.each([
    ['a static program', () => victimProgram(['-static', '-no-pie']), / is statically linked/],
    [
      'a set-id program',
      () => '/usr/bin/passwd',
      / is a set-id program: the dynamic linker preloads nothing/,
    ],
  ])('refuses %s', BY_USER_TOO, (_, program, why) => {
    const { status, stdout, stderr } = sync(tree(program()));
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toMatch(why);
  });

  it('refuses a program that cannot be read', BY_USER_TOO, () => {
    const program = join(scratch, 'unreadable-cat');
    copyFileSync('/bin/cat', program);
    chmodSync(program, 0o111);
    if (IS_ROOT) chownSync(program, 0, 0);
    expect(sync(tree(program))).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("can't be read, so it may be statically linked"),
    });
  });

  it.skipIf(!IS_ROOT)('refuses a /proc of another pid namespace; needs root to make one', () => {
    const words = ['unshare', '--pid', '--fork', ...tree('echo', 'started')];
    expect(sync(words, { uid: 0, gid: 0 })).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('mount the /proc of this pid namespace'),
    });
  });
});

describe('without --deny', () => {
  it('the command stays open', async () => {
    const child = start([LAUNCH, '--ptracer', 'any', '--', 'cat']);
    child.stdin!.write('ready\n');
    await lineOf(child);
    expect(statSync(`/proc/${child.pid}/environ`).uid).toBe(USER);
  });

  it('--core off sets both limits of RLIMIT_CORE to 1', () => {
    const { stdout } = sync(['sh', '-c', `exec '${LAUNCH}' --core off -- cat /proc/self/limits`]);
    expect(stdout).toMatch(/^Max core file size +1 +1 +bytes/m);
  });

  it('--core off with a hard limit of 0 depends on core_pattern', () => {
    const isFile = !/^[|@]/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'));
    const { status, stderr } = sync(['sh', '-c', `ulimit -Hc 0; exec '${LAUNCH}' --core off -- true`]);
    expect(status).toBe(isFile ? 0 : 125);
    expect(stderr).toBe(
      isFile
        ? ''
        : 'tracegate: --core off: setting RLIMIT_CORE to 1: Operation not permitted: the hard limit is 0, which does not stop the handler in core_pattern: raise it, or use --deny\n',
    );
  });
});

/** The pids of this user's keepers whose command line was so long; another's is not ours to end. */
function keepers(length: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => pid > 0 && existsSync(`/proc/${pid}/cmdline`))
    .filter(pid => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.startsWith('tracegate-keeper') && line.length === length;
      } catch {
        return false; // ended since
      }
    });
}

describe('a private copy', () => {
  it('that kill -9 left behind is removed by the next start, and one in use is not', async () => {
    // A keeper writes over the words that it was started with: by their length it is known from another test's.
    const words = [
      LAUNCH,
      '--deny',
      '--',
      'sh',
      '-c',
      'exec 2>&-; echo ready; read x',
      ...Array(37).fill('-u'),
    ];
    const child = start(words, { stdio: ['pipe', 'pipe', 'pipe'] });
    // The keeper closes it, too, once it knows that the program runs.
    const silent = text(child.stderr!);
    await lineOf(child);
    expect(await silent).toBe('');
    const [left] = copies();
    const mine = keepers(Buffer.byteLength(words.join('\0')) + 1);
    expect(mine).toHaveLength(1);
    process.kill(mine[0]!, 'SIGKILL');
    // Until then its lock holds.
    await ended(mine[0]!);
    expect(sync([LAUNCH, '--deny', '--', 'true']).status).toBe(0);
    expect(copies()).toContain(left);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(copies()).toContain(left);
    expect(sync([LAUNCH, '--deny', '--', 'true']).status).toBe(0);
    await gone();
  });

  it('is left behind if another process has the pid now: the start time in its name decides', () => {
    const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'utf8')) ?? [];
    const startTime = Number(fields.split(' ')[22 - 3]);
    const named = (time: number) =>
      `tracegate-${statSync('/proc/self/ns/pid').ino}-${process.pid}-${time}-abcdef`;
    const [ours, earlier] = [named(startTime), named(startTime - 1)];
    for (const name of [ours, earlier]) {
      mkdirSync(join(scratch, name));
      if (IS_ROOT) chownSync(join(scratch, name), USER, USER);
    }
    expect(sync([LAUNCH, '--deny', '--', 'true']).status).toBe(0);
    expect(copies()).toContain(ours);
    expect(copies()).not.toContain(earlier);
    rmSync(join(scratch, ours), { recursive: true });
  });

  it('goes when the launcher’s parent is killed and the program ends later', async () => {
    const parent = start(['sh', '-c', `'${LAUNCH}' --deny -- cat <&3 & wait`], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    await changedUntil(scratch, () => copies().length > 0);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(copies()).toHaveLength(1);
    parent.stdio[3]!.destroy();
    await gone();
  });

  it('has no place in a missing or closed TMPDIR', () => {
    const at = (TMPDIR: string) => sync([LAUNCH, '--deny', '--', 'true'], { env: { TMPDIR } });
    expect(at('/no/such')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('"/no/such": No such file or directory: set TMPDIR'),
    });
    expect(at('/proc')).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/^tracegate: .*set TMPDIR.*\n$/),
    });
    if (USER !== 0)
      expect(at('/usr')).toMatchObject({
        status: 125,
        stderr: expect.stringContaining('Permission denied: set TMPDIR'),
      });
  });

  it('that is too large for the limit of a file leaves nothing', () => {
    const { status, stderr } = sync(['sh', '-c', `ulimit -f 1; exec '${LAUNCH}' --deny -- '${PYTHON}'`]);
    expect({ status, stderr }).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('File too large: set TMPDIR'),
    });
  });

  it.skipIf(!IS_ROOT).each([
    ['size=1m', 'No space left on device: set TMPDIR to a directory with room for it, or use --deny=preload'],
    ['noexec', 'is mounted noexec, so no program can be executed there: set TMPDIR'],
    ['ro', 'Read-only file system: set TMPDIR'],
  ])('on a tmpfs with %s; needs root to mount it', async (option, why) => {
    const mount = join(scratch, 'mount');
    mkdirSync(mount, { recursive: true });
    const inside = `mount -t tmpfs -o mode=1777,${option} tmpfs "$0" && TMPDIR="$0" ${UID.join(' ')} '${LAUNCH}' --deny -- ${PYTHON} -c 0; echo $?; for i in $(seq 100); do [ -n "$(ls "$0")" ] || break; sleep 0.1; done; ls "$0"`;
    const { stdout, stderr } = sync(['unshare', '-m', '--propagation=private', 'sh', '-c', inside, mount], {
      uid: 0,
      gid: 0,
    });
    expect(stderr).toMatch(/^tracegate: .*\n$/);
    expect(stderr).toContain(why);
    expect(stdout).toBe('125\n');
  });
});

describe('it refuses', () => {
  const refused = (words: string[]) => sync([LAUNCH, ...words]);

  it.each(['sealed', 'preload'])('--deny=%s of a set-id program', BY_USER_TOO, mode => {
    expect(refused([`--deny=${mode}`, '--', '/usr/bin/passwd'])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('"/usr/bin/passwd" is a set-id program'),
    });
  });

  // The kernel itself answers: by the result of a plain exec.
  it.skipIf(!IS_ROOT)('no set-id program, and none with file capabilities, whose exec gives nothing', () => {
    const make = (name: string, uid: number, mode: number) => {
      const program = join(scratch, name);
      copyFileSync('/bin/cat', program);
      chownSync(program, uid, uid);
      chmodSync(program, mode);
      return program;
    };
    const [own, roots, group] = [
      make('own', USER, 0o6755),
      make('roots', 0, 0o4755),
      make('not-executable-by-group', 0, 0o2745),
    ];
    const capable = make('capable-cat', 0, 0o755);
    execFileSync('setcap', ['cap_net_raw+ep', capable]);
    const status = (before: string[], program: string) => {
      const words = [...before, LAUNCH, '--deny', '--', program, '/proc/self/status'];
      return sync(words).stdout.match(/^(Uid|Gid|CapPrm):.*/gm);
    };
    const plain = sync(['cat', '/proc/self/status']).stdout.match(/^(Uid|Gid|CapPrm):.*/gm);
    expect(plain).toHaveLength(3);
    for (const program of [own, group]) expect(status([], program)).toEqual(plain);
    const bound = ['setpriv', '--no-new-privs'];
    for (const program of [roots, capable]) {
      expect(sync([...bound, program, '/proc/self/status']).stdout.match(/^(Uid|Gid|CapPrm):.*/gm)).toEqual(
        plain,
      );
      expect(status(bound, program)).toEqual(plain);
      expect(refused(['--deny', '--', program, '/dev/null']).status).toBe(125);
      const inside = `mount --bind "$0" "$0" && mount -o remount,bind,nosuid "$0" && exec ${UID.join(' ')} '${LAUNCH}' --deny -- '${program}' /proc/self/status`;
      const nosuid = spawnSync('unshare', ['--mount', 'sh', '-c', inside, scratch], {
        encoding: 'utf8',
        env: environment(),
      });
      expect(nosuid.stdout.match(/^(Uid|Gid|CapPrm):.*/gm)).toEqual(plain);
    }
  });

  it.skipIf(!IS_ROOT)('to put a copy into a directory in which others could replace it', () => {
    const at = (path: string, mode: number, uid = USER) => {
      mkdirSync(path, { recursive: true });
      chownSync(path, uid, uid);
      chmodSync(path, mode);
      return path;
    };
    const run = (TMPDIR: string) => sync([LAUNCH, '--deny', '--', 'true'], { env: environment({ TMPDIR }) });
    const good = at(join(scratch, 'good'), 0o755);
    const open = at(join(scratch, 'open'), 0o777);
    const stranger = at(join(scratch, 'stranger'), 0o1777, USER + 1);
    for (const path of [good, at(join(scratch, 'sticky'), 0o1777, 0), at(join(good, 'inner'), 0o700)])
      expect(run(path)).toMatchObject({ status: 0, stderr: '' });
    for (const [path, named, why] of [
      [open, open, 'it is writable, and not sticky'],
      [at(join(scratch, 'group'), 0o775), join(scratch, 'group'), 'it is writable, and not sticky'],
      [at(join(open, 'inner'), 0o700), open, 'it is writable, and not sticky'],
      [stranger, stranger, 'another user owns it'],
      [at(join(stranger, 'inner'), 0o700), stranger, 'another user owns it'],
    ] as const) {
      const { status, stderr } = run(path);
      expect([status, stderr]).toEqual([
        125,
        expect.stringContaining(`other users may change the directory "${named}" (${why})`),
      ]);
    }
  });

  it.skipIf(!IS_ROOT)('a program with file capabilities; needs root to give it some', () => {
    const program = join(scratch, 'capable');
    copyFileSync('/bin/true', program);
    execFileSync('setcap', ['cap_net_raw+ep', program]);
    expect(refused(['--deny', '--', program])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('has file capabilities'),
    });
  });

  it('to preload into a static program', () => {
    const program = victimProgram(['-static', '-no-pie']);
    expect(refused(['--deny=preload', '--', program])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('statically linked'),
    });
  });

  it('to copy a program that finds its libraries by $ORIGIN', () => {
    const program = victimProgram(['-Wl,-rpath,$ORIGIN']);
    expect(refused(['--deny', '--', program])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('$ORIGIN'),
    });
  });

  it('to start under a tracer', () => {
    const { status, stderr } = sync(['strace', '-o', '/dev/null', LAUNCH, '--deny', '--', 'true']);
    expect({ status, stderr }).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/traces this one.*detach it first/),
    });
  });
});

describe('an attacker of the same uid that races from the fork on', () => {
  const attack = (way: string, deny: string[], flags: string[], count = times(25, 100)) => {
    const victim = victimProgram(flags);
    const address = execFileSync(victim, ['address'], { encoding: 'utf8' }).trim();
    const words = [
      launchProgram('launch-attacker', [], PROGRAMS),
      way,
      `${count}`,
      '2000',
      address,
      victim,
      LAUNCH,
      ...deny,
    ];
    return JSON.parse(sync([...words, '--', victim]).stdout);
  };
  const STATIC = ['-static', '-no-pie'];
  const NEVER = { byVmReadv: 0, byMem: 0, byEnviron: 0, byAttach: 0, stillRead: 0 };

  it('reads an open program every time', () => {
    expect(attack('read', [], STATIC, 20)).toMatchObject({ byVmReadv: 20, byEnviron: 20 });
  });
  it('never reads a sealed one', () => {
    expect(attack('read', ['--deny'], STATIC)).toMatchObject({ ...NEVER, notStarted: 0 });
  });
  it('never keeps a tracer attached', () => {
    expect(attack('attach', ['--deny'], STATIC)).toMatchObject(NEVER);
  });
  // docs/launch.md, limits: seldom and under load, the attacker may have read the first moments of a program that is
  // then ended, also by a mem that it opened in that time. A mem from before the exec never reads the program.
  it('is noticed when it makes the copy readable, and the program is ended', () => {
    const { byEarlyMem, stillRead } = attack('chmod', ['--deny'], STATIC);
    expect({ byEarlyMem, stillRead }).toEqual({ byEarlyMem: 0, stillRead: 0 });
  });

  describe('an attacker that also stops the launcher, to replace the copy by its own program', () => {
    const STARTS = 20;
    const swap = (count: number, command: string[], attacker = AS_USER) => {
      const words = [compile('copy-swapper.c'), scratch, `${count}`, ...command];
      return JSON.parse(sync(words, { ...attacker, stdio: ['ignore', 'pipe', 'ignore'] }).stdout);
    };

    it('gets its own program run in place of a sealed one', async () => {
      expect(swap(STARTS, [LAUNCH, '--deny', '--', 'true']).false).toBeGreaterThan(0);
    });

    it.runIf(IS_ROOT)('finds the mount of a detached copy if it is root', () => {
      // Of a large one, whose copying takes long enough.
      const command = [LAUNCH, '--deny=detached', '--', process.execPath, '-e', '0'];
      const asUser = ['/usr/bin/setpriv', ...UID.slice(1), ...command];
      expect(swap(1, asUser, { uid: 0, gid: 0 }).byDescriptor).toBeGreaterThan(0);
      expect(swap(1, command).byDescriptor).toBe(0);
    });

    it('never finds the mount of a detached copy, which runs each time', () => {
      const count = times(STARTS, 1000);
      expect(swap(count, [LAUNCH, '--deny=detached', '--', 'true'])).toEqual({
        byPath: 0,
        byDescriptor: 0,
        true: count,
        false: 0,
        none: 0,
      });
    });
  });
});
