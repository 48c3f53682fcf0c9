// Two runs of remediate on one tree: the second says who holds the lock, and changes nothing. The lock is
// flock(2)'s, and flock(1) of util-linux is the other side here.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { remediate } from '../../lib/audit/index.js';
import { MAIN, type Run, tracegate } from '../helpers/cli.js';
import { contents, type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';
import { times } from '../helpers/tier.js';

const KEY = 'kernel.yama.ptrace_scope';
const OWN = '/etc/sysctl.d/99-tracegate-ptrace-scope.conf';
/** Two files change, so that two runs could mix. */
const FILES: Files = { ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n`, [OWN]: `${KEY} = 0\n` };
const words = (root: string, scope: number) => [
  'remediate',
  '--root',
  root,
  '--scope',
  `${scope}`,
  '--apply',
];

/** The result of runs one after the other. */
function afterRuns(...scopes: (1 | 2)[]): Record<string, string> {
  const root = rootTree(FILES);
  for (const scope of scopes) remediate({ root, scope, apply: true, allowDowngrade: true });
  return contents(root);
}

/** flock(1) with a program that stays until it is killed: it has locked when that speaks. */
async function holder(root: string): Promise<ChildProcess & { pid: number }> {
  const child = spawn('flock', ['--no-fork', root, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('flock did not start');
  return Object.assign(child, { pid: child.pid });
}

const HELD = /holds the lock of .*; nothing is changed: try again when it has ended$/;

describe('while another holds the lock of the root', () => {
  it('a run names the holder and changes nothing, a plan needs no lock, and kill -9 of the holder frees it', async () => {
    const root = rootTree(FILES);
    const before = contents(root);
    const child = await holder(root);
    const refused = await tracegate(words(root, 1));
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect(refused.stderr.trim()).toMatch(HELD);
    expect(refused.stderr).toContain(`process ${child.pid} (cat) `);
    expect(() => remediate({ root, scope: 1, apply: true })).toThrow(
      expect.objectContaining({ code: 'ERR_TRACEGATE_REMEDIATE' }),
    );
    expect(remediate({ root, scope: 1 }).changes.length).toBe(2);
    expect(contents(root)).toEqual(before);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await tracegate(words(root, 1))).code).toBe(0);
    expect(contents(root)).toEqual(afterRuns(1));
  });
});

// remediate.test.ts tests that a kill -9 of a working run frees the lock too: there the next run succeeds.
it('a run holds it from before its first change until after its last', () => {
  const root = rootTree(FILES);
  const log = join(root, '../strace');
  const calls = 'flock,close,mkdir,fchown,fchmod,fsync,link,linkat,rename,renameat,renameat2,unlink,unlinkat';
  const command = ['-f', '-qq', '-o', log, '-e', `trace=${calls}`, process.execPath, MAIN, ...words(root, 1)];
  expect(spawnSync('strace', command).status).toBe(0);
  const lines = readFileSync(log, 'utf8').split('\n');
  const at = lines.findIndex(line => / flock\(\d+, LOCK_EX\|LOCK_NB\) += 0$/.test(line));
  const [, fd] = / flock\((\d+),/.exec(lines[at] ?? '') ?? [];
  const changes = lines.flatMap((line, index) => (/ (?!flock|close)\w+\(/.test(line) ? [index] : []));
  expect(changes.length).toBeGreaterThan(10);
  expect(changes[0]).toBeGreaterThan(at);
  const end = lines.findIndex((line, index) => index > at && line.includes(` close(${fd})`));
  expect(end).toBeGreaterThan(changes.at(-1)!);
});

it(`of ${times(10, 60)} pairs at once each run changes everything or names the other run, and the tree has whole changes only`, async () => {
  const [one, two] = [afterRuns(1), afterRuns(2)];
  const results = [one, two, afterRuns(1, 2), afterRuns(2, 1)].map(tree => JSON.stringify(tree));
  const outcome = ({ code, stderr }: Run) =>
    code === 0 ? 'done' : HELD.test(stderr.trim()) ? 'held' : stderr;
  const both = [1, 2].map(scope => (root: string) => tracegate([...words(root, scope), '--allow-downgrade']));
  for (let pair = 0; pair < times(10, 60); pair++) {
    const root = rootTree(FILES);
    const [first, second] = await Promise.all(both.map(async run => outcome(await run(root))));
    const tree = JSON.stringify(contents(root));
    if (first === 'done' && second === 'held') expect(tree).toBe(results[0]);
    else if (first === 'held' && second === 'done') expect(tree).toBe(results[1]);
    else {
      expect([first, second]).toEqual(['done', 'done']);
      expect(results.slice(2)).toContain(tree);
    }
  }
});
