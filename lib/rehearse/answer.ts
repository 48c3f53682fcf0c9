import type { Way } from '../kernel/access-events.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import type { ScopeVerdict } from '../watch/recording.js';
import { type CountedPair, type Kind, reasonKey } from './counts.js';
import {
  CHANGES,
  type Change,
  type Doubt,
  type PairAtScope,
  type Program,
  type Recording,
  type Refusal,
  type Rehearsal,
  type RehearsedPair,
  type ScopeSummary,
} from './rehearsal.js';
import type { Rehearser } from './rehearse.js';

const UNSEEN: ScopeVerdict = { verdict: 'unknown', rule: null, because: '', remedies: [], unknown: [] };

const isoOf = (time: number): string => new Date(time).toISOString();

const none = (): Record<Change, number> => ({ breaks: 0, unknown: 0, unchanged: 0 });

/** The worst of them, where there are any. */
const worst = (counts: Record<Change, number>): Change =>
  CHANGES.find(change => counts[change] > 0) ?? 'unchanged';

/** The accesses that the rules allowed when they were recorded. */
const allowedOf = ({ allowed, failed }: Kind): number => allowed + failed;

const CHANGE_BY: Record<ScopeVerdict['verdict'], Change> = {
  allowed: 'unchanged',
  refused: 'breaks',
  unknown: 'unknown',
};

function addWay(ways: Way[], way: Way): void {
  if (!ways.includes(way)) ways.push(way);
}

function pairAt(pair: CountedPair, scope: PtraceScopeValue): [PairAtScope, Set<number>] {
  const accesses = none();
  const refusals = new Map<string, Refusal>();
  const doubts = new Map<string, Doubt>();
  const hosts = new Set<number>();
  let last = Number.NEGATIVE_INFINITY;
  for (const kind of pair.kinds.values()) {
    const allowed = allowedOf(kind);
    accesses.unchanged += kind.refused;
    if (allowed === 0) continue;
    const by = kind.scopes[scope] ?? UNSEEN;
    const { rule, because, remedies } = by;
    const change = CHANGE_BY[by.verdict];
    accesses[change] += allowed;
    if (change === 'breaks') {
      last = Math.max(last, kind.lastAllowed);
      for (const host of kind.hostsAllowed) hosts.add(host);
      const key = reasonKey(by);
      const refusal = refusals.get(key) ?? { rule, because, ways: [], accesses: 0, remedies };
      refusals.set(key, refusal);
      refusal.accesses += allowed;
      addWay(refusal.ways, kind.way);
    }
    if (change === 'unknown') {
      const doubt = doubts.get(because) ?? { because, ways: [], accesses: 0 };
      doubts.set(because, doubt);
      doubt.accesses += allowed;
      addWay(doubt.ways, kind.way);
    }
  }
  const most = (a: { accesses: number }, b: { accesses: number }) => b.accesses - a.accesses;
  const at: PairAtScope = {
    change: worst(accesses),
    accesses,
    hosts: hosts.size,
    last: hosts.size === 0 ? null : isoOf(last),
    refusals: [...refusals.values()].sort(most),
    doubts: [...doubts.values()].sort(most),
  };
  return [at, hosts];
}

const nameOf = ({ path, comm }: Program): string => path ?? comm ?? '';

/** At which scope it breaks first, or else is unknown; then by accesses, and by name. */
function byWeight(scopes: readonly PtraceScopeValue[]) {
  const rank = ({ atScope }: RehearsedPair): number => {
    const of = (change: Change) => scopes.findIndex(scope => atScope[scope]?.change === change);
    const [breaks, unknown] = [of('breaks'), of('unknown')];
    return breaks >= 0 ? breaks : scopes.length + (unknown >= 0 ? unknown : scopes.length);
  };
  const size = ({ accesses: { allowed, refused, failed } }: RehearsedPair) => allowed + refused + failed;
  const name = ({ tracer, target }: RehearsedPair) => `${nameOf(tracer)}\n${nameOf(target)}`;
  return (a: RehearsedPair, b: RehearsedPair) =>
    rank(a) - rank(b) || size(b) - size(a) || (name(a) < name(b) ? -1 : 1);
}

/** Hosts of which two recordings are of the same time. */
function overlappingHosts(recordings: readonly Recording[]): string[] {
  const found = new Set<string>();
  const ends = new Map<string, number>();
  const times = recordings
    .filter(({ copyOf }) => copyOf === null)
    .map(({ hostname, machineId, begin, end }) => ({
      ...{ hostname, key: `${machineId ?? ''} ${hostname}`, begin: Date.parse(begin), end: Date.parse(end) },
    }))
    .sort((a, b) => a.begin - b.begin);
  for (const { hostname, key, begin, end } of times) {
    const before = ends.get(key);
    if (before !== undefined && begin < before) found.add(hostname);
    ends.set(key, Math.max(before ?? end, end));
  }
  return [...found].sort();
}

export function answerOf(
  { counts, recordings, hosts, limits }: Pick<Rehearser, 'counts' | 'recordings' | 'hosts' | 'limits'>,
  failed: Rehearsal['failed'],
  scopes: readonly PtraceScopeValue[],
): Rehearsal {
  const all = [...limits.values()].sort((a, b) => b.recordings - a.recordings);
  if (failed.length > 0)
    all.push({
      hides: true,
      kind: 'file',
      because: 'files could not be read, or not to their end',
      recordings: failed.length,
    });
  const summaries = new Map<PtraceScopeValue, ScopeSummary>();
  const brokenHosts = new Map<PtraceScopeValue, Set<number>>();
  for (const scope of scopes) {
    summaries.set(scope, { change: 'unchanged', pairs: none(), accesses: none(), hosts: 0 });
    brokenHosts.set(scope, new Set());
  }
  const pairs: RehearsedPair[] = [];
  for (const pair of counts.pairs.values()) {
    const kinds = [...pair.kinds.values()].filter(({ hosts }) => hosts.size > 0);
    if (kinds.length === 0) continue;
    const sum = (of: (kind: Kind) => number) => kinds.reduce((total, kind) => total + of(kind), 0);
    const ways: Way[] = [];
    for (const { way } of kinds) addWay(ways, way);
    const atScope: RehearsedPair['atScope'] = {};
    for (const [scope, summary] of summaries) {
      const [at, broken] = pairAt(pair, scope);
      atScope[scope] = at;
      summary.pairs[at.change]++;
      for (const change of CHANGES) summary.accesses[change] += at.accesses[change];
      for (const host of broken) brokenHosts.get(scope)?.add(host);
    }
    pairs.push({
      tracer: pair.tracer,
      target: pair.target,
      units: [...pair.units].sort(),
      ways,
      accesses: {
        allowed: sum(({ allowed }) => allowed),
        refused: sum(({ refused }) => refused),
        failed: sum(kind => kind.failed),
      },
      hosts: new Set(kinds.flatMap(kind => [...kind.hosts])).size,
      first: isoOf(Math.min(...kinds.map(({ first }) => first))),
      last: isoOf(Math.max(...kinds.map(({ last }) => last))),
      atScope,
    });
  }
  for (const [scope, summary] of summaries) {
    summary.hosts = brokenHosts.get(scope)?.size ?? 0;
    summary.change = worst(summary.pairs);
    // What wasn't recorded may break.
    if (summary.change === 'unchanged' && all.some(({ hides }) => hides)) summary.change = 'unknown';
  }
  const begins = recordings.map(({ begin }) => begin).sort();
  const ends = recordings.map(({ end }) => end).sort();
  return {
    hosts: hosts.size,
    accesses: recordings.reduce((sum, { accesses }) => sum + accesses, 0),
    begin: begins[0] ?? null,
    end: ends.at(-1) ?? null,
    atScope: Object.fromEntries(summaries),
    pairs: pairs.sort(byWeight(scopes)),
    limits: all,
    recordings,
    overlapping: overlappingHosts(recordings),
    failed,
  };
}
