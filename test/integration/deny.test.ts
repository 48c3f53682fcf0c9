// denyTracing() on this kernel: closed to a stranger that really tries, undone exactly, and honest about the rest.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DenyReport, probe, traceStatus } from '../../lib/index.js';
import {
  AS_USER,
  IS_ROOT,
  ObedientProcess,
  PUBLIC_DIST,
  ROOT,
  straceAttaches,
  zombie,
} from '../helpers/processes.js';
import { copyPackage, publicDirectory } from '../helpers/public-copy.js';
import { BY_USER_TOO } from '../helpers/tier.js';

const EVERYTHING = [
  'inspector',
  'dumpable',
  'declared-tracer',
  'core-dumps',
  'reports',
  'heap-snapshots',
  'diagnostic-files',
  'attached-tracer',
  'memory-descriptors',
];

/** Whether anything listens on the port of Node's inspector. */
async function inspectorListens(port = 9229): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

const denied = (target: ObedientProcess, options = {}): Promise<DenyReport> =>
  target.call('denyTracing', options);

/** As of a machine where nothing else of this uid is closed: other tests' processes are. */
function alone({ open, ...report }: DenyReport): DenyReport {
  const isOthers = ({ why }: DenyReport['open'][number]) => /could not be looked into/.test(why);
  const { closed } = report;
  return open.some(isOthers)
    ? { ...report, open: open.filter(each => !isOthers(each)), closed: [...closed, 'memory-descriptors'] }
    : { ...report, open };
}

const deny = async (target: ObedientProcess, options = {}): Promise<DenyReport> =>
  alone(await denied(target, options));

describe('denyTracing', () => {
  it('closes every channel, and a stranger tried them', async () => {
    const target = await ObedientProcess.start();
    const report = await deny(target);
    expect(report.closed.toSorted()).toEqual(EVERYTHING.toSorted());
    expect(report).toMatchObject({ open: [], tracedBy: null });
    expect(report.verified.map(({ outcome }) => outcome)).toEqual(Array(6).fill('denied'));
    // Others than the code under test.
    expect(await probe(target.pid, { as: 'stranger', method: 'seize' })).toMatchObject({ outcome: 'denied' });
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(traceStatus(target.pid).status).toBe('disabled');
  });

  // /proc itself is the oracle, whose files differ from kernel to kernel.
  it('names exactly the files under /proc/self that the process loses', async () => {
    const target = await ObedientProcess.start();
    const before = new Set<string>(await target.call('closedToItself'));
    const { sideEffects } = await deny(target, { verify: false });
    const lost = ((await target.call('closedToItself')) as string[]).filter(file => !before.has(file));
    const named = (pattern: RegExp) =>
      sideEffects.flatMap(text => pattern.exec(text)?.[1]?.split(', ') ?? []);
    const read = named(/opening its own \/proc\/self\/(.*), and listing ns$/);
    const written = named(/writing its own \/proc\/self\/(.*)$/);
    const told = [
      'read ns',
      'write mem',
      ...read.map(name => `read ${name}`),
      ...written.map(name => `write ${name}`),
    ];
    expect(lost.filter(file => !told.includes(file))).toEqual([]);
    const all = readdirSync('/proc/self');
    expect(told.filter(file => all.includes(file.split(' ')[1] ?? '') && !lost.includes(file))).toEqual([]);
    expect(lost.length).toBeGreaterThan(10);
  });

  it('keeps the inspector closed at a SIGUSR1, and an app still receives the signal', async () => {
    const target = await ObedientProcess.start();
    await target.call('listenForUsr1');
    await deny(target, { verify: false });
    process.kill(target.pid, 'SIGUSR1');
    await target.call('usr1Heard');
    expect(await target.call('ownState')).toMatchObject({ inspector: null });
    expect(await inspectorListens()).toBe(false);
  });

  it('closes again an inspector that the app opens under denial, until it is undone', async () => {
    const target = await ObedientProcess.start();
    await deny(target, { verify: false });
    await target.call('openInspector');
    expect(await target.call('ownState')).toMatchObject({ inspector: null });
    await target.call('allowTracing');
    await target.call('openInspector');
    expect((await target.call('ownState')).inspector).toMatch(/^ws:/);
  });

  it('closes an inspector that is open', async () => {
    const target = await ObedientProcess.start();
    await target.call('openInspector');
    const { inspector } = await target.call('ownState');
    const port = Number(new URL(inspector).port);
    expect(await inspectorListens(port)).toBe(true);
    await deny(target, { verify: false });
    expect(await inspectorListens(port)).toBe(false);
  });

  it('allowTracing() restores the state before, also after two calls', async () => {
    const target = await ObedientProcess.start();
    const before = await target.call('ownState');
    await deny(target);
    await deny(target, { verify: false });
    expect(await target.call('ownState')).toMatchObject({
      dumpable: 'disabled',
      limits: ['1', before.limits[1]],
    });
    const { kept } = await target.call('allowTracing');
    expect(await target.call('ownState')).toEqual(before);
    expect(['declared-tracer', undefined]).toContain(kept[0]);
    expect(await target.call('allowTracing')).toEqual({ restored: [], kept: [] });
  });

  it('withTracing() closes again, also if its function throws', async () => {
    const target = await ObedientProcess.start();
    await deny(target, { verify: false });
    expect(await target.call('window')).toEqual(['user', 'inside', 'disabled']);
  });

  it('holds for the whole process from a worker', async () => {
    const target = await ObedientProcess.start();
    const report = await target.call('denyInWorker', {});
    expect(report.closed).toEqual(expect.arrayContaining(['dumpable', 'inspector']));
    expect(traceStatus(target.pid).status).toBe('disabled');
    process.kill(target.pid, 'SIGUSR1');
    expect(await target.call('ownState')).toMatchObject({ dumpable: 'disabled', inspector: null });
    expect(await inspectorListens()).toBe(false);
  });

  it('in a worker, after the main thread, keeps the listeners of the main thread', async () => {
    const target = await ObedientProcess.start();
    await target.call('listenForUsr1');
    await deny(target, { verify: false });
    await target.call('denyInWorker', { verify: false });
    process.kill(target.pid, 'SIGUSR1');
    await target.call('usr1Heard');
  });

  it('with children: true, Node children deny too, until allowTracing()', BY_USER_TOO, async () => {
    // As we are: a child loads the package from its directory.
    const target = await ObedientProcess.start('');
    expect(await target.call('dumpableOfChild')).toBe('user');
    await deny(target, { verify: false, children: true });
    expect(await target.call('dumpableOfChild')).toBe('disabled');
    await target.call('allowTracing');
    expect(await target.call('dumpableOfChild')).toBe('user');
  });

  it('with keepDumpable the process stays dumpable, and leaves no core dumps', async () => {
    const target = await ObedientProcess.start();
    const report = await deny(target, { keepDumpable: true });
    expect(report.open).toMatchObject([
      { channel: 'dumpable', why: expect.stringContaining('keepDumpable') },
      { channel: 'core-dumps', why: expect.stringContaining('may raise it again (prlimit)') },
    ]);
    expect(await target.call('ownState')).toMatchObject({
      dumpable: 'user',
      limits: ['1', expect.any(String)],
    });
  });

  it('reports core dumps as closed only if no process of the uid can enable them again', async () => {
    for (const options of [{ keepDumpable: true }, { channels: { dumpable: false } }]) {
      const target = await ObedientProcess.start();
      const before = (await target.call('ownState')).limits;
      const raise = () => spawnSync('prlimit', [`--pid=${target.pid}`, '--core=2:'], AS_USER).status;
      const soft = async () => (await target.call('ownState')).limits[0];
      expect((await deny(target, options)).closed).not.toContain('core-dumps');
      expect([raise(), await soft()]).toEqual([0, '2']);
      await target.call('allowTracing');
      expect((await target.call('ownState')).limits).toEqual(before);
      expect((await deny(target, { ...options, hardLimits: true })).closed).toContain('core-dumps');
      expect([raise(), await soft()]).toEqual([1, '1']);
    }
  });

  it('leaves out the channels that the options name, and reports that', async () => {
    const target = await ObedientProcess.start();
    const report = await deny(target, { channels: { 'core-dumps': false, inspector: false } });
    expect(report.open.map(({ channel }) => channel)).toEqual(['inspector', 'core-dumps']);
    expect(report.verified.every(({ channel }) => channel === 'dumpable')).toBe(true);
  });

  it('TRACEGATE=off overrides it only with allowOverride', async () => {
    process.env.TRACEGATE = 'off';
    const [strict, lenient] = [await ObedientProcess.start(), await ObedientProcess.start()];
    delete process.env.TRACEGATE;
    expect((await deny(strict)).closed).toContain('dumpable');
    const report = await deny(lenient, { allowOverride: true });
    expect(report.closed).toEqual([]);
    expect(report.open[0]?.why).toContain('TRACEGATE=off');
    expect(await lenient.call('ownState')).toMatchObject({ dumpable: 'user' });
  });
});

describe('node --import tracegate/deny', BY_USER_TOO, () => {
  const register = new URL('../../dist/deny.js', import.meta.url).href;

  it('denies before the first line of the program', () => {
    const script = `const { readFileSync } = require('fs');
      console.log(process.listenerCount('SIGUSR1'), readFileSync('/proc/self/limits', 'utf8').match(/core file size +(\\d+)/)[1]);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', register, '-e', script], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: '1 1\n', stderr: '', status: 0 });
  });

  it('does not close an inspector that a worker opens later', async () => {
    const worker = `const inspector = require('inspector');
      inspector.open(0);
      require('worker_threads').parentPort.postMessage(inspector.url());
      setInterval(() => {}, 1000);`;
    const script = `new (require('worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true }).on('message', url => console.log(url));`;
    const app = spawn(process.execPath, ['--import', register, '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void app.kill());
    const [url] = await once(createInterface({ input: app.stdout }), 'line');
    expect(await inspectorListens(Number(new URL(url).port))).toBe(true);
  });

  it('does not start a program that it cannot close', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-addons', '--import', register, '-e', 'console.log("it runs")'],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('ERR_TRACEGATE_NATIVE_UNAVAILABLE');
  });
});

describe('a tracer or an open descriptor from before', () => {
  it('a tracer stays attached, and is reported', async () => {
    const target = await ObedientProcess.start();
    const strace = (await straceAttaches(target.pid, AS_USER))!;
    const report = await deny(target);
    await strace.detach();
    expect(report).toMatchObject({ tracedBy: strace.pid });
    expect(report.open).toContainEqual(expect.objectContaining({ channel: 'attached-tracer' }));
  });

  it('a descriptor of the memory in a readable process is found and reported', BY_USER_TOO, async () => {
    const target = await ObedientProcess.start('');
    const fd = openSync(`/proc/${target.pid}/mem`, 'r');
    const report = await deny(target);
    closeSync(fd);
    expect(report.open).toContainEqual(
      expect.objectContaining({
        channel: 'memory-descriptors',
        why: expect.stringContaining(`${process.pid}`),
      }),
    );
  });
});

const HTTP_SERVER =
  "require('http').createServer((_, reply) => reply.end('hello')).listen(0, '::', function () { say(this.address().port); });";
const SILENT_SERVER =
  "require('net').createServer(() => {}).listen(0, function () { say(this.address().port); });";
const INSPECTOR =
  "const inspector = require('inspector'); inspector.open(0); say(Number(new URL(inspector.url()).port));";

describe('listeners of other threads', () => {
  it.each([
    ['an inspector', INSPECTOR],
    ['an inspector at all addresses', INSPECTOR.replace('open(0)', "open(0, '0.0.0.0')")],
    ['an inspector at an IPv6 address', INSPECTOR.replace('open(0)', "open(0, '::1')")],
  ])("%s of a worker is found, and can't be closed from here", BY_USER_TOO, async (_, source) => {
    const target = await ObedientProcess.start();
    const port = await target.call('listenInWorker', source);
    const error = await deny(target, { verify: false }).catch(error => error);
    expect(error).toMatchObject({ code: 'ERR_TRACEGATE_NOT_DENIED' });
    expect(error.message).toMatch(
      new RegExp(`inspector: the inspector of another thread listens at \\S+:${port} `),
    );
    expect((await deny(target, { policy: 'warn' })).closed).not.toContain('inspector');
  });

  it('a worker finds the inspector of the main thread at any port', async () => {
    const target = await ObedientProcess.start();
    await target.call('openInspector');
    const denied = target.call('denyInWorker', { verify: false });
    await expect(denied).rejects.toThrow(
      /the inspector of another thread listens at 127.0.0.1:\d+ \(call denyTracing\(\) in the main thread/,
    );
  });

  it('an inspector that a worker opens after denyTracing() stays open, and is not noticed', async () => {
    const target = await ObedientProcess.start();
    expect((await deny(target, { verify: false })).closed).toContain('inspector');
    const port = await target.call('listenInWorker', INSPECTOR);
    expect(await inspectorListens(port)).toBe(true);
  });

  it('a server that answers is no inspector, and servers of the own thread are not asked', async () => {
    const target = await ObedientProcess.start();
    await target.call('listen');
    await target.call('listenInWorker', HTTP_SERVER);
    expect((await deny(target, { verify: false })).closed).toContain('inspector');
    expect(await target.call('timesAsked')).toBe(0);
  });

  it('a silent server may be an inspector: the channel is reported open, and nothing throws', async () => {
    const target = await ObedientProcess.start();
    const port = await target.call('listenInWorker', SILENT_SERVER);
    const { open, closed } = await deny(target, { verify: false });
    expect(closed).not.toContain('inspector');
    expect(open).toMatchObject([
      { channel: 'inspector', why: expect.stringContaining(`:${port}, and whether`) },
    ]);
  });
});

describe('memory that others have open', () => {
  it('an unreadable neighbour may hold it: the channel is reported open, and nothing throws', async () => {
    const [closedOne, target] = await Promise.all([ObedientProcess.start(), ObedientProcess.start()]);
    await closedOne.call('setDumpable', 'disabled');
    const { open } = await denied(target);
    expect(open).toMatchObject([
      {
        channel: 'memory-descriptors',
        why: expect.stringMatching(/process(es)? of this uid could not be looked into/),
      },
    ]);
  });
});

it.runIf(IS_ROOT)('a zombie that was closed holds nothing: memory-descriptors is closed', async () => {
  const alone = { uid: 4244, gid: 4244 };
  await zombie(['closed'], alone);
  const script = `import { denyTracing } from ${JSON.stringify(`${PUBLIC_DIST}/index.js`)};
    console.log(JSON.stringify(await denyTracing()));`;
  const program = ['--input-type=module', '-e', script];
  const { stdout } = spawnSync(process.execPath, program, { encoding: 'utf8', ...alone });
  expect(JSON.parse(stdout).open).toEqual([]);
});

describe('without free descriptors', () => {
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { denyTracing, getDumpable } from ${JSON.stringify(`${PUBLIC_DIST}/index.js`)};
    getDumpable();
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    for (let left = 0; left < Number(process.argv[1]); left++) closeSync(taken.pop());
    const found = await denyTracing().then(report => ({ report }), ({ code, report }) => ({ code, report }));
    for (const fd of taken) closeSync(fd);
    console.log(JSON.stringify({ ...found, dumpable: getDumpable() }));`;

  it.each([0, 1, 2, 3, 4, 5, 6, 8, 12])(
    'with %i descriptors left there is a report, which names the open channels',
    left => {
      const words = [
        '-c',
        'ulimit -n 128 && exec "$@"',
        'sh',
        process.execPath,
        '--input-type=module',
        '-e',
        script,
        `${left}`,
      ];
      const { stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8', ...AS_USER });
      const { code, report, dumpable } = JSON.parse(stdout || '{}');
      expect([stderr, dumpable]).toEqual(['', 'disabled']);
      const named = [...report.closed, ...report.open.map(({ channel }: { channel: string }) => channel)];
      expect([...new Set(named)].toSorted()).toEqual(EVERYTHING.toSorted());
      if (left === 0) expect(code).toBe('ERR_TRACEGATE_NOT_DENIED');
      if (left === 12) expect(code).toBeUndefined();
      const isProven = report.verified.length > 0;
      if (code === undefined) expect(isProven).toBe(true);
    },
  );
});

describe('a second copy of the package', () => {
  it.each(['first', 'second'])('closes too, and each copy undoes its own changes, the %s first', which => {
    const copy = publicDirectory();
    copyPackage(ROOT, copy);
    const script = `
      const [first, second] = await Promise.all([
        import(${JSON.stringify(`${PUBLIC_DIST}/index.js`)}), import(${JSON.stringify(`${copy}/dist/index.js`)})]);
      const state = () => JSON.stringify([first.getDumpable(), process.report.reportOnSignal,
        ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'].map(signal => process.listeners(signal).map(({ name }) => name))]);
      const before = state();
      const failed = [];
      for (const each of [first, second]) await each.denyTracing({ verify: false }).catch(error => failed.push(error.message));
      const order = ${which === 'first'} ? [first, second] : [second, first];
      for (const each of order) each.allowTracing();
      console.log(JSON.stringify({ before, after: state(), failed }));`;
    const flags = ['--report-on-signal', '--report-signal=SIGUSR2', '--heapsnapshot-signal=SIGWINCH'];
    const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      ...AS_USER,
    });
    const { before, after, failed } = JSON.parse(stdout || '{}');
    expect([stderr, failed]).toEqual(['', []]);
    expect(after).toBe(before);
  });
});

describe('what cannot be closed', () => {
  it('makes it throw by default, is named, and leaves the rest closed', BY_USER_TOO, async () => {
    const script = `
      const { denyTracing, getDumpable } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
      const error = await denyTracing({ keepDumpable: true, verify: false }).catch(error => error);
      console.log(JSON.stringify({ code: error.code, message: error.message, closed: error.report.closed }));`;
    const { stdout } = spawnSync(
      'sh',
      ['-c', 'ulimit -c 0 && exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    );
    const { code, message, closed } = JSON.parse(stdout);
    expect(code).toBe('ERR_TRACEGATE_NOT_DENIED');
    expect(message).toMatch(/core-dumps: the hard limit of RLIMIT_CORE is 0 already/);
    expect(closed).toContain('inspector');
  });

  it.each([
    [{ verfy: true }, /one of .*verify/],
    [{ verify: 'yes' }, /verify must be true or false/],
    [{ policy: 'ignore' }, /policy must be 'throw' or 'warn'/],
    [{ channels: { ptrace: false } }, /a name in channels must be one of/],
    [{ channels: { dumpable: 0 } }, /channels.dumpable must be true or false/],
    [null, /options must be an object/],
  ])('%j is a bad option, and nothing is closed', async (options, message) => {
    const target = await ObedientProcess.start();
    const before = await target.call('ownState');
    await expect(deny(target, options as object)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_INVALID_OPTION',
      message: expect.stringMatching(message),
    });
    expect(await target.call('ownState')).toEqual(before);
  });
});

(IS_ROOT ? it : null)?.('root is still closed to strangers of its own uid', async () => {
  const target = await ObedientProcess.start('');
  expect((await deny(target)).closed).toContain('dumpable');
});
