import type { RunningTracer } from '../audit/impact.js';
import type { Snapshot } from '../kernel/host.js';
import type { NodeExposure } from '../kernel/node-exposure.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { Reach } from '../policy/reach.js';

/** A snapshot with whose it is, and what of each Node shows beside the rules' facts. */
export interface NamedSnapshot extends Snapshot {
  /** As the host calls itself. */
  name: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** By pid. */
  nodes: ReadonlyMap<number, NodeExposure>;
}

export type ByScope = Record<0 | 1 | 2 | 3, number>;

/** Ordered pairs of processes of which the first may trace the second, at once. */
export interface EdgeCounts {
  /** The lower bound. */
  certain: ByScope;
  /** What the upper bound has beside them. At scope 1 mostly whom an unseen PR_SET_PTRACER would let in. */
  possible: ByScope;
}

/** Processes that the rules can't tell apart. */
export interface MapClass {
  id: number;
  size: number;
  /** Programs by their name, the most frequent first. */
  programs: { comm: string | null; count: number; pid: number }[];
  uid: number | null;
  gid: number | null;
  /** Real, effective and saved ids differ. */
  hasMixedIds: boolean;
  userNs: string | null;
  dumpable: ProcessFacts['dumpable'];
  /** Names of the capabilities that it is permitted; null: not seen. */
  capabilities: string[] | null;
  /** Holds, or can take, CAP_SYS_PTRACE in the initial user namespace: it gets at everything but at scope 3. */
  isMaster: boolean;
  lsmLabel: string | null;
}

/** From each process of a class to each other of another class (or of its own). */
export interface MapEdge {
  from: number;
  to: number;
  /** How many pairs. */
  certain: ByScope;
  possible: ByScope;
}

/** A program of a class. */
export interface MapProgram {
  comm: string | null;
  pid: number;
  /** How many of that name are in the class. */
  count: number;
  class: number;
}

export interface Exposed extends MapProgram {
  /** How many processes without CAP_SYS_PTRACE over it may trace it. */
  tracers: EdgeCounts;
  /** It is one of those programs that keep secrets. */
  keepsSecrets: boolean;
}

export interface Dangerous extends MapProgram {
  /** How many processes who controls it gets at, step by step, at the scope of the map. */
  reaches: { certain: number; possible: number };
}

export interface Advice {
  what: string;
  command: string | null;
  /** Certain edges that go with it, after those before it. */
  cuts: number;
  /** What it may break. */
  costs: string;
}

export interface HostMap {
  name: string;
  takenAt: string;
  scope: Reach['scope'];
  /** All that the snapshot has, and those of them that can be traced at all: no threads, kernel threads, zombies. */
  processes: number;
  traceable: number;
  /** Not where /proc hid other users' processes (hidepid): the host has more than it shows. */
  isWhole: boolean;
  classes: MapClass[];
  /** Null: there are more than a million, which are counted and not listed. */
  edges: MapEdge[] | null;
  edgesByScope: ByScope;
  possibleEdgesByScope: ByScope;
  exposed: Exposed[];
  /** Null where the edges are not listed: it is not looked at. */
  dangerous: Dangerous[] | null;
  advice: Advice[];
  /** Of a stricter scope: the tracers at work that could not begin anew. */
  refusedTracers: Record<
    1 | 2 | 3,
    {
      pid: number;
      comm: string | null;
      target: { pid: number; comm: string | null };
      anew: RunningTracer['anew'];
    }[]
  >;
  /** Nodes that open their inspector to a signal, or have it open: no ptrace_scope closes that. */
  inspectors: { pid: number; comm: string | null; by: 'SIGUSR1' | 'command line' }[];
}
