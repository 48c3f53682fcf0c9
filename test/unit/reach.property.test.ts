import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import type { ProcessFacts, SeenIds } from '../../lib/kernel/process-facts.js';
import type { PtraceScopeValue } from '../../lib/kernel/yama.js';
import { checkAccess } from '../../lib/policy/access-check.js';
import { capable, holds, upwards } from '../../lib/policy/capable.js';
import type { Host } from '../../lib/policy/question.js';
import { reach } from '../../lib/policy/reach.js';
import { forget, scopeOf, someForgotten, someWorldOf } from './kernel-worlds.js';

/*
 * Reach by classes against the closure over all pairs of processes, each pair asked of checkAccess() in every guise that
 * there is: every id that occurs on the host, every namespace, with and without an exec. The seed is fixed;
 * TRACEGATE_SEED tries another, TRACEGATE_RUNS multiplies the number of hosts.
 */
const seed = Number(process.env.TRACEGATE_SEED ?? 1952);
const times = Number(process.env.TRACEGATE_RUNS ?? 1);
vi.setConfig({ testTimeout: 120_000 * times });

const FULL = 'ffffffffffffffff';
const all = (id: number | null): SeenIds => ({ real: id, effective: id, saved: id, fs: id });
const three = ({ real, effective, saved }: SeenIds) => [real, effective, saved];

/** What decides whether the process can take on a guise: true, or not seen. */
interface Guise {
  as: ProcessFacts;
  isCertain: boolean;
  /** The user namespace that it went into: it helps with what is there and below. */
  entered?: string | null;
}

/** The ids that occur. */
interface Pool {
  uids: (number | null)[];
  gids: (number | null)[];
}

function poolOf({ processes, userNsParents }: Host): Pool {
  const uids = [
    ...processes.flatMap(({ uids }) => three(uids)),
    ...Object.values(userNsParents).flatMap(({ owner, root }) => [owner, root]),
  ];
  return { uids: [...new Set(uids)], gids: [...new Set(processes.flatMap(({ gids }) => three(gids)))] };
}

/** setresuid(2), setresgid(2), capset(2). */
function inIds(facts: ProcessFacts, isCertain: boolean, host: Host, pool: Pool): Guise[] {
  const inInitial = facts.userNs !== null && host.userNsParents[facts.userNs]?.parent === 'none';
  const ways = (
    own: (number | null)[],
    others: (number | null)[],
    capability: 'CAP_SETUID' | 'CAP_SETGID',
  ) => {
    const has = holds(facts.capPermitted, capability);
    const free = own.map(id => ({ id, sure: true }));
    const taken = has === false ? [] : others.filter(id => id !== null && !own.includes(id));
    return [...free, ...taken.map(id => ({ id, sure: has === true && inInitial }))];
  };
  const uids = ways([...new Set(three(facts.uids))], pool.uids, 'CAP_SETUID');
  const gids = ways([...new Set(three(facts.gids))], pool.gids, 'CAP_SETGID');
  return uids.flatMap(uid =>
    gids.map(gid => ({
      as: { ...facts, uids: all(uid.id), gids: all(gid.id), capEffective: facts.capPermitted },
      isCertain: isCertain && uid.sure && gid.sure,
    })),
  );
}

/** capabilities(7), "Transformation of capabilities during execve()", of a program without set-id bits by uid 0. */
function executed(facts: ProcessFacts, host: Host): ProcessFacts | null {
  const root = facts.userNs === null ? null : (host.userNsParents[facts.userNs]?.root ?? null);
  const takesAny = holds(facts.capPermitted, 'CAP_SETUID') !== false;
  const isRoot = root === null || three(facts.uids).some(id => id === null || id === root);
  if (!(isRoot || takesAny) || facts.noNewPrivs === true) return null;
  const { capInheritable, capBounding } = facts;
  const gained =
    capInheritable === null || capBounding === null
      ? null
      : (BigInt(`0x${capInheritable}`) | BigInt(`0x${capBounding}`)).toString(16);
  const isMore =
    gained === null ||
    facts.capPermitted === null ||
    (BigInt(`0x${gained}`) | BigInt(`0x${facts.capPermitted}`)) !== BigInt(`0x${facts.capPermitted}`);
  if (!isMore) return null;
  // Whichever of its own uids is root where that isn't seen.
  const uids = root === null && !takesAny ? facts.uids : all(root);
  return { ...facts, uids, capPermitted: gained, capEffective: gained };
}

function guises(facts: ProcessFacts, host: Host, pool: Pool): Guise[] {
  const after = executed(facts, host);
  const found = inIds(facts, true, host, pool);
  if (after !== null) found.push(...inIds(after, false, host, pool));
  for (const one of [facts, ...(after === null ? [] : [after])]) {
    for (const userNs of new Set([
      ...Object.keys(host.userNsParents),
      ...host.processes.map(each => each.userNs),
      null,
    ])) {
      if (userNs !== null && userNs === facts.userNs) continue;
      const raised = { ...one, capEffective: one.capPermitted };
      if (capable(raised, 'CAP_SYS_ADMIN', userNs, host.userNsParents) === false) continue;
      const there = { ...one, userNs, capPermitted: FULL, capEffective: FULL };
      found.push(...inIds(there, false, host, pool).map(guise => ({ ...guise, entered: userNs })));
    }
  }
  const distinct = new Map<string, Guise>();
  for (const guise of found) {
    const key = JSON.stringify([guise.as, guise.entered]);
    if (!distinct.get(key)?.isCertain) distinct.set(key, guise);
  }
  return [...distinct.values()];
}

type Bound = 'certain' | 'possible';

/** /proc lists processes: one that it hides is no thread of another. */
const asListed = (facts: ProcessFacts) => ({ ...facts, tgid: facts.tgid ?? facts.pid });

interface Pairs {
  pids: number[];
  /** By the place in pids: whom it gets at, in one step. */
  certain: Set<number>[];
  possible: Set<number>[];
}

function allPairs({ host, processes: seen }: Snapshot, scope: PtraceScopeValue): Pairs {
  const processes = seen.map(asListed);
  const world: Host = { ...host, processes, yama: scopeOf(scope) };
  const pool = poolOf(world);
  const canBeHad = (facts: ProcessFacts) => facts.kind !== 'kernel-thread' && facts.kind !== 'zombie';
  const leaders = processes.filter(facts => facts.tgid === facts.pid && canBeHad(facts));
  const certain: Set<number>[] = [];
  const possible: Set<number>[] = [];
  for (const tracer of leaders) {
    const [surely, perhaps] = [new Set<number>(), new Set<number>()];
    const all = guises(tracer, world, pool);
    for (const [at, target] of leaders.entries()) {
      if (target === tracer) continue;
      const above = upwards(target.userNs, host.userNsParents);
      for (const { as, isCertain, entered } of all) {
        if (entered !== undefined && !above.includes(entered)) continue;
        const { verdict } = checkAccess(as, target, world, 'vm-read');
        if (verdict !== 'denied') perhaps.add(at);
        if (verdict !== 'allowed' || !isCertain) continue;
        surely.add(at);
        break;
      }
    }
    certain.push(surely);
    possible.push(perhaps);
  }
  return { pids: leaders.map(({ pid }) => pid), certain, possible };
}

function closure(pairs: Pairs, from: number, bound: Bound): Set<number> {
  const start = pairs.pids.indexOf(from);
  const reached = new Set([start]);
  for (const at of reached) for (const next of pairs[bound][at]!) reached.add(next);
  reached.delete(start);
  return new Set([...reached].map(at => pairs.pids[at]!));
}

const sorted = (pids: Iterable<number>) => [...pids].sort((a, b) => a - b);
const SCOPES = [0, 1, 2, 3] as const;

/** Every start at every scope, both bounds, and each step of each path. */
function expectClosure(snapshot: Snapshot, count?: (what: string) => void) {
  for (const scope of SCOPES) {
    const pairs = allPairs(snapshot, scope);
    for (const from of pairs.pids) {
      const { certain, possible } = reach(snapshot, from, { scope });
      const upper = [...certain, ...possible];
      const where = `from ${from} at ${scope}`;
      expect(sorted(certain.map(({ pid }) => pid)), `${where}, certain`).toEqual(
        sorted(closure(pairs, from, 'certain')),
      );
      expect(sorted(upper.map(({ pid }) => pid)), `${where}, possible`).toEqual(
        sorted(closure(pairs, from, 'possible')),
      );
      for (const { pid, path } of upper) {
        const isCertain = certain.some(one => one.pid === pid);
        expect(path.at(-1)?.pid).toBe(pid);
        let at = from;
        for (const step of path) {
          const bound = isCertain ? pairs.certain : pairs.possible;
          expect(bound[pairs.pids.indexOf(at)], `${where}: ${at} to ${step.pid}`).toContain(
            pairs.pids.indexOf(step.pid),
          );
          if (isCertain) expect(step.unseen).toEqual([]);
          at = step.pid;
          count?.(`${step.rule} as ${step.as}`);
        }
      }
    }
  }
}

const snapshotOf = ({ processes, ...host }: Host): Snapshot => ({ host, processes: [...processes] });

it('where all is known, reach is the closure over all pairs, for every start and scope', () => {
  fc.assert(
    fc.property(someWorldOf(24), world => expectClosure(snapshotOf(world.host))),
    { seed, numRuns: 60 * times },
  );
});

it('whatever is forgotten, both bounds are the closure over all pairs', () => {
  fc.assert(
    fc.property(someWorldOf(16), fc.array(someForgotten, { maxLength: 6 }), (world, forgotten) => {
      expectClosure(snapshotOf(forgotten.flat().reduce(forget, world).host));
    }),
    { seed, numRuns: 80 * times },
  );
});
