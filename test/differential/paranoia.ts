// kernel.perf_event_paranoid, which is the whole kernel's: it is changed in the lab only.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { labScope } from '../scopes/scope.js';
import { Random } from './random.js';

const FILE = '/proc/sys/kernel/perf_event_paranoid';

export const hasPerfEvents = existsSync(FILE);

/** Mainline's values, and those to which Debian's and Ubuntu's kernels give a meaning of their own. */
export const PARANOID_VALUES = [-1, 0, 1, 2, 3, 4] as const;

/** As the kernel booted with it; null: there is none, or it is not ours to change. */
export const PARANOID_BEFORE: number | null =
  hasPerfEvents && labScope !== null ? Number(readFileSync(FILE, 'utf8')) : null;

export const drawParanoid = (seed: number): number => new Random(seed, 'paranoid').pick(PARANOID_VALUES);

export function setParanoid(value: number | null): void {
  if (PARANOID_BEFORE !== null && value !== null) writeFileSync(FILE, `${value}`);
}
