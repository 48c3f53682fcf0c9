// serveGrants(): the clients that may ask, the grant and its ends, hostile clients and a hostile directory.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PROTOCOL_VERSION } from '../../lib/debugger/grant-protocol.js';
import { type GrantEvent, serveGrants } from '../../lib/debugger/index.js';
import { readPtraceScope } from '../../lib/index.js';
import { factsOf } from '../../lib/snapshot.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { grantLine } from '../helpers/grant-lines.js';
import {
  AS_USER,
  closedTarget,
  IS_ROOT,
  isClosed,
  ObedientProcess,
  PUBLIC_DIST,
  privateDirectory,
  sleeper,
  USER,
} from '../helpers/processes.js';
import { BY_USER_TOO, SEED, times } from '../helpers/tier.js';
import { changedUntil, ended } from '../helpers/waits.js';

const UID = process.getuid!();
const TTL = 60_000;
const ACCEPTED = { allowSameUid: true };

/** An app that has opted out and serves grants to the user of this test. */
async function serving(options: object = {}) {
  const app = await closedTarget();
  const path = join(privateDirectory(), 'grants');
  await app.call('serve', { path, allow: { uids: [UID] }, ...ACCEPTED, ...options });
  return {
    app,
    path,
    events: async (): Promise<GrantEvent[]> => app.call('events'),
    /** The log, once it has so many events. */
    eventsUpTo: async (count: number): Promise<GrantEvent[]> => app.call('eventsUpTo', count),
  };
}

/** The server's answers to the written lines, a line each. */
async function client(path: string) {
  const socket: Socket = connect(path);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    socket,
    ask: (message: object) =>
      void socket.write(`${JSON.stringify({ version: PROTOCOL_VERSION, ...message })}\n`),
    reply: async () => {
      const { value, done } = await lines.next();
      return done ? null : JSON.parse(value);
    },
  };
}

async function asked(path: string, message: object) {
  const asking = await client(path);
  asking.ask(message);
  return { ...asking, first: await asking.reply() };
}

const grantFor = (pid: number, more: object = {}) => ({
  request: 'grant',
  debugger: pid,
  ttl: TTL,
  reason: 'ticket 7',
  ...more,
});

describe('a grant', () => {
  it('is for allowed uids, lasts until the connection ends, and logs every step', BY_USER_TOO, async () => {
    const { app, path, eventsUpTo } = await serving();
    const { pid } = await sleeper(AS_USER);
    const { socket, first } = await asked(path, grantFor(pid));
    expect(first).toMatchObject({
      version: PROTOCOL_VERSION,
      granted: {
        pid: app.pid,
        debugger: { pid, comm: 'cat' },
        requester: { pid: process.pid, uid: UID },
        reason: 'ticket 7',
      },
    });
    expect(isClosed(app.pid)).toBe(false);
    socket.destroy();
    const events = await eventsUpTo(3);
    // The log came first.
    expect(await app.call('dumpableAtStart')).toBe('disabled');
    expect(isClosed(app.pid)).toBe(true);
    expect(events.map(({ event }) => event)).toEqual(['request', 'start', 'end']);
    expect(events[2]).toMatchObject({ end: { by: 'revoked', stillTracedBy: null } });
  });

  it('ends after its ttl and when its debugger ends, and reports which', async () => {
    const { app, path } = await serving();
    const { pid } = await sleeper(AS_USER);
    const short = await asked(path, grantFor(pid, { ttl: 50 }));
    expect(await short.reply()).toMatchObject({ ended: { by: 'expired' } });
    expect(await short.reply()).toBeNull();
    const debugging = await sleeper(AS_USER);
    const long = await asked(path, grantFor(debugging.pid));
    debugging.process.kill('SIGKILL');
    expect(await long.reply()).toMatchObject({ ended: { by: 'debugger-ended' } });
    expect(isClosed(app.pid)).toBe(true);
  });

  it('is listed, and revoked by another connection', async () => {
    const { app, path } = await serving();
    const { pid } = await sleeper(AS_USER);
    const holder = await asked(path, grantFor(pid));
    const { first } = await asked(path, { request: 'list' });
    expect(first).toMatchObject({ pid: app.pid, grants: [{ reason: 'ticket 7', debugger: { pid } }] });
    expect((await asked(path, { request: 'revoke' })).first).toEqual({
      version: PROTOCOL_VERSION,
      revoked: 1,
    });
    expect(isClosed(app.pid)).toBe(true);
    expect(await holder.reply()).toMatchObject({ ended: { by: 'revoked' } });
    expect((await asked(path, { request: 'list' })).first).toMatchObject({ grants: [] });
  });

  it('excludes a second one at the same time', async () => {
    const { path } = await serving();
    const [{ pid }, other] = [await sleeper(AS_USER), await sleeper(AS_USER)];
    await asked(path, grantFor(pid));
    expect((await asked(path, grantFor(other.pid))).first).toMatchObject({
      refused: { code: 'ERR_TRACEGATE_GRANT_ACTIVE' },
    });
  });

  it('ends with the server, which leaves no socket', async () => {
    const { app, path } = await serving();
    const { pid } = await sleeper(AS_USER);
    const holder = await asked(path, grantFor(pid));
    await app.call('closeServer');
    expect(isClosed(app.pid)).toBe(true);
    expect(existsSync(path)).toBe(false);
    while ((await holder.reply()) !== null);
  });
});

describe('is refused, and nothing is opened:', () => {
  async function refused(options: object, message: (pid: number) => object = grantFor) {
    const { app, path, events } = await serving(options);
    const { pid } = await sleeper(AS_USER);
    const { first } = await asked(path, message(pid));
    expect(isClosed(app.pid)).toBe(true);
    return { refused: first.refused as { code: string; message: string }, events: await events() };
  }

  it('a uid that is not named, even if it is that of the app', BY_USER_TOO, async () => {
    const { app, path } = await serving({ allow: { uids: [4711], gids: [4711] } });
    // From a process of the app's own uid.
    const { pid } = await sleeper(AS_USER);
    const asking = await ObedientProcess.start();
    const reply = await asking.call(
      'askSocket',
      path,
      `${JSON.stringify({ version: PROTOCOL_VERSION, ...grantFor(pid) })}\n`,
    );
    expect(JSON.parse(reply)).toMatchObject({
      refused: { code: 'ERR_TRACEGATE_GRANT_REFUSED', message: expect.stringContaining(`uid ${USER}`) },
    });
    expect(isClosed(app.pid)).toBe(true);
  });

  it.runIf(IS_ROOT)(
    'another uid, by the modes of the socket and its directory (needs root to take that uid)',
    async () => {
      const { path } = await serving({ allow: { uids: [4711] } });
      const stranger = await ObedientProcess.start(4711);
      await expect(stranger.call('askSocket', path, '{}\n')).rejects.toMatchObject({ code: 'EACCES' });
    },
  );

  it.runIf(IS_ROOT)(
    'a process that got the pid of the requester after its end (needs root for clone3 with a pid)',
    async () => {
      const { app, path, eventsUpTo } = await serving();
      process.kill(app.pid, 'SIGSTOP');
      // Connects, leaves the socket to its child, and ends before the app accepts the connection.
      const script = `const socket = require('node:net').connect(process.argv[1], () => {
      const child = require('node:child_process').spawn('cat', { stdio: ['ignore', socket, 'ignore'], detached: true });
      child.unref();
      process.exit();
    });`;
      const asking = spawn(process.execPath, ['-e', script, path], { stdio: 'ignore' });
      await once(asking, 'close');
      const other = spawn(compile('with-pid.c'), [`${asking.pid}`, 'cat'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void other.stdin.end());
      other.stdin.write('x');
      await once(other.stdout, 'data');
      process.kill(app.pid, 'SIGCONT');
      const { requester } = (await eventsUpTo(1))[0]!;
      expect(requester).toMatchObject({ pid: asking.pid, uid: UID });
      // Before Linux 6.5 the kernel does not tell.
      const [major = 0, minor = 0] = release().split('.').map(Number);
      expect(requester.comm).toBe(major > 6 || (major === 6 && minor >= 5) ? null : 'cat');
    },
  );

  it.runIf(IS_ROOT)(
    'a uid that is taken after connect: the uid at connect counts (needs root to have two)',
    async () => {
      const { app, path } = await serving({ allow: { uids: [4711] } });
      const { pid } = await sleeper(AS_USER);
      const message = JSON.stringify({ version: PROTOCOL_VERSION, ...grantFor(pid) });
      // Connects as one uid, and asks and waits for the answer as another.
      const script = `import os, socket, sys
before, after, path, message = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
server = socket.socket(socket.AF_UNIX)
os.seteuid(before)
server.connect(path)
os.seteuid(0)
os.seteuid(after)
server.sendall(message.encode() + b"\\n")
print(server.makefile().readline())`;
      const directory = dirname(path);
      for (const place of [directory, path]) chmodSync(place, 0o777);
      const ask = async (before: number, after: number) => {
        const asking = spawn('/usr/bin/python3', ['-c', script, `${before}`, `${after}`, path, message]);
        return JSON.parse(await text(asking.stdout));
      };
      expect(await ask(USER, 4711)).toMatchObject({
        refused: { message: expect.stringContaining(`uid ${USER}`) },
      });
      expect(isClosed(app.pid)).toBe(true);
      expect(await ask(4711, USER)).toHaveProperty('granted');
    },
  );

  it.runIf(IS_ROOT)('a pid of another pid namespace than the app’s (for root: unshare)', async () => {
    const through = ['unshare', '--pid', '--mount-proc', '--fork', '--kill-child'];
    const app = await ObedientProcess.start(USER, through);
    const path = join(privateDirectory(), 'grants');
    await app.call('serve', { path, allow: { uids: [UID] }, ...ACCEPTED });
    const { pid } = await sleeper(AS_USER);
    const startTime = factsOf(pid)!.startTime;
    expect((await asked(path, grantFor(pid, { startTime }))).first).toMatchObject({
      refused: { code: 'ESRCH' },
    });
    expect((await app.call('events'))[0]).toMatchObject({ requester: { pid: 0, uid: UID, comm: null } });
  });

  it.each(['no', 'truthy', 'throws'])('where the hook says %s', async hook => {
    const { refused: reply, events } = await refused({ hook });
    expect(reply.code).toBe('ERR_TRACEGATE_GRANT_REFUSED');
    expect(reply.message).not.toContain('a secret of the app');
    expect(events.map(({ event }) => event)).toEqual(['request', 'refused']);
  });

  it('and is granted if the hook answers true, after a look at the debugger', async () => {
    const { app, path } = await serving({ hook: 'debuggerIsCat' });
    const { pid } = await sleeper(AS_USER);
    expect((await asked(path, grantFor(pid))).first.granted).toBeDefined();
    expect(isClosed(app.pid)).toBe(false);
  });

  it('a ttl longer than maxTtl', async () => {
    const { refused: reply } = await refused({ maxTtl: TTL - 1 });
    expect(reply.message).toBe('ttl 60000 is more than the 59999 ms that are granted at most');
  });

  it('a request for which the hook or the log never answers', async () => {
    const { refused: undecided } = await refused({ hook: 'neverSays', maxTtl: 100 }, pid =>
      grantFor(pid, { ttl: 50 }),
    );
    expect(undecided.message).toBe('it was not authorized: the hook took more than 100 ms');
    const { refused: unlogged } = await refused({ isLogStuck: true, timeout: 2000 });
    expect(unlogged.message).toBe('the log failed: the log took more than 2000 ms');
  });

  it('a request that cannot be logged', async () => {
    const { refused: reply } = await refused({ isLogFull: true });
    expect(reply.message).toMatch(/the log failed: .*ENOSPC/);
  });

  it.each<[string, (pid: number) => object, string, RegExp]>([
    ['nobody', () => grantFor(2147483647), 'ESRCH', /no process has pid/],
    ['another start time', pid => grantFor(pid, { startTime: 1 }), 'ESRCH', /another process now/],
    [
      'version 1',
      pid => ({ ...grantFor(pid), version: 1 }),
      'ERR_TRACEGATE_GRANT_PROTOCOL',
      /version must be 2/,
    ],
    ['no reason', pid => grantFor(pid, { reason: ' ' }), 'ERR_TRACEGATE_GRANT_PROTOCOL', /reason/],
    ['pid 0', () => grantFor(0), 'ERR_TRACEGATE_GRANT_PROTOCOL', /debugger/],
    [
      'a pid as text',
      pid => grantFor(pid, { debugger: `${pid}` }),
      'ERR_TRACEGATE_GRANT_PROTOCOL',
      /debugger/,
    ],
    ['no ttl', pid => grantFor(pid, { ttl: null }), 'ERR_TRACEGATE_GRANT_PROTOCOL', /ttl/],
    [
      'a request that names its own uid',
      pid => grantFor(pid, { uid: 0 }),
      'ERR_TRACEGATE_GRANT_PROTOCOL',
      /no "uid"/,
    ],
    ['another request', () => ({ request: 'open' }), 'ERR_TRACEGATE_GRANT_PROTOCOL', /request must be/],
  ])('%s', async (_, message, code, text) => {
    const { refused: reply } = await refused({}, message);
    expect(reply).toEqual({ code, message: expect.stringMatching(text) });
  });
});

/** That line to the server, from this process, and its reply. */
async function answer(path: string, line: string): Promise<string> {
  const socket = connect(path);
  socket.end(`${line}\n`);
  return text(socket);
}

const MESSAGES = times(1_500, 100_000);

it('many messages, also valid ones, by a uid that is not named', async () => {
  const { app, path, events } = await serving({ allow: { uids: [UID + 1] }, connections: 1000 });
  const { pid } = await sleeper(AS_USER);
  const valid = JSON.stringify({ version: PROTOCOL_VERSION, ...grantFor(pid) });
  const lines = fc.sample(fc.oneof({ weight: 9, arbitrary: grantLine }, fc.constant(valid)), {
    numRuns: MESSAGES,
    seed: SEED,
  });
  let [refusals, valids] = [0, 0];
  const worker = async () => {
    for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
      const replies = (await answer(path, line))
        .trim()
        .split('\n')
        .map(reply => JSON.parse(reply));
      expect(replies).toEqual([{ version: PROTOCOL_VERSION, refused: expect.anything() }]);
      refusals += 1;
      if (line === valid) {
        expect(replies[0].refused.message).toContain('may not ask');
        valids += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  expect(refusals).toBe(MESSAGES);
  expect(valids).toBeGreaterThan(MESSAGES / 20);
  expect((await events()).filter(({ event }) => event === 'start')).toEqual([]);
  expect(isClosed(app.pid)).toBe(true);
});

describe('hostile clients are cut off:', () => {
  it.each([
    ['garbage', Buffer.from([0, 255, 10, 13, 10])],
    ['an array', '[1]\n'],
    ['a line without an end', 'x'.repeat(5000)],
    ['a number', '7\n'],
  ])('%s', async (_, bytes) => {
    const { app, path } = await serving();
    const { socket, reply } = await client(path);
    socket.write(bytes);
    expect(await reply()).toMatchObject({ refused: { code: 'ERR_TRACEGATE_GRANT_PROTOCOL' } });
    expect(await reply()).toBeNull();
    expect(isClosed(app.pid)).toBe(true);
  });

  it('one that sends nothing, after the timeout', async () => {
    const { path } = await serving({ timeout: 50 });
    const { reply } = await client(path);
    expect(await reply()).toMatchObject({ refused: { message: 'nothing was asked in 50 ms' } });
    expect(await reply()).toBeNull();
  });

  it('one that never closes the connection', async () => {
    const { app, path } = await serving({ timeout: 50 });
    const before = await app.call('ownDescriptors');
    for (const text of ['garbage\n', '']) {
      const socket = connect({ path, allowHalfOpen: true });
      onTestFinished(() => void socket.destroy());
      socket.write(text);
      socket.resume();
      await once(socket, 'end');
    }
    await app.call('connectionsClosed');
    expect(await app.call('ownDescriptors')).toBe(before);
  });

  it('a thousand at a time, and an allowed client is served afterwards', async () => {
    const { app, path, events } = await serving({ connections: 8, timeout: 500 });
    const before = await app.call('ownDescriptors');
    const sockets = Array.from({ length: 1000 }, () => connect(path));
    await Promise.all(
      sockets.map(async socket => {
        socket.on('error', () => {});
        socket.on('data', () => {});
        await once(socket, 'close');
      }),
    );
    expect(isClosed(app.pid)).toBe(true);
    expect(await app.call('ownDescriptors')).toBe(before);
    const { pid } = await sleeper(AS_USER);
    expect((await asked(path, grantFor(pid))).first.granted).toBeDefined();
    expect((await events()).filter(({ event }) => event === 'start')).toHaveLength(1);
  });
});

describe('the socket', () => {
  async function serve(path: string) {
    const app = await ObedientProcess.start();
    return app.call('serve', { path, allow: { uids: [UID] } });
  }

  it('belongs to its user alone', BY_USER_TOO, async () => {
    const { path } = await serving();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => string, RegExp]>([
    ['an abstract name', () => '\0grants', /abstract/],
    ['an abstract name as ss shows it', () => '@grants', /abstract/],
    ['a relative path', () => 'grants', /absolute/],
    ['a long path', () => `/tmp/${'x'.repeat(110)}`, /longer than 107/],
    ['a directory that is not there', () => '/nonexistent/grants', /is not there: mkdir -m 700/],
    [
      'a directory that others enter',
      () => join(privateDirectory(0o755), 'grants'),
      /open to others \(mode 0755\)/,
    ],
    ['another user’s directory', () => '/root/grants', /directory/],
  ])('%s is refused', async (_, path, message) => {
    await expect(serve(path())).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_GRANT_SOCKET',
      message: expect.stringMatching(message),
    });
  });

  it.each<[string, (path: string) => void]>([
    ['a symlink', path => symlinkSync('/tmp/elsewhere', path)],
    ['a file', path => writeFileSync(path, 'precious')],
  ])('%s that is planted there stays, and is not followed', async (_, plant) => {
    const path = join(privateDirectory(), 'grants');
    plant(path);
    await expect(serve(path)).rejects.toMatchObject({ message: expect.stringContaining('and is kept') });
    expect(existsSync('/tmp/elsewhere')).toBe(false);
  });

  it('is refused if a process serves it, and taken over if none does', async () => {
    const { path } = await serving();
    await expect(serve(path)).rejects.toMatchObject({
      message: expect.stringContaining('serves it already'),
    });
    const stale = join(privateDirectory(), 'grants');
    const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script, stale], AS_USER);
    expect(existsSync(stale)).toBe(true);
    expect(await serve(stale)).toBe(stale);
  });

  it('is removed at every kind of end, unless another file has replaced it', async () => {
    const left = await serving();
    process.kill(left.app.pid, 'SIGKILL');
    await changedUntil(dirname(left.path), () => !existsSync(left.path));
    const replaced = await serving();
    rmSync(replaced.path);
    writeFileSync(replaced.path, 'precious');
    const keeper = readFileSync(`/proc/${replaced.app.pid}/task/${replaced.app.pid}/children`, 'utf8').trim();
    process.kill(replaced.app.pid, 'SIGKILL');
    await ended(Number(keeper));
    expect(readFileSync(replaced.path, 'utf8')).toBe('precious');
  });
});

describe('options', () => {
  it.each([
    [{ path: '/x' }, /allow must be given, unless authorize is/],
    [{ path: '/x', allow: 7 }, /allow must be an object with uids, gids, not 7/],
    [{ path: '/x', allow: { uids: ['root'] } }, /allow.uids must be an array of uids/],
    [{ path: '', allow: {} }, /path must be the path of a socket/],
    [{ path: '/x', allow: {}, maxTtl: 0 }, /maxTtl must be a whole number/],
    [{ path: '/x', allow: {}, ttl: 1 }, /an option must be one of path, .* not 'ttl'/],
  ])('%j', async (options, message) => {
    const app = await ObedientProcess.start();
    await expect(app.call('serve', options)).rejects.toMatchObject({
      code: 'ERR_TRACEGATE_INVALID_OPTION',
      message: expect.stringMatching(message),
    });
  });
});

describe('a hostile or broken app', () => {
  const RECORD = {
    pid: 1,
    debugger: { pid: process.pid, startTime: 1, comm: 'x' },
    requester: { pid: process.pid, uid: UID, gid: UID },
    reason: 'ticket 7',
    effect: 'effective',
    predicted: { verdict: 'allowed', because: 'x' },
    expiresAt: '2026-01-01T00:00:00.000Z',
  };

  /** A socket whose server, this process, gives this answer to every client. */
  async function saying(reply: string | object) {
    const path = join(mkdtempSync(join(tmpdir(), 'tracegate-lying-')), 'grants');
    const server = createServer(socket => {
      socket.on('error', () => {});
      if (reply !== '')
        socket.once('data', () =>
          socket.write(
            `${typeof reply === 'string' ? reply : JSON.stringify({ version: PROTOCOL_VERSION, ...reply })}\n`,
          ),
        );
    });
    server.listen(path);
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      rmSync(dirname(path), { recursive: true });
    });
    return path;
  }
  const WORDS = ['--ttl', '60s', '--reason', 'x'];

  it('cannot have another process debugged: the kernel names the process behind the socket', async () => {
    const path = await saying({ granted: RECORD });
    const run = await tracegate(['grant', path, '--exec', 'echo {}', ...WORDS]);
    expect(run).toMatchObject({ code: 0, stdout: `${process.pid}\n` });
    expect(run.stderr).toContain(`may attach to ${process.pid} until`);
    const listed = await tracegate(['grants', await saying({ grants: [], pid: 1 }), '--json']);
    expect(validated('grants', listed.stdout)).toMatchObject({ pid: process.pid });
  });

  it.each([
    ['no JSON', 'hello', /its reply is no JSON: is/],
    ['null', 'null', /its reply is no JSON object/],
    ['a version of the future', '{"version":3,"grants":[]}', /it speaks version 3, and this is 2/],
    [
      'a code that steers the terminal',
      { refused: { code: 'E\u001b[2J', message: 'x' } },
      /refused\/code must match pattern/,
    ],
    [
      'a time that does',
      { grants: [{ ...RECORD, expiresAt: '\u001b[2J' }], pid: 1 },
      /expiresAt must match pattern/,
    ],
    ['a field that there is not', { revoked: 1, more: true }, /must NOT have unevaluated properties/],
  ])('is not believed if it sends %s', async (_what, reply, message) => {
    const run = await tracegate(['grants', await saying(reply)]);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toContain('\u001b');
  });

  it.each(['grants', 'revoke'])('and sends nothing: %s ends', async command => {
    const run = await tracegate([command, await saying('')]);
    expect(run).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/no reply in 5 s: is the app stopped, or busy/),
    });
  });
});

it('an option that is undefined leaves the default, so that every ttl has a bound', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-grants-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'grants');
  await using server = await serveGrants({ path, allow: { uids: [UID] }, maxTtl: undefined } as never);
  const { pid } = await sleeper(AS_USER);
  const { first } = await asked(server.path, grantFor(pid, { ttl: 20 * 24 * 3_600_000 }));
  expect(first.refused.message).toMatch(/^ttl 1728000000 is more than the 300000 ms/);
});

describe('the command line', () => {
  const words = ['--ttl', '60s', '--reason', 'ticket 7'];
  // As a user that may ask: the user of this test.
  const command = (...args: string[]) =>
    spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

  /** Its output, and the moment of its message about the grant. The log has the grant before that. */
  function hearing({ stderr }: ReturnType<typeof command>) {
    let said = '';
    const granted = new Promise<void>(resolve => {
      stderr.on('data', chunk => {
        said += chunk;
        if (said.includes('granted:')) resolve();
      });
    });
    return { granted, said: () => said };
  }

  it('grant --debugger lasts until the debugger ends; grants and revoke see it', BY_USER_TOO, async () => {
    const { app, path, eventsUpTo } = await serving();
    const { pid } = await sleeper(AS_USER);
    const granting = command('grant', path, '--debugger', `${pid}`, ...words);
    const heard = hearing(granting);
    const closed = once(granting, 'close');
    await heard.granted;
    expect((await eventsUpTo(2)).map(({ event }) => event)).toEqual(['request', 'start']);
    expect(isClosed(app.pid)).toBe(false);
    const listed = await tracegate(['grants', path, '--json']);
    expect(validated('grants', listed.stdout)).toMatchObject({
      grants: [{ debugger: { pid } }],
      pid: app.pid,
    });
    expect((await tracegate(['grants', path])).stdout).toMatch(/cat +until .* for uid \d+ +ticket 7/);
    expect(await tracegate(['revoke', path])).toMatchObject({ code: 0, stdout: 'revoked: 1\n' });
    expect(isClosed(app.pid)).toBe(true);
    expect(await closed).toEqual([0, null]);
    expect(heard.said()).toMatch(/granted: \d+ \(cat\) may attach to \d+ until [\s\S]*ended: revoked/);
  });

  it('a command that is killed takes its grant with it', async () => {
    const { app, path, eventsUpTo } = await serving();
    const { pid } = await sleeper(AS_USER);
    const granting = command('grant', path, '--debugger', `${pid}`, ...words);
    await hearing(granting).granted;
    expect(isClosed(app.pid)).toBe(false);
    granting.kill('SIGKILL');
    await eventsUpTo(3);
    expect(isClosed(app.pid)).toBe(true);
  });

  it('grant --exec runs the allowed debugger, and exits with its code', BY_USER_TOO, async () => {
    const { app, path, eventsUpTo } = await serving();
    const run = await tracegate([
      'grant',
      path,
      '--exec',
      `sh -c 'stat -c %u /proc/{}/environ; exit 7'`,
      ...words,
    ]);
    // Open while it runs.
    expect(run).toMatchObject({ code: 7, stdout: `${USER}\n` });
    await eventsUpTo(3);
    expect(isClosed(app.pid)).toBe(true);
  });

  it('grant --exec asks and logs under the name of the program that it holds, and names the end', async () => {
    const { app, path, eventsUpTo } = await serving();
    const run = await tracegate(['grant', path, '--exec', `/bin/sh -c 'sleep 0; exit 7' {}`, ...words]);
    expect(run.code).toBe(7);
    expect(run.stderr).toMatch(/^granted: \d+ \(sh\) may attach to /);
    const [, start, end] = await eventsUpTo(3);
    expect(start).toMatchObject({ grant: { debugger: { comm: 'sh' } } });
    expect(end).toMatchObject({ grant: { debugger: { comm: 'sh' } }, end: { by: 'debugger-ended' } });
    expect(isClosed(app.pid)).toBe(true);
  });

  it('grants names the program that the debugger has executed since', async () => {
    const { path } = await serving();
    const cat = 'setpriv --pdeathsig keep cat - {}';
    const command = [MAIN, 'grant', path, '--exec', cat, ...words];
    const operator = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void operator.kill());
    operator.stdin.write('x');
    await once(operator.stdout, 'data');
    expect((await tracegate(['grants', path])).stdout).toMatch(/^\d+ cat +until /);
    operator.stdin.end();
    await once(operator, 'close');
  });

  it('grant --exec asks nothing if the program is not there, or the shell does not understand the line', async () => {
    const { app, path, events } = await serving();
    const missing = await tracegate(['grant', path, '--exec', 'no-such-debugger {}', ...words]);
    expect(missing).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('"no-such-debugger" is not in PATH'),
    });
    const wrong = await tracegate(['grant', path, '--exec', 'gdb "{}', ...words]);
    expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining('Syntax error') });
    expect(await events()).toEqual([]);
    expect(isClosed(app.pid)).toBe(true);
  });

  it('grant --exec ends with 128 and the number of the signal that ended the debugger', async () => {
    const { path } = await serving();
    const run = await tracegate(['grant', path, '--exec', "sh -c 'kill -TERM $$' {}", ...words]);
    expect(run).toMatchObject({ code: 143, stderr: expect.stringContaining('ended by SIGTERM') });
  });

  it(
    'run --grant-socket adds a grant socket to an unchanged Node program, and not to its children',
    BY_USER_TOO,
    async () => {
      const path = join(privateDirectory(), 'grants');
      const script = `const { spawnSync } = require('node:child_process');
      import('${PUBLIC_DIST}/index.js').then(async ({ denyTracing }) => {
        await denyTracing({ verify: false });
        console.log(spawnSync(process.execPath, ['-p', '6 * 7'], { encoding: 'utf8' }).stdout.trim());
        process.stdin.resume();
      });`;
      const words = [join(PUBLIC_DIST, 'cli.cjs'), 'run', '--grant-socket', path, '--', process.execPath];
      const env = { PATH: process.env.PATH, TRACEGATE_GRANT_UIDS: `${UID}` };
      const app = spawn(process.execPath, [...words, '-e', script], { ...AS_USER, env, stdio: 'pipe' });
      onTestFinished(() => void app.stdin.end());
      const log = createInterface({ input: app.stderr })[Symbol.asyncIterator]();
      expect(`${(await once(app.stdout, 'data'))[0]}`).toBe('42\n');
      expect(isClosed(app.pid!)).toBe(true);
      const { pid } = await sleeper(AS_USER);
      const { first, socket } = await asked(path, grantFor(pid));
      const scope = readPtraceScope();
      const isEffective = scope.state === 'present' && scope.value === 1;
      expect(Object.keys(first)).toContain(isEffective ? 'granted' : 'refused');
      expect(JSON.parse((await log.next()).value)).toMatchObject({
        event: 'request',
        requester: { uid: UID },
      });
      socket.destroy();
      app.stdin.end();
      expect(await once(app, 'close')).toEqual([0, null]);
      expect(existsSync(path)).toBe(false);
    },
  );

  it.each(['/nonexistent/grants', 'stale'])(
    'grant --exec ends if no process serves the socket: %s',
    async where => {
      const path = where === 'stale' ? join(privateDirectory(), 'grants') : where;
      if (where === 'stale') writeFileSync(path, '');
      const run = await tracegate(['grant', path, '--exec', 'echo ran {}', ...words]);
      expect(run).toMatchObject({
        code: 3,
        stdout: '',
        stderr: expect.stringMatching(/^tracegate: the grant socket .*\n$/),
      });
    },
  );

  it('grant --exec runs nothing if the grant is refused', async () => {
    const { app, path } = await serving({ maxTtl: 1000 });
    const run = await tracegate(['grant', path, '--exec', 'echo ran {}', ...words, '--json']);
    expect(run.code).toBe(1);
    expect(validated('grants', run.stdout)).toMatchObject({
      refused: { code: 'ERR_TRACEGATE_GRANT_REFUSED' },
    });
    expect(isClosed(app.pid)).toBe(true);
  });

  it.each([
    [['grant'], /one SOCKET/],
    [['grant', '/x', ...words], /--debugger PID or --exec/],
    [['grant', '/x', '--debugger', '1', '--exec', 'gdb {}', ...words], /--debugger PID or --exec/],
    [
      ['grant', '/x', '--debugger', 'gdb', ...words],
      /--debugger "gdb": give a pid, since any process may take a name/,
    ],
    [['grant', '/x', '--exec', 'gdb', ...words], /needs \{\}/],
    [['grant', '/x', '--debugger', '7', '--reason', 'x'], /needs --ttl/],
    [['grant', '/x', '--debugger', '7', '--ttl', '60', '--reason', 'x'], /--ttl "60": use a time such as/],
    [['grant', '/x', '--debugger', '7', '--ttl', '60s'], /needs --reason/],
    [['grants'], /one SOCKET/],
    [['revoke', '/x', '/y'], /one SOCKET/],
  ])('%j is a usage error', async (args, message) => {
    const { code, stderr } = await tracegate(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('a socket that no process serves gives exit code 3 and advice', async () => {
    const { code, stderr } = await tracegate(['grants', '/nonexistent/grants']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^tracegate: the grant socket "\/nonexistent\/grants": .*is the app running/);
  });
});
