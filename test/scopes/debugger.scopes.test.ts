// allowDebugger() with the real gdb and strace of an ordinary user, at each scope: which of them may attach, and when.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { onCrash } from '../../lib/debugger/index.js';
import { probe } from '../../lib/index.js';
import { tracegate } from '../helpers/cli.js';
import { compile } from '../helpers/compile.js';
import { crashing } from '../helpers/crashing.js';
import {
  AS_USER,
  closedTarget,
  isClosed,
  ObedientProcess,
  PUBLIC_DIST,
  privateDirectory,
  ROOT,
  sleeper,
  straceAttaches,
  USER,
} from '../helpers/processes.js';
import { scope } from './scope.js';

/** gdb takes seconds in the lab to read Node's symbols, which no test here looks at: it finds no program under this root. */
const WITHOUT_SYMBOLS = ['-iex', 'set sysroot /none'] as const;

/** gdb at its prompt: its pid is there before it attaches. */
async function gdb() {
  const child = spawn('sh', ['-c', 'exec gdb -nx -q "$@" 2>&1', 'sh', ...WITHOUT_SYMBOLS], {
    ...AS_USER,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.stdin.end());
  const lines: string[] = [];
  const wake: (() => void)[] = [];
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line);
    for (const resolve of wake.splice(0)) resolve();
  });
  let asked = 0;
  /** Its whole output for a command. */
  const say = async (command: string): Promise<string> => {
    const mark = `end-of-answer-${++asked}`;
    const from = lines.length;
    child.stdin.write(`${command}\necho ${mark}\\n\n`);
    while (!lines.slice(from).some(line => line.includes(mark)))
      await new Promise<void>(resolve => wake.push(resolve));
    return lines.slice(from).join('\n');
  };
  await say('set confirm off');
  return { pid: child.pid!, say };
}

const OUTPUT = { encoding: 'utf8' } as const;
const REFUSED = /ptrace: Operation not permitted/;
const effects = { 0: 'wider-than-asked', 1: 'effective', 2: 'insufficient', 3: 'insufficient' } as const;
const effect = scope === null ? 'wider-than-asked' : effects[scope as 0];

// A start of Node takes a second in the lab, so tests share a target that has opted out. Each test ends its grants.
let target: ObedientProcess;
beforeAll(async () => {
  target = await ObedientProcess.startShared();
  await target.call('denyTracing', { verify: false });
  return () => target.end();
});
beforeEach(() => expect(isClosed(target.pid)).toBe(true));

it('grantEffect() predicts the effect', async () => {
  expect(await target.call('grantEffect')).toMatchObject({ effect });
});

(scope === 1 ? describe : null)?.('at scope 1', () => {
  /** Dumpable all the time: Yama's declaration alone keeps others out, or lets them in. */
  let open: ObedientProcess;
  let asker: ObedientProcess;
  beforeAll(async () => {
    [open, asker] = await Promise.all([ObedientProcess.startShared(), ObedientProcess.startShared()]);
    return () => {
      for (const shared of [open, asker]) shared.end();
    };
  });
  const seizes = async ({ pid }: ObedientProcess) =>
    (await asker.call('probe', pid, { method: 'seize' })).outcome;

  it('gdb is refused, allowed while the grant is open, and refused again', async () => {
    const debugging = await gdb();
    expect(await debugging.say(`attach ${target.pid}`)).toMatch(REFUSED);
    expect(await target.call('allow', debugging.pid)).toMatchObject({
      effect: 'effective',
      debugger: { pid: debugging.pid, comm: 'gdb' },
      predicted: { verdict: 'allowed' },
    });
    // Its sibling, and a stranger of the same uid, are still kept out: by Yama alone, which leaves READ access to them.
    expect(isClosed(target.pid)).toBe(false);
    expect(spawnSync('cat', [`/proc/${target.pid}/environ`], AS_USER).status).toBe(0);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(await probe(target.pid, { as: 'stranger', method: 'seize' })).toMatchObject({ outcome: 'denied' });
    expect(await debugging.say(`attach ${target.pid}`)).not.toMatch(REFUSED);
    expect(await debugging.say('backtrace 3')).toMatch(/^.*#0 /m);
    expect(await debugging.say('detach')).toMatch(/detached/);
    // More than once, while it is open.
    expect(await debugging.say(`attach ${target.pid}`)).not.toMatch(REFUSED);
    await debugging.say('detach');
    await target.call('revoke');
    expect(await debugging.say(`attach ${target.pid}`)).toMatch(REFUSED);
    expect(await target.call('grantEnd')).toEqual({ by: 'revoked', stillTracedBy: null });
  });

  it('strace is allowed by the pid of the process that starts it', async () => {
    await target.call('allow', asker.pid);
    expect(await seizes(target)).toBe('allowed');
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    await target.call('revoke');
  });

  it('spawnDebugger holds gdb until it is declared, and gdb attaches', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-debugger-'));
    chownSync(directory, USER, USER);
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const args = [...WITHOUT_SYMBOLS, '-nx', '-batch', '-p', '{}', '-ex', 'backtrace 2'];
    const { code, said, end } = await target.call('debugMyself', 'gdb', args, {}, join(directory, 'output'));
    expect(said).toMatch(/^#0 /m);
    expect({ code, end }).toEqual({ code: 0, end: { by: 'debugger-ended', stillTracedBy: null } });
    expect(isClosed(target.pid)).toBe(true);
  });

  it('tracegate grant --exec allows gdb for an operator until gdb ends', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-grants-'));
    chownSync(directory, USER, USER);
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const target = await closedTarget();
    const path = join(directory, 'grants');
    await target.call('serve', { path, allow: { uids: [0] } });
    const user = `setpriv --reuid=${USER} --regid=${USER} --clear-groups`;
    const gdb = `${user} gdb -iex 'set sysroot /none' -nx -batch -p {} -ex 'backtrace 2'`;
    const ask = ['grant', path, '--ttl', '60s', '--reason', 'ticket 7', '--exec'];
    const { code, stdout, stderr } = await tracegate([...ask, gdb]);
    expect(stdout).toMatch(/^#0 /m);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/granted: /) });
    await target.call('eventsUpTo', 3);
    expect(isClosed(target.pid)).toBe(true);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
  });

  it('a front end of gdb attaches by integrations/vscode/gdb-by-grant', async () => {
    const path = join(privateDirectory(), 'grants');
    const target = await closedTarget();
    await target.call('serve', { path, allow: { uids: [USER] } });
    const bin = join(privateDirectory(), 'tracegate');
    writeFileSync(bin, `#!/bin/sh\nexec ${process.execPath} ${PUBLIC_DIST}/cli.cjs "$@"\n`, {
      mode: 0o755,
    });
    chownSync(bin, USER, USER);
    const wrapper = readFileSync(join(ROOT, 'integrations/vscode/gdb-by-grant'), 'utf8');
    const child = spawn(
      'sh',
      [
        '-c',
        wrapper,
        'gdb-by-grant',
        ...WITHOUT_SYMBOLS,
        '-nx',
        '-ex',
        "echo it's $(echo one)\\n",
        '--interpreter=mi',
      ],
      {
        ...AS_USER,
        env: { PATH: `${dirname(bin)}:${process.env.PATH}`, GRANT_SOCKET: path },
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    onTestFinished(() => void child.kill());
    const said = text(child.stdout);
    child.stdin.end(`-target-attach ${target.pid}\n-stack-list-frames 0 1\n-target-detach\n-gdb-exit\n`);
    expect(await once(child, 'close')).toEqual([0, null]);
    // Its words are as they were given.
    expect(await said).toContain("it's $(echo one)");
    expect(await said).toMatch(/\^done,stack=\[frame=\{level="0"/);
    await target.call('eventsUpTo', 3);
    expect(isClosed(target.pid)).toBe(true);
  });

  it('onCrash: gdb sees the crash of a process that refuses all others', async () => {
    const words = [
      '-nx',
      '-batch',
      '-p',
      '{}',
      '-ex',
      'set logging file OUTPUT',
      '-ex',
      'set logging enabled',
    ];
    const app = await crashing('gdb', [...words, '-ex', 'backtrace 4'], { stdio: 'ignore' });
    expect(app.effect).toBe('effective');
    expect(await straceAttaches(app.pid, AS_USER)).toBeNull();
    app.tell('kernel');
    expect(await app.ended).toEqual([null, 'SIGSEGV']);
    // A libc without symbols has no name for the strlen of its processor.
    expect(app.found()).toMatch(/<signal handler called>\n#\d+ .*(strlen|libc\.so\.6)/);
  });

  it('no debugger is allowed after its ttl, nor after the end of the debugger', async () => {
    const other = await sleeper(AS_USER);
    await target.call('allow', asker.pid, { ttl: 100 });
    expect(await target.call('grantEnd')).toEqual({ by: 'expired', stillTracedBy: null });
    expect(await seizes(target)).toBe('denied');
    await target.call('allow', other.pid);
    other.process.kill('SIGKILL');
    expect(await target.call('grantEnd')).toEqual({ by: 'debugger-ended', stillTracedBy: null });
    expect(isClosed(target.pid)).toBe(true);
    expect(await seizes(target)).toBe('denied');
  });

  it('the declaration ends with the grant, also in a process that was dumpable before', async () => {
    expect(await seizes(open)).toBe('denied');
    await open.call('allow', asker.pid);
    expect(await seizes(open)).toBe('allowed');
    await open.call('revoke');
    expect(isClosed(open.pid)).toBe(false);
    expect(await seizes(open)).toBe('denied');
  });

  it("'any' allows strangers of its uid", async () => {
    await target.call('allow', 'any', { ttl: 60_000 });
    expect(await probe(target.pid, { as: 'stranger', method: 'seize' })).toMatchObject({
      outcome: 'allowed',
    });
    await target.call('revoke');
    expect(await probe(target.pid, { as: 'stranger', method: 'seize' })).toMatchObject({ outcome: 'denied' });
  });

  it('a debugger of another uid is expected to be refused', async () => {
    const { pid } = await sleeper({ uid: 4711, gid: 4711 });
    expect(await target.call('allow', pid)).toMatchObject({
      predicted: { verdict: 'denied', because: expect.stringContaining('uid') },
    });
    await target.call('revoke');
  });

  describe.each([
    ['asked for by clone3(2)', 'with-pid.c'],
    ['come round to, at a low pid_max', 'wrapped-pid.c'],
  ])('a recycled pid is never allowed: %s', (_, source) => {
    const user = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];

    it('not while the grant belongs to the process that had the pid before', async () => {
      const first = await sleeper(AS_USER);
      await open.call('allow', first.pid);
      first.process.kill('SIGKILL');
      await once(first.process, 'close');
      const strace = ['strace', '-qqe', 'trace=none', '-o', '/dev/null', '-p', `${open.pid}`];
      const recycled = spawnSync(compile(source), [`${first.pid}`, ...user, ...strace], OUTPUT);
      expect(recycled).toMatchObject({ status: 1, stderr: expect.stringContaining('not permitted') });
    });

    it('nor if the pid changes hands before the declaration', async () => {
      const first = await sleeper(AS_USER);
      const { startTime } = (await open.call('factsOf', first.pid)) as { startTime: number };
      first.process.kill('SIGKILL');
      await once(first.process, 'close');
      const second = spawn(compile(source), [`${first.pid}`, ...user, 'cat'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void second.stdin.end());
      second.stdin.write('x');
      await once(second.stdout, 'data');
      await expect(open.call('allow', first.pid, { startTime })).rejects.toMatchObject({ code: 'ESRCH' });
      // Without the start time, the number means its present process.
      expect(await open.call('allow', first.pid)).toMatchObject({ debugger: { comm: 'cat' } });
      await open.call('revoke');
    });
  });

  it('strace shows the order: closed, declared, open, closed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-order-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const { pid } = await sleeper(AS_USER);
    const script = `import { denyTracing } from '${PUBLIC_DIST}/index.js';
      import { allowDebugger } from '${PUBLIC_DIST}/debugger.js';
      await denyTracing({ verify: false });
      const grant = await allowDebugger(${pid}, { ttl: 50 });
      await grant.done;
      const second = await allowDebugger(${pid});
      second.revoke();`;
    const record = join(directory, 'record');
    const words = ['-f', '-qq', '-e', 'trace=prctl', '-o', record];
    const node = [process.execPath, '--input-type=module', '-e', script];
    const child = spawn('strace', [...words, ...node], { stdio: ['ignore', 'inherit', 'inherit'] });
    expect((await once(child, 'close'))[0]).toBe(0);
    const text = readFileSync(record, 'utf8');
    const calls = [...text.matchAll(/^(\d+) +prctl\((PR_SET_DUMPABLE|PR_SET_PTRACER), (\w+)/gm)];
    // A child that asks the kernel closes itself first, and declares no tracer: native/probe/asking_child.cc.
    const declaring = new Set(calls.filter(([, , name]) => name === 'PR_SET_PTRACER').map(([, tid]) => tid));
    const said = calls.filter(([, tid]) => declaring.has(tid)).map(([, , name, value]) => `${name} ${value}`);
    const closed = 'PR_SET_DUMPABLE SUID_DUMP_DISABLE';
    const window = [`PR_SET_PTRACER ${pid}`, 'PR_SET_DUMPABLE SUID_DUMP_USER', closed, 'PR_SET_PTRACER 0'];
    // denyTracing() also clears an earlier declaration.
    expect(said.filter((call, at) => !(at < 2 && call === 'PR_SET_PTRACER 0'))).toEqual([
      closed,
      ...window,
      ...window,
    ]);
  });
});

(scope === 0 ? describe : null)?.('at scope 0', () => {
  it('refuses, and with allowSameUid the sibling may attach as well, until the end', async () => {
    const { pid } = await sleeper(AS_USER);
    await expect(target.call('allow', pid)).rejects.toMatchObject({ code: 'ERR_TRACEGATE_NOT_GRANTED' });
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    expect(await target.call('allow', pid, { allowSameUid: true })).toMatchObject({ effect });
    await (await straceAttaches(target.pid, AS_USER))!.detach();
    await target.call('revoke');
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
  });
});

((scope ?? 0) >= 2 ? describe : null)?.('at scope 2 and 3', () => {
  it('refuses with any option, and stays closed', async () => {
    const { pid } = await sleeper(AS_USER);
    for (const options of [{}, { allowSameUid: true }]) {
      await expect(target.call('allow', pid, options)).rejects.toMatchObject({
        code: 'ERR_TRACEGATE_NOT_GRANTED',
        message: expect.stringContaining(`ptrace_scope ${scope}`),
      });
    }
    expect(isClosed(target.pid)).toBe(true);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
    await expect(onCrash('gdb')).rejects.toMatchObject({ code: 'ERR_TRACEGATE_NOT_GRANTED', effect });
  });
});
