// reach() on random hosts, compared with the closure over all pairs.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SnapshotFacts } from '../../lib/kernel/host.js';
import type { ProcessFacts, SeenIds } from '../../lib/kernel/process-facts.js';
import type { PtraceScopeValue } from '../../lib/kernel/ptrace-scope.js';
import { hostEdges } from '../../lib/map/graph/edge-counts.js';
import { decide } from '../../lib/policy/access/access-check.js';
import { capable, holds, upwards } from '../../lib/policy/access/capable.js';
import { confinedTree } from '../../lib/policy/access/confined-tree.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import { indexOf } from '../../lib/policy/reach/process-classes.js';
import { ReachCounter, type Reached, reach } from '../../lib/policy/reach/reach.js';
import { syntheticHost } from '../../scripts/bench/synthetic-host.mjs';
import { SEED, times } from '../helpers/tier.js';
import { forget, scopeOf, someForgotten, someWorldOf, withOtherThreads } from './kernel-worlds.js';

/*
 * Compares reach by classes with the closure over all pairs of processes. Each pair is asked of checkAccess() with all
 * possible credentials: every id that occurs on the host, every namespace, with and without an exec.
 */

const FULL = 'ffffffffffffffff';
const all = (id: number | null): SeenIds => ({ real: id, effective: id, saved: id, fs: id });
const three = ({ real, effective, saved }: SeenIds) => [real, effective, saved];

/** What decides whether the process can take the credentials on: true, or not seen. */
interface AssumableCredentials {
  as: ProcessFacts;
  isCertain: boolean;
  /** The user namespace that it entered: it has effect on processes in it and below. */
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

/** Where all pairs with all ids take minutes: those of which a rule could say anything about this target. */
const LARGE = 100;
function poolFor(target: ProcessFacts, host: Host): Pool {
  const makers = Object.values(host.userNsParents).flatMap(({ owner, root }) => [owner, root]);
  return { uids: [...new Set([...three(target.uids), ...makers])], gids: [...new Set(three(target.gids))] };
}

/** setresuid(2), setresgid(2), capset(2). */
function* inIds(
  facts: ProcessFacts,
  isCertain: boolean,
  host: Host,
  pool: Pool,
): Generator<AssumableCredentials> {
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
  for (const uid of uids) {
    for (const gid of gids) {
      const as = { ...facts, uids: all(uid.id), gids: all(gid.id), capEffective: facts.capPermitted };
      yield { as, isCertain: isCertain && uid.sure && gid.sure };
    }
  }
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

/** Those that it is sure of first. */
function* assumable(facts: ProcessFacts, host: Host, pool: Pool): Generator<AssumableCredentials> {
  yield* inIds(facts, true, host, pool);
  const after = executed(facts, host);
  if (after !== null) yield* inIds(after, false, host, pool);
  const namespaces = [...Object.keys(host.userNsParents), ...host.processes.map(each => each.userNs), null];
  for (const one of [facts, ...(after === null ? [] : [after])]) {
    for (const userNs of new Set(namespaces)) {
      if (userNs !== null && userNs === facts.userNs) continue;
      const raised = { ...one, capEffective: one.capPermitted };
      if (capable(raised, 'CAP_SYS_ADMIN', userNs, host.userNsParents) === false) continue;
      const there = { ...one, userNs, capPermitted: FULL, capEffective: FULL };
      for (const assumed of inIds(there, false, host, pool)) yield { ...assumed, entered: userNs };
    }
  }
}

/** A process with the rights of each of its threads: credentials(7). */
const threadsOf = (facts: ProcessFacts): ProcessFacts[] => [
  facts,
  ...(facts.threadRights ?? []).map(({ tid: _, ...rights }) => ({ ...facts, ...rights })),
];

function* assumableByThreads(facts: ProcessFacts, host: Host, pool: Pool) {
  for (const thread of threadsOf(facts)) {
    for (const assumed of assumable(thread, host, pool)) yield { ...assumed, of: thread };
  }
}

type Bound = 'certain' | 'possible';

/** /proc lists processes: one that it hides is no thread of another. */
const asListed = (facts: ProcessFacts): ProcessFacts => ({
  ...facts,
  tgid: facts.tgid ?? facts.pid,
  // Its first thread alone has ended.
  ...(facts.kind === 'zombie' &&
    (facts.threads ?? 0) > 1 && { kind: 'unknown', dumpable: null, memoryUserNs: null }),
});

/** By pid: the processes that it reaches in one step. */
interface Pairs {
  pids: number[];
  certain: Map<number, Set<number>>;
  possible: Map<number, Set<number>>;
}

function allPairs({ host, processes: seen }: SnapshotFacts, scope: PtraceScopeValue): Pairs {
  const processes = seen.map(asListed);
  const world: Host = { ...host, processes, yama: scopeOf(scope) };
  const whole = poolOf(world);
  const canBeHad = (facts: ProcessFacts) => facts.kind !== 'kernel-thread' && facts.kind !== 'zombie';
  const leaders = processes.filter(facts => facts.tgid === facts.pid && canBeHad(facts));
  const certain = new Map<number, Set<number>>();
  const possible = new Map<number, Set<number>>();
  for (const tracer of leaders) {
    const [surely, perhaps] = [new Set<number>(), new Set<number>()];
    for (const target of leaders) {
      if (target === tracer) continue;
      const pool = processes.length > LARGE ? poolFor(target, world) : whole;
      const above = upwards(target.userNs, host.userNsParents);
      const isAttached = target.tracedThreads?.some(({ tracerTgid }) => tracerTgid === tracer.pid);
      // Yama asks for the tracer of the one thread; a tracer of any thread has the memory of the process.
      const known = isAttached ? { ...target, tracerTgid: tracer.pid } : target;
      const tries = threadsOf(known).flatMap(thread =>
        [...assumableByThreads(tracer, world, pool)].map(assumed => ({ ...assumed, thread })),
      );
      // A namespace that isn't seen is entered from the one that it is in or below (setns(2)).
      const isRuledOut = target.userNsRuledOut?.below === true && target.userNsRuledOut.id === tracer.userNs;
      for (const { as, isCertain, entered, thread } of tries) {
        if (entered !== undefined && !above.includes(entered)) continue;
        if (entered === null && isRuledOut) continue;
        const { verdict } = decide({ tracer: as, target: thread, host: world, mode: 'vm-read' });
        if (verdict !== 'denied') perhaps.add(target.pid);
        if (verdict === 'allowed' && isCertain) surely.add(target.pid);
        if (surely.has(target.pid) || scope === 3) break;
      }
    }
    certain.set(tracer.pid, surely);
    possible.set(tracer.pid, perhaps);
  }
  return { pids: leaders.map(({ pid }) => pid), certain, possible };
}

/** A present tracee is reached: surely, if its memory may be written, and no filter refuses the tracer's ptrace(). */
function withHeld(pairs: Pairs, { processes }: SnapshotFacts): Pairs {
  const certain = new Map([...pairs.certain].map(([pid, targets]) => [pid, new Set(targets)]));
  const possible = new Map([...pairs.possible].map(([pid, targets]) => [pid, new Set(targets)]));
  for (const { pid, tracerTgid, tracedThreads, dumpable } of processes.map(asListed)) {
    for (const tgid of [tracerTgid, ...(tracedThreads ?? []).map(traced => traced.tracerTgid)]) {
      const tracer = processes.find(facts => facts.pid === tgid);
      if (!certain.has(pid) || tracer === undefined || pid === tracer.pid) continue;
      const threads = threadsOf(tracer);
      if (threads.some(({ seccomp }) => seccomp !== 'strict')) possible.get(tracer.pid)?.add(pid);
      const isFree = threads.every(({ seccomp }) => seccomp === 'none');
      if (dumpable === true && isFree) certain.get(tracer.pid)?.add(pid);
    }
  }
  return { pids: pairs.pids, certain, possible };
}

function closure(pairs: Pairs, from: number, bound: Bound): Set<number> {
  const reached = new Set([from]);
  for (const at of reached) for (const next of pairs[bound].get(at) ?? []) reached.add(next);
  reached.delete(from);
  return reached;
}

/** By pid: whether a process is in the domain of this one, as confined-tree.property.test.ts tests it. */
function domainOf(from: number, { processes: seen }: SnapshotFacts): Map<number, boolean | null> {
  const processes = seen.map(asListed);
  const isInTree = confinedTree(processes.find(({ pid }) => pid === from)!, processes);
  return new Map(processes.map(facts => [facts.pid, isInTree(facts)]));
}

/** The steps that stay within the domain, surely or perhaps. */
function within(domain: ReadonlyMap<number, boolean | null>, pairs: Pairs): Pairs {
  const kept = (steps: Pairs['certain'], isKept: (pid: number) => boolean) =>
    new Map([...steps].map(([pid, targets]) => [pid, new Set([...targets].filter(isKept))]));
  return {
    pids: pairs.pids,
    certain: kept(pairs.certain, pid => domain.get(pid) === true),
    possible: kept(pairs.possible, pid => domain.get(pid) !== false),
  };
}

/** The processes that have CAP_SYS_PTRACE over the initial user namespace for any values of the unseen facts. */
function isPtraceCapable(facts: ProcessFacts, host: Host): boolean {
  const initial = Object.keys(host.userNsParents).find(id => host.userNsParents[id]?.parent === 'none');
  if (initial === undefined) return false;
  return threadsOf(facts).some(thread =>
    [...inIds(thread, true, host, poolOf(host))].some(
      ({ as, isCertain }) => isCertain && capable(as, 'CAP_SYS_PTRACE', initial, host.userNsParents),
    ),
  );
}

/** The counts of the map, and for each process the number of its tracers. */
function expectCounts(snapshot: SnapshotFacts, scope: PtraceScopeValue, pairs: Pairs) {
  const index = indexOf(snapshot);
  const { total, incoming, relatives } = hostEdges(index);
  const host: Host = { ...snapshot.host, processes: snapshot.processes };
  const factsOf = (pid: number) => snapshot.processes.find(facts => facts.pid === pid)!;
  const counted = pairs.pids.filter(pid => !isPtraceCapable(asListed(factsOf(pid)), host));
  const tracersOf = (bound: Bound, target: number) =>
    counted.filter(pid => pairs[bound].get(pid)?.has(target)).length;
  for (const pid of pairs.pids) {
    const node = index.nodes.get(pid)!;
    const own = incoming.get(node.class!)!;
    const more = relatives.get(node);
    const certain = tracersOf('certain', pid);
    expect(own.certain[scope] + (more?.certain[scope] ?? 0), `into ${pid} at ${scope}`).toBe(certain);
    expect(own.possible[scope] + (more?.possible[scope] ?? 0), `perhaps into ${pid} at ${scope}`).toBe(
      tracersOf('possible', pid) - certain,
    );
  }
  const all = (bound: Bound) => pairs.pids.reduce((sum, pid) => sum + tracersOf(bound, pid), 0);
  expect(total.certain[scope], `edges at ${scope}`).toBe(all('certain'));
  expect(total.possible[scope], `possible edges at ${scope}`).toBe(all('possible') - all('certain'));
}

const sorted = (pids: Iterable<number>) => [...pids].sort((a, b) => a - b);
const SCOPES = [0, 1, 2, 3] as const;

/** Each process of the path reaches the next, surely or perhaps. */
function expectPath(from: number, { pid, path }: Reached, steps: Map<number, Set<number>>) {
  let at = from;
  for (const step of path) {
    if (!steps.get(at)?.has(step.pid))
      expect.fail(`no step from ${at} to ${step.pid}, on the way from ${from} to ${pid}`);
    at = step.pid;
  }
  if (at !== pid) expect.fail(`the way from ${from} to ${pid} ends at ${at}`);
}

/** Every start at every scope, both bounds and their counts, and each step of each path. */
function expectClosure(snapshot: SnapshotFacts, count?: (what: string) => void) {
  for (const scope of SCOPES) {
    const once = allPairs(snapshot, scope);
    expectCounts(snapshot, scope, once);
    const pairs = withHeld(once, snapshot);
    const index = indexOf(snapshot);
    const counter = new ReachCounter(index, scopeOf(scope));
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
      expect(counter.of(index.nodes.get(from)!), `${where}, counts`).toEqual({
        certain: certain.length,
        possible: possible.length,
      });
      const sure = new Set(certain);
      for (const reached of upper)
        expectPath(from, reached, pairs[sure.has(reached) ? 'certain' : 'possible']);
      for (const { path } of upper) for (const { rule, as } of path) count?.(`${rule} as ${as}`);
      expectConfined(snapshot, from, scope, pairs);
    }
  }
}

function expectConfined(snapshot: SnapshotFacts, from: number, scope: PtraceScopeValue, all: Pairs) {
  const domain = domainOf(from, snapshot);
  const pairs = within(domain, all);
  const { certain, possible } = reach(snapshot, from, { scope, confined: true }).confined!;
  const upper = [...certain, ...possible];
  const where = `confined, from ${from} at ${scope}`;
  expect(sorted(certain.map(({ pid }) => pid)), `${where}, certain`).toEqual(
    sorted(closure(pairs, from, 'certain')),
  );
  expect(sorted(upper.map(({ pid }) => pid)), `${where}, possible`).toEqual(
    sorted(closure(pairs, from, 'possible')),
  );
  for (const reached of certain) expectPath(from, reached, pairs.certain);
  for (const reached of possible) expectPath(from, reached, pairs.possible);
  for (const { pid, undetermined } of upper.flatMap(({ path }) => path)) {
    if (domain.get(pid) === null) expect(undetermined, `${where}, to ${pid}`).toContain('landlock');
  }
}

const snapshotOf = ({ processes, ...host }: Host): SnapshotFacts => ({ host, processes: [...processes] });

it('with all facts known, reach() is the closure over all pairs, for every start and scope', () => {
  fc.assert(
    fc.property(someWorldOf(24), world => expectClosure(snapshotOf(world.host))),
    { seed: SEED, numRuns: times(15, 60) },
  );
});

it('a process has the rights of each of its threads, and is open through each of them', () => {
  fc.assert(
    fc.property(someWorldOf(12), world => expectClosure(snapshotOf(withOtherThreads(world).host))),
    { seed: SEED, numRuns: times(15, 60) },
  );
});

it('with facts forgotten, both bounds are the closure over all pairs', () => {
  fc.assert(
    fc.property(someWorldOf(16), fc.array(someForgotten, { maxLength: 6 }), (world, forgotten) => {
      expectClosure(snapshotOf(forgotten.flat().reduce(forget, world).host));
    }),
    { seed: SEED, numRuns: times(20, 80) },
  );
});

it.each([
  ['a larger', SEED, times(80, 300)],
  ['a smaller', SEED + 1, times(50, 120)],
])('on %s made-up host, too, and each way is gone', (_, hostSeed, size) => {
  const counted = new Map<string, number>();
  expectClosure(syntheticHost(hostSeed, size), what => counted.set(what, (counted.get(what) ?? 0) + 1));
  expect([...counted.keys()]).toEqual(
    expect.arrayContaining(['credentials as itself', 'capability as itself', 'ancestor as itself']),
  );
});

it('a traced process and another of its class reach different numbers: the tracer holds only the one', () => {
  const { host } = syntheticHost(SEED, 1);
  const ofUser = (pid: number, own: Partial<ProcessFacts>): ProcessFacts => ({
    ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: host.observedAs.userNs }),
    pid,
    tgid: pid,
    lsmLabel: 'unconfined',
    ...own,
  });
  const processes = [
    ofUser(1, { ppid: 0 }),
    ofUser(2, { dumpable: false }),
    ofUser(3, { dumpable: false, tracerPid: 1, tracerTgid: 1 }),
  ];
  expectClosure({ host, processes });
  const index = indexOf({ host, processes });
  const [, traced, other] = index.nodes.values();
  expect(traced?.class).toBe(other?.class);
});
