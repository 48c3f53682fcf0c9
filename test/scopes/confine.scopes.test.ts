// `run --confine` in every relation of tracer and target: what the report says is closed is closed, on the stock kernels,
// which have Landlock.
import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { confineReport } from '../channels/prove-confinement.js';
import { AS_USER, PUBLIC_LAUNCH, ROOT } from '../helpers/processes.js';
import { proveRelations } from './confined-relations.js';
import { isStock } from './scope.js';

/** Some tests are of some kernels alone. The suite's count of cells says which kernels were run. */
const onStock = isStock ? describe : null;

onStock?.('run --confine', () => {
  it('closes and names what this kernel can', () => {
    const { landlockAbi, closed, verified, open } = confineReport();
    const has = /^6\.1\./.test(release())
      ? { abi: 2, closed: ['tracing'], open: ['signals', 'abstract-sockets'] }
      : {
          abi: /^6\.12\./.test(release()) ? 6 : expect.any(Number),
          closed: ['tracing', 'signals', 'abstract-sockets'],
          open: [],
        };
    expect({ abi: landlockAbi, closed, open: open.map(({ channel }) => channel) }).toEqual(has);
    expect(verified).toEqual(closed);
  });

  it('mounts are refused below ABI 6 alone, also in a user namespace', () => {
    const mount = ['unshare', '--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'];
    const run = (program: string, ...words: string[]) =>
      spawnSync(program, words, { encoding: 'utf8', ...AS_USER });
    expect(run('env', ...mount).status).toBe(0);
    for (const confine of ['available', 'tracing']) {
      const { status, stderr } = run(PUBLIC_LAUNCH, `--confine=${confine}`, '--', ...mount);
      const isRefused = confine === 'tracing' || (confineReport().landlockAbi ?? 0) < 6;
      expect(status === 0).toBe(!isRefused);
      if (isRefused) expect(stderr).toContain('Operation not permitted');
    }
  });

  it('a signal to the own process group by F_SETOWN leaves the tree where signals are open alone', () => {
    const words = [join(ROOT, 'test/fixtures/signals-group.py')];
    const heard = (...through: string[]) =>
      spawnSync('python3', [...words, ...through], { encoding: 'utf8', ...AS_USER }).stdout;
    expect(heard()).toBe('heard\n');
    const isClosed = confineReport().closed.includes('signals');
    expect(heard(PUBLIC_LAUNCH, '--confine', '--')).toBe(isClosed ? 'not heard\n' : 'heard\n');
  });

  proveRelations();
});

if (!isStock)
  it('is tried on the stock kernels and on this machine: User-Mode Linux here has no Landlock', () => {
    expect(() => confineReport()).toThrow(/Landlock/);
  });
