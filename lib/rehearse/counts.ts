import type { Way } from '../kernel/access-events.js';
import type { RecordedPair, ScopeVerdict, Side } from '../watch/recording.js';
import type { CountedAccess } from './access-line.js';
import type { Program } from './rehearsal.js';

/** The accesses of a pair of programs to which the rules gave the same verdicts. */
export interface Kind {
  pair: CountedPair;
  way: Way;
  /** At ptrace_scope 0 to 3, as for the first of these accesses. */
  scopes: readonly ScopeVerdict[];
  allowed: number;
  refused: number;
  failed: number;
  first: number;
  last: number;
  /** When one was allowed last by the rules. */
  lastAllowed: number;
  hosts: Set<number>;
  /** On which the rules allowed one. */
  hostsAllowed: Set<number>;
}

export interface CountedPair {
  tracer: Program;
  target: Program;
  units: Set<string>;
  kinds: Map<string, Kind>;
}

/** A host may name its processes as it likes: beyond this, programs count as not seen. */
const MOST_KINDS = 50_000;
const MOST_UNITS = 10;

const UNSEEN: Program = { path: null, comm: null };

/** The names of threads differ, so the name counts only where the executable was not seen. */
const programOf = ({ program, comm }: Side): Program =>
  program === null ? { path: null, comm } : { path: program, comm };
const keyOf = ({ path, comm }: Program): string => JSON.stringify(path === null ? { comm } : { path });

/** What tells reasons apart: numbers in a remedy are those of one process. */
export const reasonKey = ({ verdict, rule, remedies: [least] }: ScopeVerdict): string =>
  [verdict, rule, ...(least?.actions ?? []).map(({ what }) => what.replace(/\d+/g, ''))].join();

/** Counters for pairs of programs. Their number depends on the programs, and not on the events. */
export class Counts {
  readonly pairs = new Map<string, CountedPair>();
  readonly #mostKinds: number;
  #kinds = 0;

  constructor(mostKinds = MOST_KINDS) {
    this.#mostKinds = mostKinds;
  }

  /** Whether further programs count as not seen. */
  get isFull(): boolean {
    return this.#kinds >= this.#mostKinds;
  }

  #pairOf(tracer: Program, target: Program): CountedPair {
    const key = `${keyOf(tracer)}\n${keyOf(target)}`;
    const known = this.pairs.get(key);
    if (known !== undefined || (this.isFull && tracer !== UNSEEN))
      return known ?? this.#pairOf(UNSEEN, UNSEEN);
    const pair = { tracer, target, units: new Set<string>(), kinds: new Map<string, Kind>() };
    this.pairs.set(key, pair);
    return pair;
  }

  kindOf({ tracer, target, way, scopes }: RecordedPair): Kind {
    const pair = this.#pairOf(programOf(tracer), programOf(target));
    if (tracer.unit !== null && pair.units.size < MOST_UNITS) pair.units.add(tracer.unit);
    const key = [way, ...scopes.map(reasonKey)].join();
    const known = pair.kinds.get(key);
    if (known !== undefined) return known;
    if (!this.isFull) return this.#add(pair, key, way, scopes);
    const unseen = this.#pairOf(UNSEEN, UNSEEN);
    const verdicts = [way, ...scopes.map(({ verdict }) => verdict)].join();
    return unseen.kinds.get(verdicts) ?? this.#add(unseen, verdicts, way, scopes);
  }

  #add(pair: CountedPair, key: string, way: Way, scopes: readonly ScopeVerdict[]): Kind {
    this.#kinds++;
    const [none, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const counts = { allowed: 0, refused: 0, failed: 0, first: none, last, lastAllowed: last };
    const kind: Kind = { pair, way, scopes, ...counts, hosts: new Set(), hostsAllowed: new Set() };
    pair.kinds.set(key, kind);
    return kind;
  }
}

export function count(kind: Kind, { outcome, time }: CountedAccess, host: number): void {
  kind[outcome]++;
  if (time < kind.first) kind.first = time;
  if (time > kind.last) kind.last = time;
  kind.hosts.add(host);
  if (outcome === 'refused') return;
  if (time > kind.lastAllowed) kind.lastAllowed = time;
  kind.hostsAllowed.add(host);
}
