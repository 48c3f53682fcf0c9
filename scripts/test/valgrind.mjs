// @ts-check
// npm run test:valgrind: tracegate-helper and tracegate-attacker of native/build/Release under memcheck, for every command that
// they take and some that they don't, against sleeping targets. It fails on any invalid access, use of an unset value,
// leaked block or leaked descriptor, in any of their processes, and on any other answer than the expected one.
// `--plain` asks the same without valgrind, for programs with a checker built in (scripts/test/sanitizers.mjs).
//
// What valgrind can't do:
// - 3.19 knows neither pidfd_open nor pidfd_getfd and answers ENOSYS, with a warning in its log. So the second way of
//   `access` fails there at its first call, and so does `core`.
// - It is a memory checker: the addon itself, inside Node, is for the sanitizers.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

/** @typedef {import('node:stream').Readable} Readable */
/** @typedef {import('node:stream').Writable} Writable */
/** @typedef {{ command: string, answer: RegExp }} Question */

const { values } = parseArgs({ options: { plain: { type: 'boolean', default: false } } });
const release = join(import.meta.dirname, '..', '..', 'native', 'build', 'Release');
const isRoot = process.getuid?.() === 0;
const uid = isRoot ? 1000 : (process.getuid?.() ?? 0);
const gid = isRoot ? 1000 : (process.getgid?.() ?? 0);
const user = isRoot ? { uid, gid } : {};

const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
const MEMCHECK = [
  '--tool=memcheck',
  '--leak-check=full',
  '--show-leak-kinds=all',
  '--errors-for-leak-kinds=definite,indirect,possible',
  '--track-fds=yes',
  '--trace-children=yes',
  '--error-exitcode=99',
  // Its debugger's pipes are made before setresuid and could not be unlinked after.
  '--vgdb=no',
];
const { EACCES, EINVAL, ENOENT, EPERM, ESRCH } = constants.errno;
const NOBODY = 2 ** 31 - 1;
const MARKER = 'TRACEGATE-VALGRIND-';
const secret = randomBytes(16).toString('hex');

const scratch = mkdtempSync(join(tmpdir(), 'tracegate-valgrind-'));
chmodSync(scratch, 0o711);
const totals = { passed: 0, failed: 0, skipped: 0 };

/** @param {string} title @param {string[]} complaints */
function report(title, complaints) {
  totals[complaints.length === 0 ? 'passed' : 'failed'] += 1;
  console.log(`${complaints.length === 0 ? 'ok' : 'FAILED'}  ${title}`);
  for (const complaint of complaints) console.log(complaint.replaceAll(/^/gm, '    '));
}

/** `cat` without input, with the secret in its environment, and so on its stack. */
async function sleepingTarget(cwd = '/') {
  const env = { PATH: process.env.PATH, SECRET: MARKER + secret };
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'], env, cwd, ...user });
  await once(child, 'spawn');
  return child;
}

/** @param {number | undefined} pid */
function stateOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return `${/^State:\s+(\S)/m.exec(status)?.[1]}, TracerPid ${/^TracerPid:\s+(\d+)/m.exec(status)?.[1]}`;
}

/** What memcheck says against one process: its errors, and the descriptors that it opened and kept. */
/** @param {string} log */
function complaintsOf(log) {
  const lines = readFileSync(log, 'utf8').replaceAll(/^==\d+== ?/gm, '');
  const isClean = /^ERROR SUMMARY: 0 errors/m.test(lines);
  const kept = lines
    .split(/^(?=Open )/m)
    .filter(entry => /^Open (file descriptor|AF_)/.test(entry) && !entry.includes('<inherited from parent>'));
  // Its own log file is such a descriptor too.
  const leaked = kept.filter(entry => !entry.includes(log));
  return [...(isClean ? [] : [lines]), ...leaked];
}

/**
 * Runs a program once, asks all questions, and compares the answers and memcheck's logs with the expected ones.
 * @param {string} program
 * @param {string[]} who
 * @param {0 | 3} input the descriptor that the commands come on
 * @param {Question[]} questions
 */
async function check(program, who, input, questions) {
  const logs = join(scratch, `${program}-${who[0]}`);
  mkdirSync(logs);
  chmodSync(logs, 0o1777);
  const [file = '', ...before] = values.plain
    ? [join(release, program)]
    : ['valgrind', ...MEMCHECK, `--log-file=${logs}/%p`, join(release, program)];
  const child = spawn(file, [...before, ...who], {
    env: { PATH: process.env.PATH },
    cwd: '/',
    stdio: [input === 0 ? 'pipe' : 'ignore', 'pipe', 'pipe', input === 3 ? 'pipe' : 'ignore'],
  });
  const commands = /** @type {Writable} */ (child.stdio[input]);
  commands.on('error', () => {}); // its end shows in the answers
  commands.end(questions.map(({ command }) => `${command}\n`).join(''));
  // The output ends when the orphan ends, and by then the log has the orphan's last lines.
  const [output, errors] = await Promise.all([
    text(/** @type {Readable} */ (child.stdout)),
    text(/** @type {Readable} */ (child.stderr)),
  ]);

  const [ready = '', ...answers] = output.trimEnd().split('\n');
  const title = `${program} ${who.join(' ')}`;
  report(
    `${title}: it starts`,
    /^ready \d+ \d+$/.test(ready) && errors === '' ? [] : [`${ready}\n${errors}`],
  );
  for (const [index, { command, answer }] of questions.entries()) {
    const said = answers[index] ?? 'nothing';
    report(
      `${title}: ${command}`,
      answer.test(said) ? [] : [`it said ${JSON.stringify(said)}, not ${answer}`],
    );
  }
  if (values.plain) return;
  const files = readdirSync(logs).map(name => join(logs, name));
  const processes = files.length === 1 ? '1 process' : `${files.length} processes`;
  const found = files.length === 0 ? ['valgrind left no log'] : files.flatMap(complaintsOf);
  report(`${title}: memcheck of ${processes}`, found);
}

/** @param {string} command @param {number} error @returns {Question} */
const helperQuestion = (command, error) => ({ command, answer: new RegExp(`^${error} [0-3]$`) });

const BAD = [
  '',
  'peek',
  'dumpable',
  'dumpable 2',
  'declare x',
  'access',
  'access x',
  'access 0',
  'access -1',
  'seize',
  'x'.repeat(62),
];

/** @param {number} pid @returns {Question[]} */
const helperQuestions = pid => [
  ...['access', 'seize', 'attach', 'attach', 'seize', 'access'].map(word =>
    helperQuestion(`${word} ${pid}`, 0),
  ),
  helperQuestion('traceme', 0),
  helperQuestion('dumpable 1', 0),
  ...['access', 'seize', 'attach'].map(word => helperQuestion(`${word} ${NOBODY}`, ESRCH)),
  ...BAD.map(command => helperQuestion(command, EINVAL)),
];

/** @param {number} error @param {string} system_call @returns {RegExp} */
const refusal = (error, system_call) => new RegExp(`^${error}\t${system_call}\t-$`);
const FOUND = new RegExp(`^0\t-\t${secret}$`);
// Where a core goes is the machine's; valgrind (see above) ends at pidfd_open.
const CORE = new RegExp(`${FOUND.source}|^${ENOENT}\tno core\t-$|^38\tpidfd_open\t-$`);

/** @param {number} pid @param {number} victim @param {string} directory @returns {Question[]} */
const attackerQuestions = (pid, victim, directory) => [
  ...['attach', 'process_vm_readv', 'mem', 'environ'].map(word => ({
    command: `${word} ${pid}`,
    answer: FOUND,
  })),
  { command: `attach ${process.pid}`, answer: refusal(EPERM, 'ptrace') },
  { command: `process_vm_readv ${process.pid}`, answer: refusal(EPERM, 'process_vm_readv') },
  { command: `mem ${process.pid}`, answer: refusal(EACCES, 'open mem') },
  { command: `environ ${process.pid}`, answer: refusal(EACCES, 'open') },
  { command: `attach ${NOBODY}`, answer: refusal(ESRCH, 'ptrace') },
  { command: `mem ${NOBODY}`, answer: refusal(ENOENT, 'open mem') },
  ...['', 'peek', 'mem', 'mem 0', 'mem -1'].map(command => ({ command, answer: refusal(EINVAL, 'usage') })),
  { command: `core ${victim} ${directory}`, answer: CORE },
];

async function main() {
  if (existsSync(SCOPE) && readFileSync(SCOPE, 'utf8').trim() !== '0') {
    throw new Error(
      'this wants a kernel without Yama or at ptrace_scope 0: elsewhere other answers are right',
    );
  }
  const target = await sleepingTarget();
  const cores = join(scratch, 'cores');
  mkdirSync(cores);
  chmodSync(cores, 0o777);
  const victim = await sleepingTarget(cores);
  const [pid, victimPid] = [target.pid ?? 0, victim.pid ?? 0];
  try {
    await check('tracegate-helper', ['child'], 0, helperQuestions(pid));
    const stranger = [`${uid}`, `${gid}`];
    await check('tracegate-helper', ['grandchild'], 0, helperQuestions(pid));
    await check('tracegate-helper', ['orphan', ...stranger, '0'], 0, [
      ...helperQuestions(pid),
      ...(isRoot ? ['access', 'seize', 'attach'] : []).map(word =>
        helperQuestion(`${word} ${process.pid}`, EPERM),
      ),
    ]);
    if (isRoot) {
      await check('tracegate-attacker', [...stranger, MARKER], 3, attackerQuestions(pid, victimPid, cores));
    } else {
      totals.skipped += 1;
      console.log('skipped  tracegate-attacker: its refusals want a target of root, so run this as root');
    }
    const state = stateOf(pid);
    report('the target sleeps on, untraced', state === 'S, TracerPid 0' ? [] : [state]);
  } finally {
    target.stdin.end();
    victim.stdin.end();
    rmSync(scratch, { recursive: true });
  }
}

await main();
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
