// @ts-check
// Writes the measured part of docs/launch.md: how much an attacker of the same uid reads of a program, racing from the
// fork on, and the time of a launch compared with setpriv. As root it does so as uid 1000: node
// scripts/bench/window.mjs [STARTS]
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { launchProgram } from '../../test/fixtures/launch-programs.mjs';

const starts = Number(process.argv[2] ?? 1000);
const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'build', 'Release', 'tracegate-launch');
const page = join(root, 'docs', 'launch.md');
const isRoot = process.getuid?.() === 0;
const user = isRoot ? { uid: 1000, gid: 1000 } : {};
const scratch = mkdtempSync('/tmp/tracegate-window-');
if (isRoot) chownSync(scratch, 1000, 1000);
chmodSync(scratch, 0o755);
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', TMPDIR: scratch };

const fixed = launchProgram('launch-victim', ['-static', '-no-pie']);
const dynamic = launchProgram('launch-victim', ['-no-pie']);

/** @param {string} way @param {string} victim @param {string[]} options @param {number} [count] */
function attack(way, victim, options, count = starts) {
  const address = execFileSync(victim, ['address'], { encoding: 'utf8' }).trim();
  const words = [
    way,
    `${count}`,
    victim === fixed ? '5000' : '20000',
    address,
    victim,
    launcher,
    ...options,
    '--',
    victim,
  ];
  const { stdout } = spawnSync(launchProgram('launch-attacker'), words, { ...user, env, encoding: 'utf8' });
  return JSON.parse(stdout);
}

/**
 * Milliseconds until it has ended: the least, the quartile and the median of `count` runs.
 *
 * @param {string[]} command
 * @param {number} count
 */
function cost([program = '', ...words], count) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const { status, stderr } = spawnSync(program, words, { ...user, env });
    times.push(performance.now() - from);
    if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${status} ${stderr}`);
  }
  times.sort((a, b) => a - b);
  return [0, 0.25, 0.5].map(part => (times[Math.floor(part * count)] ?? 0).toFixed(1));
}

/** @type {[string, string, string, string[]][]} */
const ATTACKS = [
  ['no `--deny`', 'reads', fixed, []],
  ['`--deny=sealed`', 'reads', fixed, ['--deny']],
  ['`--deny=sealed`', 'attaches', fixed, ['--deny']],
  ['`--deny=sealed`', 'makes the copy readable, reads', fixed, ['--deny']],
  ['`--deny=preload`', 'reads', dynamic, ['--deny=preload']],
];
/** @type {Record<string, string>} */
const WAYS = { reads: 'read', attaches: 'attach', 'makes the copy readable, reads': 'chmod' };

const raced = ATTACKS.map(([mode, what, victim, options]) => {
  const found = attack(WAYS[what] ?? '', victim, options);
  const read = Math.max(found.byVmReadv, found.byMem, found.byEnviron, found.byAttach);
  const window = found.windows ? `${found.medianWindowUs} (${found.longestWindowUs})` : '-';
  console.error(mode, what, found);
  return `| ${mode} | ${what} | ${found.starts} | ${read} | ${found.stillRead} | ${found.notStarted} | ${options[0] === undefined ? 'all the time' : window} |`;
});

const node = [process.execPath, '-e', '0'];
/** @type {[string, string[], number][]} */
const LAUNCHES = [
  ['`/bin/true`', ['/bin/true'], 200],
  ['`setpriv --inh-caps=-all /bin/true`', ['setpriv', '--inh-caps=-all', '/bin/true'], 200],
  ['`tracegate-launch -- /bin/true`', [launcher, '--', '/bin/true'], 200],
  ['`tracegate-launch --deny=preload -- /bin/true`', [launcher, '--deny=preload', '--', '/bin/true'], 200],
  ['`tracegate-launch --deny -- /bin/true`', [launcher, '--deny', '--', '/bin/true'], 200],
  ['`node -e 0`', node, 20],
  ['`tracegate-launch --deny -- node -e 0`', [launcher, '--deny', '--', ...node], 20],
  [
    '`tracegate run --deny -- node -e 0`',
    [process.execPath, join(root, 'dist/tracegate.cjs'), 'run', '--deny', '--', ...node],
    20,
  ],
];
const costs = LAUNCHES.map(([name, command, count]) => `| ${name} | ${cost(command, count).join(' | ')} |`);
rmSync(scratch, { recursive: true, force: true });

const measured = `Linux ${release()}, ${cpus().length} CPUs, Node ${process.version}, /tmp on the disk; by \`node scripts/bench/window.mjs ${starts}\`.

| mode | an attacker of its uid | starts | read | still at the end | ended or refused | readable for µs: median (longest) |
|---|---|--:|--:|--:|--:|--:|
${raced.join('\n')}

| command | least ms | quartile | median |
|---|--:|--:|--:|
${costs.join('\n')}
`;
const [before = '', after = ''] = readFileSync(page, 'utf8').split(
  /(?<=<!-- measured -->\n)[\s\S]*(?=<!-- \/measured -->)/,
);
writeFileSync(page, before + measured + after);
