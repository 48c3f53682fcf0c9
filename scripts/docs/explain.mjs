// npm run docs:explain: what gdb, strace and py-spy say of a process that they can't attach to, and what tracegate explain
// says. Everything is tried in the uml lab, by uid 1000 unless told otherwise. Writes docs/explain.md, or nothing where a
// situation isn't the one that it says it is.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { homedir, hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '..', '..');
const [USER, OTHER_USER] = [1000, 1001];
const as = (/** @type {number} */ id, /** @type {string[]} */ ...more) => [
  'setpriv',
  `--reuid=${id}`,
  `--regid=${id}`,
  '--clear-groups',
  ...more,
];
const CAP_NET_RAW = ['--inh-caps=+net_raw', '--ambient-caps=+net_raw'];

/** A Python program, for py-spy: it does that to itself, says which pid to attach to, and ends with its standard input. */
const python = (/** @type {string[]} */ ...lines) => [
  '/usr/bin/python3',
  '-c',
  [
    'import ctypes, os, sys',
    'pid = os.getpid()',
    ...lines,
    'print(pid, flush=True)',
    'sys.stdin.read()',
  ].join('\n'),
];

/**
 * @typedef {object} Situation
 * @property {string} title
 * @property {string} what
 * @property {import('../../lib/policy/access/verdict.js').RuleId} rule the rule that has to decide
 * @property {string[]} [target] a command that says the target's pid
 * @property {() => number} [pid] if nothing is started
 * @property {string} [starter] the name for the pid of the command, if that is not the target
 * @property {number} [scope] 1 by default
 * @property {boolean} [byRoot]
 */

/** @type {Situation[]} */
export const SITUATIONS = [
  {
    title: 'A sibling, at ptrace_scope 1',
    what: 'The debugger has the same user as the target, and one process has started both, as a shell does.',
    rule: 'yama-relation',
    target: [...as(USER), ...python()],
  },
  {
    title: 'A process that opted out',
    what: 'The target has called `prctl(PR_SET_DUMPABLE, 0)`, as ssh-agent and other keepers of secrets do.',
    rule: 'dumpable',
    target: [...as(USER), ...python('ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)')],
  },
  {
    title: "Another user's process",
    what: `The target runs as uid ${OTHER_USER}, the debugger as uid ${USER}.`,
    rule: 'credentials',
    target: [...as(OTHER_USER), ...python()],
  },
  {
    title: 'A process that is traced already',
    what: 'The target was started by strace and allows every process of its uid to trace it (`PR_SET_PTRACER_ANY`, which is invisible from outside). The kernel refuses because a process has only one tracer.',
    rule: 'already-traced',
    starter: 'PID_OF_STRACE',
    target: [
      ...as(USER),
      ...['strace', '-qq', '-o', '/dev/null', '-e', 'trace=none'],
      ...python('ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)'),
    ],
  },
  {
    title: 'A zombie',
    what: 'The target has ended, and its parent has not waited for it.',
    rule: 'zombie',
    starter: 'PID_OF_PARENT',
    target: [
      ...as(USER),
      ...python(
        'pid = os.fork()',
        'if pid == 0: os._exit(0)',
        'os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)',
      ),
    ],
  },
  {
    title: 'A kernel thread',
    what: 'The target is `kswapd0`.',
    rule: 'kernel-thread',
    pid: () => Number(execFileSync('pgrep', ['-x', 'kswapd0'], { encoding: 'utf8' })),
  },
  {
    title: 'A process with a capability more',
    what: 'The target has the same user and CAP_NET_RAW besides, as a service with `AmbientCapabilities=` has.',
    rule: 'capability-subset',
    target: [...as(USER, ...CAP_NET_RAW), ...python()],
  },
  {
    title: 'A process that has changed its ids',
    what: `The target was root and has taken uid ${USER} as its real and effective uid. Its saved uid is still 0, as in a daemon that becomes root again later.`,
    rule: 'credentials',
    target: python(
      'os.setgroups([])',
      `os.setresgid(${USER}, ${USER}, ${USER})`,
      `os.setresuid(${USER}, ${USER}, 0)`,
    ),
  },
  {
    title: 'Root, at ptrace_scope 3',
    what: `The debugger is root with every capability, the target an ordinary process of uid ${USER}.`,
    rule: 'yama-scope',
    scope: 3,
    byRoot: true,
    target: [...as(USER), ...python()],
  },
  {
    title: 'No such process',
    what: 'The target has ended and its parent has waited for it.',
    rule: 'no-such-process',
    pid: () => spawnSync('true').pid,
  },
];

/** @typedef {{ command: string, output: string, code: number }} Said */
/** @typedef {{ title: string, rule: string, gdb: Said, strace: Said, pySpy: Said | null, explain: Said }} Told */

const scopeOf = (/** @type {Situation} */ { scope = 1 }) => scope;

/** @param {string[]} command */
function run([program = '', ...words]) {
  const { pid, status, stdout, stderr, error } = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined || status === null) throw error ?? new Error(`${program} was killed: ${stderr}`);
  return { pid, status, stdout, stderr };
}

/** @param {string} program */
const versionOf = program =>
  spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? null;

/** @param {Situation} situation @param {number} pid @param {number | undefined} starter @returns {Told} */
function ask({ title, rule, starter: starterName, byRoot = false }, pid, starter) {
  /** @param {string[]} command */
  const refused = command => {
    const heard = run([...(byRoot ? [] : as(USER)), ...command]);
    if (heard.status === 1) return heard;
    throw new Error(`${title}: ${command[0]} exited with ${heard.status}: ${heard.stdout}${heard.stderr}`);
  };
  /** @param {string} shown @param {string[]} command @param {'stdout' | 'stderr'} stream @returns {Said} */
  const hear = (shown, command, stream) => {
    const heard = refused(command);
    /** @type {[number | undefined, string | undefined][]} */
    const names = [
      [pid, 'PID'],
      [starter, starterName],
      [heard.pid, 'PID_OF_TRACEGATE'],
    ];
    const output = names.reduce(
      (text, [number, name]) => (name ? text.replace(new RegExp(`\\b${number}\\b`, 'g'), name) : text),
      heard[stream].trim(),
    );
    return { command: shown, output, code: heard.status };
  };
  const tracegate = [process.execPath, join(ROOT, 'dist', 'cli.cjs'), 'explain', `${pid}`];
  const { decidedBy } = JSON.parse(refused([...tracegate, '--json']).stdout);
  if (decidedBy !== rule) throw new Error(`${title}: ${decidedBy} decides, not ${rule}`);
  return {
    title,
    rule: decidedBy,
    gdb: hear('gdb -nx -batch -p PID', ['gdb', '-nx', '-batch', '-p', `${pid}`], 'stderr'),
    strace: hear('strace -p PID', ['strace', '-p', `${pid}`], 'stderr'),
    pySpy: versionOf('py-spy')
      ? hear('py-spy dump --pid PID', ['py-spy', 'dump', '--pid', `${pid}`], 'stderr')
      : null,
    explain: hear('tracegate explain PID', tracegate, 'stdout'),
  };
}

/** @param {Situation} situation @returns {Promise<Told>} */
async function stage(situation) {
  const [program, ...words] = situation.target ?? [];
  if (program === undefined) return ask(situation, situation.pid?.() ?? 0, undefined);
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const told = ask(situation, Number(line), child.pid);
    child.stdin.end();
    await once(child, 'exit');
    return told;
  }
  throw new Error(`${situation.title}: the target ended before it was ready`);
}

/** In the lab: all situations at this ptrace_scope. */
async function stageAll(/** @type {number} */ scope) {
  // No pid is a uid then, and all have four digits, which the lines are broken by.
  execFileSync('sh', ['-c', "until [ $(sh -c 'echo $$') -gt 1100 ]; do :; done"]);
  const told = [];
  for (const situation of SITUATIONS.filter(each => scopeOf(each) === scope))
    told.push(await stage(situation));
  const tools = ['gdb', 'strace', 'py-spy'].map(versionOf).filter(version => version !== null);
  console.log(JSON.stringify({ kernel: release(), tools, told }));
}

// The same files without what marks a container, /.dockerenv, of which tracegate would speak; the repository at a place
// where everybody may look.
const ENTER = `set -e
mkdir /run/root
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" /run/root
  elif [ -d "$entry" ]; then mkdir "/run/root$entry" && mount --rbind "$entry" "/run/root$entry"
  fi
done
mkdir /run/root/tracegate
mount --bind "$PWD" /run/root/tracegate
exec env -i PATH="$PATH" LANG=C.UTF-8 HOME=/nonexistent chroot /run/root "$@"`;

/** @param {number} scope @returns {{ kernel: string, tools: string[], told: Told[] }} */
function inLab(scope) {
  const lab = [join(ROOT, 'scripts', 'lab'), '--kernel', 'uml', '--scope', `${scope}`, '--'];
  const script = '/tracegate/scripts/docs/explain.mjs';
  const command = [...lab, 'sh', '-c', ENTER, 'sh', process.execPath, script, '--in-lab', `${scope}`];
  const [program = '', ...words] = command;
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'inherit']);
  return JSON.parse(execFileSync(program, words, { cwd: ROOT, encoding: 'utf8', stdio: [...stdio] }));
}

const quoted = (/** @type {string} */ text) => `\`${text.replaceAll('|', '\\|')}\``;

/** @param {Told} told @param {number} at */
function row({ title, rule, gdb, strace }, at) {
  const anchor = `${at + 1}. ${title}`
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
  const cells = [gdb, strace].map(({ output }) => output.split('\n').map(quoted).join('<br>'));
  return `| [${title}](#${anchor}) | ${cells.join(' | ')} | ${quoted(rule)} |`;
}

/** @param {Told} told @param {number} at */
function section({ title, gdb, strace, pySpy, explain }, at) {
  const situation = SITUATIONS[at];
  const block = (/** @type {Said[]} */ ...all) => {
    const prompt = situation?.byRoot ? '#' : '$';
    const texts = all.map(
      ({ command, output, code }) => `${prompt} ${command}\n${output}\n[exit code ${code}]`,
    );
    return `\`\`\`console\n${texts.join('\n\n')}\n\`\`\``;
  };
  const tools = [gdb, strace, pySpy].filter(said => said !== null);
  return `## ${at + 1}. ${title}\n\n${situation?.what}\n\n${block(...tools)}\n\n${block(explain)}\n`;
}

function write() {
  const labs = [...new Set(SITUATIONS.map(scopeOf))].map(inLab);
  const told = SITUATIONS.map(({ title }) =>
    labs.flatMap(lab => lab.told).find(each => each.title === title),
  );
  const all = told.filter(each => each !== undefined);
  if (all.length !== SITUATIONS.length || labs[0] === undefined) throw new Error('a situation is missing');
  const { kernel, tools } = labs[0];
  const hasPySpy = all.every(({ pySpy }) => pySpy !== null);
  const pySpy = hasPySpy
    ? 'py-spy is neither in Debian 12 nor on npm: this one is from PyPI. The script leaves it out where it is not on the PATH.'
    : 'py-spy was not on the PATH (it is neither in Debian 12 nor on npm, but on PyPI): where it is, the script asks it too.';
  const page = `# What debuggers say, and what tracegate says

A debugger that may not attach gets the same errno, EPERM, for every reason below but the last. \`tracegate explain\` says
which reason it is and what would change it.

| situation | gdb | strace | tracegate: the rule that decides |
|---|---|---|---|
${all.map(row).join('\n')}

Written by \`npm run docs:explain\` (scripts/docs/explain.mjs), which tried all of this in the lab: Linux ${kernel}, User-Mode
Linux with Yama. Unless a section says otherwise, ptrace_scope is 1, and the user has uid ${USER} and no capabilities. No tool
is an ancestor of its target, a Python program. The page shows the standard error of the tools, and the whole output of
tracegate. Names replace the pids: PID is the target's.

The tools are ${tools.join(', ')}. ${pySpy}

${all.map(section).join('\n')}`;
  const left = [ROOT, homedir(), tmpdir(), hostname()].find(text => page.split(/[^\w./-]+/).includes(text));
  const number = /\b(?!1000\b|1001\b)\d{4,}\b/.exec(page)?.[0];
  if (left ?? number) throw new Error(`this machine's ${left ?? number} is in the page`);
  writeFileSync(join(ROOT, 'docs', 'explain.md'), page);
  console.log(page);
}

if (process.argv[1] === import.meta.filename) {
  const [, , word, scope] = process.argv;
  if (word === '--in-lab') await stageAll(Number(scope));
  else write();
}
