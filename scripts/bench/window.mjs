// @ts-check
// Measures for docs/launch.md how much an attacker of the same uid reads of a program, racing from the
// fork on, and the time of a launch compared with setpriv. As root it does so as uid 1000: node
// scripts/bench/window.mjs [STARTS] [--write]
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { launchProgram } from '../../test/fixtures/launch-programs.mjs';
import { report } from './figures.mjs';

const starts = Number(process.argv.slice(2).find(word => /^\d+$/.test(word)) ?? 1000);
const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'native', 'build', 'Release', 'tracegate-launch');
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

/** @type {[string, string, string[]][]} */
const ATTACKS = [
  ['reads', fixed, []],
  ['reads', fixed, ['--deny']],
  ['attaches', fixed, ['--deny']],
  ['makes the copy readable, reads', fixed, ['--deny']],
  ['reads', dynamic, ['--deny=preload']],
];
/** @type {Record<string, string>} */
const WAYS = { reads: 'read', attaches: 'attach', 'makes the copy readable, reads': 'chmod' };

const raced = ATTACKS.map(([what, victim, options]) => {
  const found = attack(WAYS[what] ?? '', victim, options);
  const read = Math.max(found.byVmReadv, found.byMem, found.byEnviron, found.byAttach);
  const window = found.windows ? `${found.medianWindowUs} (${found.longestWindowUs})` : '-';
  console.error(options, what, found);
  return [
    what,
    found.starts,
    read,
    found.stillRead,
    found.notStarted,
    options[0] === undefined ? 'all the time' : window,
  ];
});

const node = [process.execPath, '-e', '0'];
/** @type {[string[], number][]} */
const LAUNCHES = [
  [['/bin/true'], 200],
  [['setpriv', '--inh-caps=-all', '/bin/true'], 200],
  [[launcher, '--', '/bin/true'], 200],
  [[launcher, '--confine', '--', '/bin/true'], 200],
  [[launcher, '--confine=tracing', '--', '/bin/true'], 200],
  [[launcher, '--deny=preload', '--', '/bin/true'], 200],
  [[launcher, '--deny', '--', '/bin/true'], 200],
  [node, 20],
  [[launcher, '--deny', '--', ...node], 20],
  [[process.execPath, join(root, 'dist/tracegate.cjs'), 'run', '--deny', '--', ...node], 20],
];
const costs = LAUNCHES.map(([command, count]) => cost(command, count));
rmSync(scratch, { recursive: true, force: true });
report('launch-race', raced);
report('launch-cost', costs);
