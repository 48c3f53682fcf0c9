// Where the suite runs: a lab kernel at the scope it was booted for, or the running kernel.
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'vitest';
import { isNightly, SEED } from '../helpers/tier.js';
import type { Scope } from './rules.js';

const KNOB = '/proc/sys/kernel/yama/ptrace_scope';

function readScope(): Scope {
  if (!existsSync('/proc/sys/kernel/yama')) return null;
  const text = readFileSync(KNOB, 'latin1').trim();
  if (!/^[0-3]$/.test(text)) throw new Error(`${KNOB} reads '${text}': want 0, 1, 2 or 3`);
  return Number(text) as Scope;
}

export const scope = readScope();

/** The scope that the lab says it has set; null outside of the lab. */
export const labScope = process.env.TRACEGATE_SCOPE ?? null;

export const kernelName = process.env.TRACEGATE_LAB ?? 'this kernel';

/** Debian's own kernels, which have Landlock and AppArmor, in a machine that translates each instruction. */
export const isStock = ['qemu', 'arm64'].includes(kernelName);

export const scopeName = scope === null ? 'no Yama' : `scope ${scope}`;

const DRAWN = SEED % 4;

const isElsewhere = (at: number) => labScope !== null && !isNightly && scope !== at;

/**
 * For tests that don't depend on Yama, or that take a minute: in `npm test` the seed of the commit chooses the one
 * scope that runs them. null: run here, as every night; otherwise the reason for the skip.
 */
export const drawnElsewhere = isElsewhere(DRAWN) ? `not here, this commit draws scope ${DRAWN}` : null;

/** A test that in `npm test` one scope of the lab asks: the one that tells most, or else the one that the commit draws. */
export function itAtOneScope(title: string, test: () => Promise<void>, tellingMost?: number): void {
  const why = tellingMost === undefined ? drawnElsewhere : `not here, scope ${tellingMost} tells most`;
  if (isElsewhere(tellingMost ?? DRAWN)) it.skip(`${title}: ${why}`, test);
  else it(title, test);
}

const CAP_SYS_PTRACE = 1n << 19n;

function capabilities(pid: number | 'self', set: 'CapPrm' | 'CapEff') {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
}

/** Throws where the suite can't be run: it takes uids and capabilities, and pid 1 is one of its parents. */
export function requirePowers() {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'the scope suite takes other uids: run it as root, or in the lab (scripts/lab -- npx vitest …)',
    );
  }
  for (const pid of ['self', 1] as const) {
    for (const set of ['CapPrm', 'CapEff'] as const) {
      if ((capabilities(pid, set) & CAP_SYS_PTRACE) === 0n) {
        throw new Error(
          `process ${pid} has no CAP_SYS_PTRACE in ${set}: run the scope suite in the lab (scripts/lab)`,
        );
      }
    }
  }
}
