// `run --confine`, spawnConfined() and tracegate/confine: what a confined program reaches outside of its tree is what the report
// says. test/fixtures/reaches.py tries it, and knows nothing of tracegate.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import type * as tracegate from '../../lib/index.js';
import { validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import {
  AS_USER,
  IS_ROOT,
  isClosed,
  PUBLIC_DIST,
  privateDirectory,
  sleeper,
  statusField,
} from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

const { spawnConfined }: typeof tracegate = await import(join(PUBLIC_DIST, 'index.js'));
const PACKAGE = join(PUBLIC_DIST, '..');
const LAUNCH = join(PACKAGE, 'native', 'build', 'Release', 'tracegate-launch');
const RUN = [process.execPath, join(PUBLIC_DIST, 'tracegate.cjs'), 'run'];
const REACHES = join(PACKAGE, 'test', 'fixtures', 'reaches.py');
const MEDDLES = join(PACKAGE, 'test', 'fixtures', 'meddles.py');
/** include/uapi/asm-generic/unistd.h: create_ruleset, add_rule, restrict_self. */
const LANDLOCK = [444, 445, 446];
/** x86-64. */
const [GET_ROBUST_LIST, PERF_EVENT_OPEN] = [274, 298];
const ALL = ['tracing', 'signals', 'abstract-sockets'];

interface Report {
  closed: string[];
  verified: string[];
  open: { channel: string; why: string; remedy: string }[];
  sideEffects: string[];
  attempts: { channel: string; call: string; before: string; after: string }[];
  landlockAbi: number | null;
}

const environment = (more: NodeJS.ProcessEnv = {}) => ({ PATH: process.env.PATH, ...more });
const as = (more: object = {}) => ({ ...AS_USER, env: environment(), ...more });
const sync = ([program = '', ...words]: readonly string[], more: object = {}) =>
  spawnSync(program, words, { ...as(more), encoding: 'utf8', timeout: 60_000 });

const filtered = (answer: number | 'kill', calls: readonly number[]) => [
  compile('filtered.c'),
  `${answer}`,
  calls.join(','),
];
const { ENOSYS, EPERM, EOPNOTSUPP } = constants.errno;

/** The launcher's report, by descriptor 3, and what the command printed. */
function reported(options: readonly string[], command: readonly string[], before: readonly string[] = []) {
  const words = [...before, LAUNCH, ...options, '--report-fd=3', '--', ...command];
  const { status, stdout, stderr, output } = sync(words, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  return { status, stdout, stderr, report: validated('confine', `${output[3]}`) as unknown as Report };
}

/** reaches.py against a victim of the user outside: a process that listens at an abstract socket. */
async function victim(): Promise<string[]> {
  const child = spawn('python3', [join(PACKAGE, 'test', 'fixtures', 'listens.py')], {
    ...AS_USER,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.stdin.end());
  const [name] = await once(child.stdout, 'data');
  return ['python3', REACHES, `${child.pid}`, `${name}`.trim()];
}

/** The channel of each way of reaches.py. */
const CHANNEL_OF = {
  read_environ: 'tracing',
  readv: 'tracing',
  seize: 'tracing',
  kill: 'signals',
  pidfd: 'signals',
  connect: 'abstract-sockets',
} as const;
const REFUSED = ['EPERM', 'EACCES'];

/** Exactly the ways of the closed channels are refused outside, and none in its own tree. */
function expectOnly(closed: readonly string[], output: string, isClosedInside = false) {
  const { outside, child } = JSON.parse(output);
  for (const [way, channel] of Object.entries(CHANNEL_OF)) {
    const wanted = closed.includes(channel) ? expect.toBeOneOf(REFUSED) : null;
    expect({ way, error: outside[way] }).toEqual({ way, error: wanted });
    if (!isClosedInside) expect({ way, error: child[way] }).toEqual({ way, error: null });
  }
}

it.each([
  ['', ['tracing', 'signals', 'abstract-sockets']],
  ['=all', ['tracing', 'signals', 'abstract-sockets']],
  ['=best-effort', ['tracing', 'signals', 'abstract-sockets']],
  ['=tracing', ['tracing']],
  ['=signals', ['tracing', 'signals']],
  ['=abstract-sockets', ['tracing', 'abstract-sockets']],
])('--confine%s closes %j, as really tried', BY_USER_TOO, async (value, closed) => {
  const command = await victim();
  expectOnly([], sync(command).stdout);
  const { status, stdout, stderr, report } = reported([`--confine${value}`], command);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expectOnly(closed, stdout);
  expect(report.closed).toEqual(closed);
  expect(report.verified).toEqual(closed);
  expect(report.open.map(({ channel }) => channel)).toEqual(
    ['tracing', 'signals', 'abstract-sockets'].filter(channel => !closed.includes(channel)),
  );
});

it.runIf(IS_ROOT)(
  'root gives up the capabilities that read in spite of Landlock; needs root',
  { tags: [] },
  async () => {
    const command = await victim();
    const words = [LAUNCH, '--confine', '--report-fd=3', '--', ...command];
    const { stdout, output } = sync(words, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], uid: 0, gid: 0 });
    expectOnly(['tracing', 'signals', 'abstract-sockets'], stdout);
    expect(JSON.parse(`${output[3]}`).sideEffects).toContainEqual(
      expect.stringMatching(/^CAP_SYS_ADMIN and/),
    );
  },
);

const AS_ROOT = { uid: 0, gid: 0 };
const [SETS_IDS, AS_SAVED_ROOT] = [
  `import os, sys; os.setresuid(0, ${AS_USER.uid}, 0); os.execvp(sys.argv[1], sys.argv[1:])`,
  'import os, sys; os.seteuid(0); os.execvp(sys.argv[1], sys.argv[1:])',
];

it.runIf(IS_ROOT)(
  'root that has them only permitted, or no CAP_SETPCAP, or no /proc, gives them up too; needs root',
  { tags: [] },
  async () => {
    const command = await victim();
    const outcome = (words: readonly string[]) => expectOnly(ALL, sync(words, AS_ROOT).stdout);
    outcome([
      'python3',
      '-c',
      SETS_IDS,
      LAUNCH,
      '--confine',
      '--',
      'python3',
      '-c',
      AS_SAVED_ROOT,
      ...command,
    ]);
    outcome([
      'setpriv',
      '--bounding-set=-setpcap',
      '--inh-caps=-setpcap',
      LAUNCH,
      '--confine',
      '--',
      ...command,
    ]);
    // perf_event_open shows nothing either. The command then mounts a /proc of its own.
    const start = [...filtered(EPERM, [PERF_EVENT_OPEN]), LAUNCH, '--confine', '--'];
    const mounts = ['sh', '-c', 'mount -t proc proc /proc && echo mounted', 'sh'];
    const without = ['unshare', '--mount', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'];
    expect(sync([...without, ...mounts], AS_ROOT).stdout).toBe('mounted\n');
    expect(sync([...without, ...start, ...mounts], AS_ROOT)).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/permission denied/),
    });
  },
);

it.runIf(IS_ROOT)(
  'root of a user namespace of its own keeps them: there they read nobody outside; needs root',
  { tags: [] },
  () => {
    const command = ['sh', '-c', 'mount -t tmpfs none /mnt && echo mounted'];
    const words = ['unshare', '--user', '--map-root-user', '--mount', LAUNCH, '--confine', '--', ...command];
    expect(sync(words)).toMatchObject({ status: 0, stdout: 'mounted\n' });
  },
);

it('confines all that the program starts, for good', async () => {
  const command = await victim();
  const script = `setsid sh -c '"$@"' sh ${command.join(' ')}`;
  const { stdout } = reported(['--confine'], ['sh', '-c', `${script}; grep NoNewPrivs /proc/self/status`]);
  const [tried = '', last] = stdout.trim().split('\n');
  expectOnly(['tracing', 'signals', 'abstract-sockets'], tried);
  expect(last).toBe('NoNewPrivs:\t1');
});

it.each(['sealed', 'detached', 'preload'])(
  'confined and closed by --deny=%s, in either order',
  async deny => {
    const command = ['sh', '-c', 'exec cat'];
    for (const options of [
      ['--confine', `--deny=${deny}`],
      [`--deny=${deny}`, '--confine'],
    ]) {
      const child = spawn(LAUNCH, [...options, '--', ...(deny === 'preload' ? command : ['cat'])], {
        ...AS_USER,
        env: environment({ TMPDIR: '/tmp' }),
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.stdin.end());
      child.stdin.write('ready\n');
      await once(child.stdout, 'data');
      expect(isClosed(child.pid!)).toBe(true);
      expect(statusField(child.pid!, 'NoNewPrivs')).toBe('1');
      child.stdin.end();
      expect(await once(child, 'close')).toEqual([0, null]);
    }
    expectOnly(
      ['tracing', 'signals', 'abstract-sockets'],
      reported(['--confine', `--deny=${deny}`], await victim()).stdout,
      true,
    );
  },
);

it('leaves no process and no descriptor to the command', () => {
  const command = ['sh', '-c', 'ls /proc/$$/fd; read children < /proc/$$/task/$$/children; echo [$children]'];
  expect(reported(['--confine'], command).stdout).toBe(sync(command).stdout);
  expect(sync(command).stdout).toMatch(/\n\[\]\n$/);
});

it.each([
  [ENOSYS, LANDLOCK, /no Landlock, or a seccomp filter hides it; it needs Linux 5\.19/],
  [EOPNOTSUPP, LANDLOCK, /Landlock is switched off; add landlock to the list of lsm=/],
  [EPERM, LANDLOCK, /something refuses the use of Landlock, such as a seccomp filter/],
  ['kill', LANDLOCK, /something refuses the use of Landlock, such as a seccomp filter/],
  [EPERM, LANDLOCK.slice(2), /something refuses the use of Landlock, such as a seccomp filter/],
] as const)(
  'without Landlock (%s for %j) it refuses, or leaves it with a word',
  async (error, calls, why) => {
    const before = filtered(error, calls);
    const refused = sync([...before, LAUNCH, '--confine', '--', 'echo', 'started']);
    expect(refused).toMatchObject({ status: 125, stdout: '', stderr: expect.stringMatching(why) });
    const said = sync([...before, LAUNCH, '--confine=best-effort', '--', 'echo', 'started']);
    expect(said).toMatchObject({ status: 0, stdout: 'started\n' });
    expect(said.stderr).toMatch(
      /^tracegate: --confine leaves open: tracing, signals, abstract-sockets: .+\n$/,
    );
    expect(said.stderr).toMatch(why);
    const { report, stdout, stderr } = reported(['--confine=best-effort'], await victim(), before);
    expectOnly([], stdout);
    expect(stderr).toBe('');
    expect(report).toMatchObject({ closed: [], verified: [] });
    expect(report.open.map(({ channel }) => channel)).toEqual(['tracing', 'signals', 'abstract-sockets']);
  },
);

it('an attempt that a filter refuses proves nothing', () => {
  const calls = [GET_ROBUST_LIST, 310, 257, 298, 62];
  const { report } = reported(['--confine'], ['true'], filtered(EPERM, calls.slice(4)));
  expect(report.closed).toContain('signals');
  expect(report.verified).toEqual(['tracing', 'abstract-sockets']);
});

// As systemd's SystemCallFilter=@system-service with the calls of Landlock does: perf_event_open is in @debug.
it('an attempt that a filter would kill is not made, and the command starts', () => {
  const [READ_MEMORY, PROFILE] = [310, 298];
  const { status, stdout, report } = reported(
    ['--confine'],
    ['echo', 'runs'],
    filtered('kill', [READ_MEMORY, PROFILE]),
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'runs\n' });
  const refused = report.attempts.filter(({ before }) => before !== 'allowed');
  expect(refused.map(({ call }) => call)).toEqual(['process_vm_readv', 'perf_event_open']);
  expect(report.verified).toContain('tracing');
});

/** As sync(), with a neighbour that disturbs the launcher while it makes the system call. */
const disturbed = (way: 'kill' | 'fill', call: string) =>
  sync(['python3', MEDDLES, way, call, LAUNCH, '--confine', '--report-fd=3', '--', 'echo', 'started'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });

it('a victim that a neighbour kills in the middle ends the start: it would show nothing', () => {
  for (const call of ['get_robust_list', 'landlock_restrict_self'])
    expect(disturbed('kill', call)).toMatchObject({
      status: 125,
      stdout: '',
      stderr: 'tracegate: the victim that --confine is tried on was ended: start it again\n',
    });
});

it('a full queue of the abstract socket, which every user can fill, delays nothing and proves nothing', () => {
  const { status, stdout, output } = disturbed('fill', 'getsockname');
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'started\n' });
  expect(JSON.parse(`${output[3]}`)).toMatchObject({ closed: ALL, verified: ['tracing', 'signals'] });
});

it('eight descriptors are enough', () => {
  const limited = ['bash', '-c', 'ulimit -n 8 && exec "$@"', 'sh'];
  expect(sync([...limited, LAUNCH, '--confine', '--', 'echo', 'started'])).toMatchObject({
    stderr: '',
    stdout: 'started\n',
  });
});

it('the seventeenth domain is refused', () => {
  const nested = Array.from({ length: 16 }, () => [LAUNCH, '--confine', '--']).flat();
  expect(sync([...nested, 'echo', 'deep'])).toMatchObject({ status: 0, stdout: 'deep\n' });
  const more = sync([...nested, LAUNCH, '--confine', '--', 'echo', 'deeper']);
  expect(more).toMatchObject({ status: 125, stdout: '' });
  expect(more.stderr).toMatch(/in 16 Landlock domains already; confine it once/);
  const { status, report } = reported(['--confine=best-effort'], ['true'], nested);
  expect(status).toBe(0);
  expect(report).toMatchObject({ closed: [], verified: [], attempts: [] });
  expect(report.open.map(({ channel }) => channel)).toEqual(ALL);
});

it.each([
  ['/dev/full', 'No space left on device'],
  ['/dev/null', null],
])('a report to %s: %s', (path, failure) => {
  const { status, stdout, stderr } = sync(
    [...RUN, '--confine', '--report-fd', '3', '--', 'echo', 'started'],
    {
      stdio: ['ignore', 'pipe', 'pipe', openSync(path, 'w')],
    },
  );
  expect({ status, stdout, stderr }).toEqual(
    failure === null
      ? { status: 0, stdout: 'started\n', stderr: '' }
      : { status: 125, stdout: '', stderr: `tracegate: --report-fd 3: ${failure}\n` },
  );
});

it('a report to a descriptor that is closed, or that nobody reads, is an error', () => {
  const closed = sync([LAUNCH, '--confine', '--report-fd=9', '--', 'true']);
  expect(closed).toMatchObject({ status: 125, stderr: 'tracegate: --report-fd 9: Bad file descriptor\n' });
  // The launcher itself holds a standard number that is closed.
  const standard = sync(['sh', '-c', `exec ${LAUNCH} --confine --report-fd=1 -- true >&-`]);
  expect(standard).toMatchObject({ status: 125, stderr: 'tracegate: --report-fd 1: Bad file descriptor\n' });
  const script = `import os
read, write = os.pipe()
os.close(read)
os.set_inheritable(write, True)
os.execv('${LAUNCH}', ['launch', '--confine', f'--report-fd={write}', '--', 'true'])`;
  expect(sync(['python3', '-c', script])).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/^tracegate: --report-fd \d+: Broken pipe\n$/),
  });
});

/** Its output, and its end. */
async function ending(child: ChildProcess) {
  const read = (stream: Readable | null) => (stream === null ? '' : text(stream));
  const [stdout, stderr, [code, signal]] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, code, signal };
}

it('spawnConfined gives the report, and is spawn() otherwise', BY_USER_TOO, async () => {
  const [program = '', ...words] = await victim();
  const child = spawnConfined(program, words, as());
  const report = await child.report;
  validated('confine', JSON.stringify(report));
  expect(report.verified).toEqual(['tracing', 'signals', 'abstract-sockets']);
  const { stdout, code } = await ending(child);
  expectOnly(report.closed, stdout);
  expect(code).toBe(0);
  expect(child.stdio).toHaveLength(3);
});

it('spawnConfined passes on environment, directory, descriptors, IPC, kill() and the exit code', async () => {
  const shell = spawnConfined('sh', ['-c', 'pwd; echo "$SECRET"; echo four >&4; exit 7'], {
    ...as({ env: environment({ SECRET: 'a b' }) }),
    cwd: '/usr',
    stdio: ['ignore', 'pipe', 'inherit', 'ignore', 'pipe'],
  });
  const [four, end] = await Promise.all([text(shell.stdio[4] as Readable), ending(shell)]);
  expect({ four, ...end }).toMatchObject({ four: 'four\n', stdout: '/usr\na b\n', code: 7 });

  const script =
    "process.on('message', text => process.send(text + process.pid, () => process.disconnect()))";
  const node = spawnConfined(process.execPath, ['-e', script], {
    ...as(),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  node.send('I am ');
  expect(await once(node, 'message')).toEqual([`I am ${node.pid}`, undefined]);
  expect(await once(node, 'close')).toEqual([0, null]);

  const cat = spawnConfined('cat', [], as());
  await cat.report;
  expect(cat.kill('SIGTERM')).toBe(true);
  expect(await once(cat, 'close')).toEqual([null, 'SIGTERM']);
});

it('spawnConfined with deny: confined, and closed to its neighbours', async () => {
  const child = spawnConfined('cat', [], { ...as(), deny: 'detached', core: 'off' });
  onTestFinished(() => void child.stdin!.end());
  child.stdin!.write('ready');
  await once(child.stdout!, 'data');
  expect(isClosed(child.pid!)).toBe(true);
  expect((await child.report).closed).toContain('tracing');
});

it('spawnConfined without Landlock: the report is refused, and nothing else fails', async () => {
  const script = `
    import { spawnConfined } from ${JSON.stringify(join(PUBLIC_DIST, 'index.js'))};
    const child = spawnConfined('echo', ['started'], { stdio: ['ignore', 'inherit', 'inherit'] });
    if (process.argv[2] === 'asks') console.log((await child.report.catch(error => error)).code);
    child.on('close', code => console.log(code));`;
  const app = join(privateDirectory(0o755), 'app.mjs');
  writeFileSync(app, script);
  const before = filtered(ENOSYS, LANDLOCK);
  expect(sync([...before, process.execPath, app, 'asks']).stdout).toBe('ERR_TRACEGATE_NOT_CONFINED\n125\n');
  expect(sync([...before, process.execPath, app]).stdout).toBe('125\n');
});

it.each([
  [{ confine: 'none' }, /confine.*'none'/],
  [{ shell: true }, /shell.*left out: name the shell as the command/],
  [{ argv0: 'x' }, /argv0.*left out/],
  [{ deny: true }, /deny.*true/],
  [{ unknown: 1 }, /unknown/],
])('spawnConfined refuses %j', (options, says) => {
  expect(() => spawnConfined('true', [], options as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_TRACEGATE_INVALID_OPTION',
      message: expect.stringMatching(says as RegExp),
    }),
  );
});

const REGISTER = join(PUBLIC_DIST, 'confine.js');
const confinedNode = (words: readonly string[], more: object = {}) =>
  sync([process.execPath, '--import', REGISTER, ...words], more);

it.each([
  [[''], /command must be a program/],
  [['/proc/self/exe'], /command must be a program's own path: .* would be the launcher/],
  [['true', 'x'], /args must be an array/],
])('spawnConfined refuses the command %j', (words, says) => {
  expect(() => spawnConfined(...(words as [string]))).toThrow(
    expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_OPTION', message: expect.stringMatching(says) }),
  );
});

it('tracegate/confine confines a Node before its first line, with its words and its input', async () => {
  const command = await victim();
  const script = `
    const { status, stdout } = require('node:child_process').spawnSync(${JSON.stringify(command[0])}, ${JSON.stringify(command.slice(1))});
    process.stdin.on('data', data => console.log(JSON.stringify([process.argv.slice(1), process.execArgv.slice(2, 4), String(data), Object.keys(process.env)])));
    process.stdin.on('end', () => process.stdout.write(stdout));`;
  const words = ['--no-warnings', '--title=renamed', '-e', script, 'a b', ''];
  const { status, stdout, stderr } = confinedNode(words, { input: 'typed' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [said = '', tried = ''] = stdout.split('\n');
  expect(JSON.parse(said)).toEqual([
    ['a b', ''],
    ['--no-warnings', '--title=renamed'],
    'typed',
    [
      ...JSON.parse(sync([process.execPath, '-p', 'JSON.stringify(Object.keys(process.env))']).stdout),
      'TRACEGATE_CONFINED',
    ],
  ]);
  expectOnly(['tracing', 'signals', 'abstract-sockets'], tried);
});

it('tracegate/confine does not lose a script that Node has read from its input', () => {
  const script = `try { process.kill(${process.pid}, 0) } catch (error) { console.log(error.code) }`;
  for (const words of [[], ['-', 'word'], ['-p']]) {
    const { status, stdout, stderr } = confinedNode(words, { input: script });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/ERR_TRACEGATE_NOT_CONFINED[\s\S]*--require tracegate\/confine/);
  }
  const required = [process.execPath, '--require', join(PUBLIC_DIST, 'confine.cjs')];
  expect(sync(required, { input: script }).stdout).toBe('EPERM\n');
});

it('tracegate/confine in a worker and in a child of fork()', async () => {
  const app = join(privateDirectory(0o755), 'app.mjs');
  writeFileSync(
    app,
    `
    import { fork } from 'node:child_process';
    import { Worker, isMainThread, parentPort } from 'node:worker_threads';
    const outside = () => { try { return process.kill(${process.pid}, 0); } catch (error) { return error.code; } };
    if (!isMainThread) parentPort.postMessage(outside());
    else if (process.argv[2] === 'child') process.on('message', text => process.send([text, outside()], () => process.disconnect()));
    else {
      new Worker(new URL(import.meta.url)).on('message', said => console.log('worker', said));
      const child = fork(new URL(import.meta.url), ['child']);
      child.send('hello');
      child.on('message', said => console.log('child', ...said));
    }`,
  );
  const { stdout, stderr } = confinedNode([app]);
  expect({ lines: stdout.trim().split('\n').sort(), stderr }).toEqual({
    lines: ['child hello EPERM', 'worker EPERM'],
    stderr: '',
  });
  // This process is not confined, and has sent a message before the child asks to be.
  const child = fork(app, ['child'], { ...as(), execArgv: ['--import', REGISTER], silent: true });
  child.send('hello');
  const [refused] = await Promise.all([text(child.stderr!), once(child, 'close')]);
  expect(refused).toMatch(
    /messages of its parent would be lost: confine the parent, or start this process by spawnConfined/,
  );
});

it('tracegate/confine in a worker alone is an error: it confines whole processes', () => {
  const file = join(privateDirectory(0o755), 'worker.cjs');
  writeFileSync(file, `try { process.kill(${process.pid}, 0) } catch (error) { console.log(error.code) }`);
  const options = JSON.stringify({ env: {}, execArgv: ['--import', REGISTER] });
  const app = `new (require('node:worker_threads').Worker)('${file}', ${options})`;
  const alone = sync([process.execPath, '-e', app]);
  expect(alone).toMatchObject({ status: 1, stderr: expect.stringMatching(/ERR_TRACEGATE_NOT_CONFINED/) });
  expect(confinedNode(['-e', app])).toMatchObject({ status: 0, stdout: 'EPERM\n', stderr: '' });
});

it('tracegate/confine does not believe the mark of a process that is no ancestor', async () => {
  const { pid } = await sleeper(AS_USER);
  const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21];
  const env = environment({ TRACEGATE_CONFINED: `${pid}:${startTime}` });
  const words = ['-p', `try { process.kill(${process.pid}, 0) } catch (error) { error.code }`];
  expect(confinedNode(words, { env }).stdout).toBe('EPERM\n');
});

it('tracegate/confine without Landlock: exit code 125 before the first line', () => {
  const { status, stdout, stderr } = sync([
    ...filtered(ENOSYS, LANDLOCK),
    process.execPath,
    '--import',
    REGISTER,
    '-p',
    '"started"',
  ]);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  expect(stderr).toMatch(/^tracegate: --confine can't close tracing: this kernel has no Landlock/);
});

it('npm runs scripts confined by integrations/npm/confined-sh', () => {
  const directory = privateDirectory(0o777);
  const script = `node -p 'try { process.kill(${process.pid}, 0) } catch (error) { error.code }'; exit 3`;
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ scripts: { confined: script } }));
  const { status, stdout } = sync(['npm', 'run', '--silent', 'confined'], {
    cwd: directory,
    env: environment({
      HOME: directory,
      npm_config_script_shell: join(PACKAGE, 'integrations', 'npm', 'confined-sh'),
    }),
  });
  expect({ status, stdout }).toEqual({ status: 3, stdout: 'EPERM\n' });
  expect(readdirSync(directory)).toContain('package.json');
});
