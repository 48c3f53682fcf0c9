import type { HostFacts, Snapshot, SnapshotFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { RIGHTS, type RightsFact } from '../../policy/access/rule-facts.js';
import type { Access } from '../../policy/access/yama-decision.js';
import {
  ACCESSES,
  ClassAccess,
  classAccessOf,
  codeOf,
  type Row,
  setClassAccess,
} from '../../policy/reach/class-access.js';
import type { Group } from '../../policy/reach/class-groups.js';
import { type HostIndex, indexOf, type ProcessClass } from '../../policy/reach/process-classes.js';
import type { ByScope, Dangerous, HostMap, MapEdge } from '../graph/map-types.js';
import { classStates, type StateByScope, strongest } from '../graph/states.js';
import { listedEdges } from '../graph/unlisted.js';

/** The facts that all processes of a class have in common. */
type Shared = Pick<ProcessFacts, RightsFact>;

/** Replaces the facts of a process that can't be traced. Only the relations of such a process count. */
const NO_IDS = { real: null, effective: null, saved: null, fs: null };
const UNSEEN: Shared = {
  kind: 'unknown',
  uids: NO_IDS,
  gids: NO_IDS,
  userNs: null,
  userNsRuledOut: null,
  memoryUserNs: null,
  capPermitted: null,
  capInheritable: null,
  capBounding: null,
  dumpable: null,
  seccomp: null,
  noNewPrivs: null,
  threadRights: null,
  lsmLabel: null,
};

/** The values of the few processes that differ from the usual value: [place in the list, value]. */
type Sparse<Value> = [at: number, value: Value][];

/** A snapshot with each shared fact once for a class, the rows of access, and the parts of the map that the page needs. */
export interface PageData {
  version: 1;
  name: string;
  takenAt: string;
  host: HostFacts;
  /** The distinct values of all shared facts. */
  values: unknown[];
  /** For each class, and then for each kind that can't be traced, the place in `values` of each fact of RIGHTS. */
  shared: number[][];
  comms: (string | null)[];
  processes: {
    pid: number[];
    ppid: (number | null)[];
    shared: number[];
    comm: number[];
    tgid: Sparse<number | null>;
    tracer: Sparse<number | null>;
    tracedThreads: Sparse<ProcessFacts['tracedThreads']>;
    declared: Sparse<ProcessFacts['declaredTracer']>;
  };
  /** Lists of classes. */
  groups: number[][];
  /** For each class a flat list: group, code of access, group, code of access, … */
  rows: number[][];
  map: Omit<HostMap, 'classes' | 'edges' | 'dangerous'> & { dangerous: Dangerous[] };
  ptraceCapable: number[];
  states: StateByScope[];
  /** The strongest edges between two classes, at each scope. */
  strongest: ByScopeOf<MapEdge[]>;
  /** The number of edges between two classes, at each scope. */
  between: ByScope;
}

export type ByScopeOf<Value> = Record<0 | 1 | 2 | 3, Value>;

class Interned<Value> {
  readonly values: Value[] = [];
  readonly #at = new Map<string, number>();

  of(value: Value): number {
    const key = JSON.stringify(value);
    let at = this.#at.get(key);
    if (at === undefined) {
      at = this.values.push(value) - 1;
      this.#at.set(key, at);
    }
    return at;
  }
}

const accessOf = (code: number): Access => ACCESSES[code] ?? { withoutYama: null, viaCapability: null };

function encodeRows(index: HostIndex): Pick<PageData, 'groups' | 'rows'> {
  const groups = new Interned<number[]>();
  const places = new Map<Group, number>();
  const place = (group: Group) => {
    const at = places.get(group) ?? groups.of(group.classes.map(({ id }) => id));
    places.set(group, at);
    return at;
  };
  const access = classAccessOf(index);
  const rows = index.classes.map(cls =>
    access.rowsOf(cls).flatMap(row => [place(row.target), codeOf(row.access)]),
  );
  return { groups: groups.values, rows };
}

function encodeProcesses(index: HostIndex): Pick<PageData, 'values' | 'shared' | 'comms' | 'processes'> {
  const values = new Interned<unknown>();
  const comms = new Interned<string | null>();
  const kinds = new Map<string, number>();
  const encode = (facts: Shared) => RIGHTS.map(name => values.of(facts[name]));
  const shared = index.classes.map(({ facts }) => encode(facts));
  const untraceable = (kind: ProcessFacts['kind']) => {
    const at = kinds.get(kind) ?? shared.push(encode({ ...UNSEEN, kind })) - 1;
    kinds.set(kind, at);
    return at;
  };
  const cls: PageData['processes'] = {
    pid: [],
    ppid: [],
    shared: [],
    comm: [],
    tgid: [],
    tracer: [],
    tracedThreads: [],
    declared: [],
  };
  for (const { facts, class: one } of index.nodes.values()) {
    const at = cls.pid.push(facts.pid) - 1;
    cls.ppid.push(facts.ppid);
    cls.shared.push(one?.id ?? untraceable(facts.kind));
    cls.comm.push(comms.of(facts.comm));
    if (facts.tgid !== facts.pid) cls.tgid.push([at, facts.tgid]);
    if (facts.tracerTgid !== 0) cls.tracer.push([at, facts.tracerTgid]);
    if (facts.tracedThreads?.length !== 0) cls.tracedThreads.push([at, facts.tracedThreads]);
    if (facts.declaredTracer !== 'unknown') cls.declared.push([at, facts.declaredTracer]);
  }
  return { values: values.values, shared, comms: comms.values, processes: cls };
}

/** @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the map doesn't list its edges */
export function pageData(snapshot: Snapshot, map: HostMap): PageData {
  const index = indexOf(snapshot);
  const { classes, edges: _, ...rest } = map;
  const edges = listedEdges(map);
  return {
    version: 1,
    name: snapshot.name,
    takenAt: snapshot.takenAt,
    host: snapshot.host,
    ...encodeProcesses(index),
    ...encodeRows(index),
    map: { ...rest, dangerous: rest.dangerous ?? [] },
    ptraceCapable: classes.filter(({ isPtraceCapable }) => isPtraceCapable).map(({ id }) => id),
    states: classStates(map),
    ...strongest(edges),
  };
}

function decodeProcesses({ values, shared, comms, processes: cls }: PageData): ProcessFacts[] {
  // The inverse of encodeProcesses().
  const templates = shared.map(
    places =>
      Object.fromEntries(RIGHTS.map((name, at) => [name, values[places[at] ?? 0]])) as unknown as Shared,
  );
  const [tgid, tracer, declared] = [new Map(cls.tgid), new Map(cls.tracer), new Map(cls.declared)];
  const tracedThreads = new Map(cls.tracedThreads);
  const sparse = <Value>(map: ReadonlyMap<number, Value>, at: number, byDefault: Value): Value =>
    map.has(at) ? (map.get(at) ?? (null as Value)) : byDefault;
  return cls.pid.map((pid, at) => {
    const traced = sparse(tracer, at, 0);
    return {
      ...(templates[cls.shared[at] ?? 0] ?? UNSEEN),
      pid,
      ppid: cls.ppid[at] ?? null,
      tgid: sparse(tgid, at, pid),
      startTime: null,
      comm: comms[cls.comm[at] ?? 0] ?? null,
      tracerPid: traced,
      tracerTgid: traced,
      tracedThreads: sparse(tracedThreads, at, []),
      // Code in the process raises this set to the permitted one.
      capEffective: null,
      threads: null,
      declaredTracer: declared.get(at) ?? 'unknown',
    };
  });
}

function decodeRows({ groups, rows }: PageData, { classes }: HostIndex): Map<ProcessClass, Row[]> {
  const made = groups.map((ids): Group => {
    const members = ids.map(id => classes[id]).filter(cls => cls !== undefined);
    return { classes: members, size: members.reduce((sum, cls) => sum + cls.members.length, 0) };
  });
  const none: Group = { classes: [], size: 0 };
  return new Map(
    classes.map((cls): [ProcessClass, Row[]] => {
      const flat = rows[cls.id] ?? [];
      const list = flat.flatMap((group, at) =>
        at % 2 === 0 ? [{ target: made[group] ?? none, access: accessOf(flat[at + 1] ?? 0) }] : [],
      );
      return [cls, list];
    }),
  );
}

/** Restores a snapshot that is the same for all rules, and its index with the access that was computed before. */
export function snapshotOf(data: PageData): { snapshot: SnapshotFacts; index: HostIndex } {
  const snapshot = { host: data.host, processes: decodeProcesses(data) };
  const index = indexOf(snapshot);
  setClassAccess(index, new ClassAccess(index, decodeRows(data, index)));
  return { snapshot, index };
}
