// A host made up from a seed whose processes are all different in class. A user who may make user namespaces, or who
// writes a snapshot, can fill a map with such processes.
import { syntheticHost } from './synthetic-host.mjs';

/** @typedef {import('../../lib/kernel/host.js').SnapshotFacts} SnapshotFacts */

/** mulberry32 @param {number} seed */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE, CAP_SYS_ADMIN: they help with others' processes. */
const HELPFUL = (1n << 6n) | (1n << 7n) | (1n << 19n) | (1n << 21n);

/**
 * How the processes differ. `any`: each has another uid and any capabilities. `few`: so, and one of twenty has a
 * capability that helps. `one-uid`: all have one uid and other capabilities, of which none helps. `setuid`: each may
 * take every uid.
 *
 * @type {Record<string, { uid: (at: number) => number, mask: (mask: bigint, next: () => number) => bigint }>}
 */
export const KINDS = {
  any: { uid: at => 1000 + at, mask: mask => mask },
  few: { uid: at => 1000 + at, mask: (mask, next) => (next() < 0.05 ? mask : mask & ~HELPFUL) },
  'one-uid': { uid: () => 1000, mask: mask => mask & ~HELPFUL },
  setuid: { uid: at => 1000 + at, mask: mask => (mask & ~HELPFUL) | (1n << 7n) },
};

/**
 * @param {number} seed
 * @param {number} count how many processes, and classes
 * @param {string} kind of KINDS
 * @returns {SnapshotFacts}
 */
export function distinctClasses(seed, count, kind) {
  const next = random(seed);
  const { uid, mask } = KINDS[kind] ?? KINDS.any ?? { uid: () => 0, mask: one => one };
  const { host, processes } = syntheticHost(seed, 200);
  const [init] = processes;
  const shell = processes.find(({ comm }) => comm === 'bash');
  if (init === undefined || shell === undefined) throw new Error('a synthetic host without a shell');
  const word = () => BigInt(Math.floor(next() * 2 ** 20));
  const others = Array.from({ length: count - 1 }, (_, at) => {
    const set = mask((word() << 20n) | word(), next)
      .toString(16)
      .padStart(16, '0');
    const id = uid(at + 1);
    const ids = { real: id, effective: id, saved: id, fs: id };
    return {
      ...shell,
      ...{ pid: at + 2, tgid: at + 2, ppid: 1 + Math.floor(next() * (at + 1)) },
      ...{ uids: ids, gids: ids, capPermitted: set, capEffective: set, tracerPid: 0, tracerTgid: 0 },
    };
  });
  return { host, processes: [init, ...others] };
}
