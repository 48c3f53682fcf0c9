// The main calls of the installed package, as a program of its user makes them: `node main-calls.mjs`, as root or as uid 1000,
// at any ptrace_scope, beside node_modules/tracegate and test/fixtures/target.mjs. strace, cat, /proc and the rules of
// security/yama/yama_lsm.c are the oracle. Prints `ok NAME` or `FAILED NAME: WHY` for each check, and at the end `done`.
import assert from 'node:assert/strict';
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { getDumpable, probe, probeSync, readPtraceScope, spawnDenied, traceStatus } from 'tracegate';
import { explain } from 'tracegate/explain';
import { checkAccess } from 'tracegate/policy';
import { factsOf, observe } from 'tracegate/snapshot';
import { spawnRelative } from 'tracegate/testing';

const SCOPE = Number(readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8'));
const IS_ROOT = process.getuid() === 0;
const USER = 1000;
/** Targets and their neighbours are this user's. */
const AS_USER = IS_ROOT ? { uid: USER, gid: USER } : {};
const dist = join(dirname(createRequire(import.meta.url).resolve('tracegate/package.json')), 'dist');

/** What the kernel answers at scope 0, 1, 2 and 3. */
const at = (...answers) => answers[SCOPE];
const NEIGHBOUR = at('allowed', 'denied', 'denied', 'denied');
const DECLARED = at('allowed', 'allowed', 'denied', 'denied');
/** This process, the parent of the target. */
const PARENT = IS_ROOT ? at('allowed', 'allowed', 'allowed', 'denied') : DECLARED;
const EXIT_CODES = { allowed: 0, denied: 1, unknown: 3 };

/** What ends the processes of a check. */
const ends = [];

/** A process that waits until the end of the check, up and running. */
async function waiting(spawned) {
  let said = '';
  spawned.stderr.setEncoding('utf8').on('data', text => {
    said += text;
  });
  spawned.stdin.on('error', () => {}).write('ready\n');
  ends.push(() => spawned.stdin.end());
  const [answer] = await Promise.race([once(spawned.stdout, 'data'), once(spawned, 'close')]);
  assert.equal(`${answer}`, 'ready\n', said);
  return spawned.pid;
}

const cat = () => waiting(spawn('cat', AS_USER));

/** `tracegate run OPTIONS -- cat` */
const launched = (...options) =>
  waiting(spawn(process.execPath, [join(dist, 'cli.cjs'), 'run', ...options, '--', 'cat'], AS_USER));

/** A Node process that obeys. */
async function obedient() {
  const child = fork(join(import.meta.dirname, 'target.mjs'), [dist, ''], AS_USER);
  ends.push(() => child.connected && child.disconnect());
  const answered = async () => {
    const [{ value, error }] = await once(child, 'message');
    if (error) throw Object.assign(new Error(error.message), error);
    return value;
  };
  await answered();
  const call = (name, ...args) => {
    const answer = answered();
    child.send({ name, args });
    return answer;
  };
  return { pid: child.pid, call };
}

/** strace, which attaches when it is told to: its pid is known before. It is no ancestor of a target. */
function neighbour(options = AS_USER) {
  const words = ['-c', 'read -r pid; exec strace -e trace=none -p "$pid"'];
  const strace = spawn('sh', words, { stdio: ['pipe', 'ignore', 'pipe'], ...options });
  const closed = once(strace, 'close');
  ends.push(() => strace.kill('SIGKILL'));
  let said = '';
  const attach = pid =>
    new Promise(resolve => {
      createInterface({ input: strace.stderr })
        .on('line', line => {
          said += `${line}\n`;
          if (line.endsWith(' attached')) resolve('allowed');
        })
        .on('close', () => resolve(said.includes('Operation not permitted') ? 'denied' : said));
      strace.stdin.end(`${pid}\n`);
    });
  const detach = async () => {
    strace.kill('SIGINT');
    await closed;
  };
  return { pid: strace.pid, attach, detach };
}

/** The answer to a strace that has just been started. */
async function straced(pid, options) {
  const strace = neighbour(options);
  const answer = await strace.attach(pid);
  await strace.detach();
  return answer;
}

/** By a process of the user. */
const mayRead = path => new Promise(resolve => execFile('cat', [path], AS_USER, error => resolve(!error)));

/** A process that is not dumpable is root's there (fs/proc/base.c, task_dump_owner()). */
const isDumpable = pid => statSync(`/proc/${pid}/environ`).uid === USER;

async function assertClosed(pid) {
  assert.equal(isDumpable(pid), false);
  assert.equal(await straced(pid), 'denied');
  assert.equal(await mayRead(`/proc/${pid}/environ`), false);
}

/** The command's exit code and what it printed. */
const tracegate = (...words) =>
  new Promise(resolve => {
    const command = [join(dist, 'cli.cjs'), ...words];
    const child = execFile(process.execPath, command, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });

const CHECKS = {
  'the addon is the prebuilt one for arm64': () => {
    getDumpable();
    assert.equal(process.arch, 'arm64');
    assert.match(
      readFileSync('/proc/self/maps', 'utf8'),
      /\/prebuilds\/linux-arm64\/tracegate\.glibc\.node$/m,
    );
  },
  'readPtraceScope() and `status`': async () => {
    const name = at('classic', 'restricted', 'admin-only', 'no-attach');
    assert.deepEqual(readPtraceScope(), { state: 'present', value: SCOPE, name });
    assert.match((await tracegate('status')).stdout, new RegExp(`ptrace_scope\\D+${SCOPE}`));
  },
  'probe() by this process': async () => {
    const pid = await cat();
    for (const method of ['access', 'seize']) {
      assert.equal((await probe(pid, { method })).outcome, PARENT, method);
      assert.equal(probeSync(pid, { method }).outcome, PARENT, `${method}, at once`);
    }
    // A child of this process asks, of which the target is no descendant.
    const byChild = IS_ROOT ? PARENT : at('allowed', 'unknown', 'denied', 'denied');
    assert.equal((await probe(pid, { method: 'attach' })).outcome, byChild, 'attach');
    assert.equal((await tracegate('probe', `${pid}`)).code, EXIT_CODES[IS_ROOT ? PARENT : NEIGHBOUR]);
    if (IS_ROOT) assert.equal(await straced(pid, {}), PARENT);
  },
  'probe() by a stranger': async () => {
    const pid = await cat();
    assert.equal(await straced(pid), NEIGHBOUR);
    for (const method of ['access', 'seize', 'attach'])
      assert.equal((await probe(pid, { as: 'stranger', method })).outcome, NEIGHBOUR, method);
    if (!IS_ROOT) return;
    assert.equal((await probe(pid, { as: { uid: USER, gid: USER } })).outcome, NEIGHBOUR);
    assert.equal(await straced(pid, { uid: 1, gid: 1 }), 'denied');
    assert.equal((await probe(pid, { as: { uid: 1, gid: 1 } })).outcome, 'denied');
  },
  'traceStatus() while strace is attached': async () => {
    const pid = await cat();
    const tracer = neighbour(IS_ROOT ? {} : AS_USER);
    const answer = await tracer.attach(pid);
    assert.equal(answer, IS_ROOT ? PARENT : NEIGHBOUR);
    const { status, tracerPid, dumpable } = traceStatus(pid);
    const expected = answer === 'allowed' ? ['traced', tracer.pid] : ['enabled', 0];
    assert.deepEqual([status, tracerPid, dumpable], [...expected, true]);
    await tracer.detach();
    assert.equal(traceStatus(pid).tracerPid, 0);
  },
  'explain() and checkAccess() of a neighbour': async () => {
    const [pid, tracer] = [await cat(), await cat()];
    // At scope 1 the target may have declared the neighbour, which nothing shows.
    const answer = at('allowed', 'unknown', 'denied', 'denied');
    assert.equal((await explain(pid, { tracer })).answer, answer);
    const { host, processes } = observe();
    const [by, of] = [tracer, pid].map(wanted => processes.find(process => process.pid === wanted));
    assert.equal(checkAccess(by, of, { ...host, processes }, 'attach').verdict, answer);
    const { code, stdout } = await tracegate('explain', `${pid}`, '--tracer', `${tracer}`);
    assert.equal(code, EXIT_CODES[answer], stdout);
  },
  'setPtracer()': async () => {
    const target = await obedient();
    const [declared, other] = [neighbour(), neighbour()];
    const { effect } = await target.call('setPtracer', declared.pid);
    assert.equal(effect, SCOPE === 1 ? 'effective' : 'no-effect');
    assert.equal(await declared.attach(target.pid), DECLARED);
    await declared.detach();
    assert.equal(await other.attach(target.pid), NEIGHBOUR);
    await other.detach();
    await target.call('setPtracer', 'any');
    assert.equal(await straced(target.pid), DECLARED);
    await target.call('setPtracer', 'none');
    assert.equal(await straced(target.pid), NEIGHBOUR);
  },
  'denyTracing(), withTracing() and allowTracing()': async () => {
    const target = await obedient();
    const { closed, verified } = await target.call('denyTracing');
    for (const channel of [
      'inspector',
      'dumpable',
      'declared-tracer',
      'core-dumps',
      'reports',
      'heap-snapshots',
    ])
      assert.ok(closed.includes(channel), channel);
    assert.ok(verified.length > 3);
    assert.deepEqual(
      verified.filter(({ outcome }) => outcome !== 'denied'),
      [],
    );
    await assertClosed(target.pid);
    process.kill(target.pid, 'SIGUSR1');
    assert.equal((await target.call('ownState')).inspector, null);
    assert.deepEqual(await target.call('window'), ['user', 'inside', 'disabled']);
    await assertClosed(target.pid);
    await target.call('allowTracing');
    assert.equal(isDumpable(target.pid), true);
    assert.equal(await straced(target.pid), NEIGHBOUR);
  },
  'allowDebugger()': async () => {
    const target = await obedient();
    await target.call('denyTracing', { verify: false });
    const [declared, other] = [neighbour(), neighbour()];
    const granted = target.call('allow', declared.pid, { ttl: 600_000 });
    if (SCOPE !== 1) {
      await assert.rejects(granted, { code: 'ERR_TRACEGATE_NOT_GRANTED' });
      await assertClosed(target.pid);
      return;
    }
    await granted;
    assert.equal(await declared.attach(target.pid), 'allowed');
    assert.equal(await other.attach(target.pid), 'denied');
    await declared.detach();
    assert.equal((await target.call('grantEnd')).by, 'debugger-ended');
    await assertClosed(target.pid);
  },
  'spawnDenied() and spawnRelative()': async () => {
    if (!IS_ROOT) await assertClosed(await waiting(spawnDenied('cat')));
    const stranger = await spawnRelative('stranger', { credentials: { uid: USER, gid: USER } });
    ends.push(() => stranger.end());
    const pid = await cat();
    assert.equal((await stranger.probe(pid)).outcome, await straced(pid));
  },
  '`run --deny`': async () => assertClosed(await launched('--deny')),
  '`run --deny=preload`': async () => assertClosed(await launched('--deny=preload')),
  '`run --ptracer any`': async () =>
    assert.equal(await straced(await launched('--ptracer', 'any')), DECLARED),
  '`scan` and factsOf()': async () => {
    const pid = await cat();
    const { code, stdout } = await tracegate('scan', '--ndjson');
    assert.ok(code <= 1);
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(lines.find(line => line.pid === pid).comm, 'cat');
    assert.equal(factsOf(pid).dumpable, true);
  },
  '`audit`': async () => {
    const { code, stdout, stderr } = await tracegate('audit', '--json');
    const { running, verdict } = JSON.parse(stdout || '{}');
    assert.equal(running?.value, SCOPE, stderr);
    // Here no file sets a value for the next boot, and nothing shows the kernel's own.
    assert.deepEqual([verdict, code], at(['fail', 1], ['unknown', 3], ['unknown', 3], ['unknown', 3]));
  },
  '`demo`': async () => {
    const { code, stdout, stderr } = await tracegate('demo');
    assert.equal(code, 0, stdout + stderr);
  },
};

for (const [name, check] of Object.entries(CHECKS)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAILED ${name}: ${error.stack.replaceAll('\n', ' | ')}`);
  }
  for (const end of ends.splice(0)) await end();
}
console.log('done');
process.exit();
