import type { ProcessFacts } from '../../kernel/process-facts.js';
import type { RunningTracer } from '../../policy/access/running-tracers.js';
import type { Reach } from '../../policy/reach/reach.js';

/** A number for each value of ptrace_scope. */
export type ByScope = Record<0 | 1 | 2 | 3, number>;

/** The numbers of ordered pairs of processes of which the first may trace the second in one step. */
export interface EdgeCounts {
  /** The lower bound. */
  certain: ByScope;
  /** The pairs that the upper bound adds. At scope 1 most are strangers that an unseen PR_SET_PTRACER may have declared. */
  possible: ByScope;
}

/** Processes that the rules can't tell apart. */
export interface MapClass {
  id: number;
  /** The number of processes. */
  size: number;
  /** Programs by their name, the most frequent first. */
  programs: { comm: string | null; count: number; pid: number }[];
  /** The real uid; null where it is not seen. */
  uid: number | null;
  gid: number | null;
  /** Real, effective and saved ids differ. */
  hasMixedIds: boolean;
  userNs: string | null;
  dumpable: ProcessFacts['dumpable'];
  /** The names of the permitted capabilities; null if they aren't seen. */
  capabilities: string[] | null;
  /** True if the class has, or can take, CAP_SYS_PTRACE in the initial user namespace: it may trace all below scope 3. */
  isPtraceCapable: boolean;
  lsmLabel: string | null;
}

/** The pairs of a tracer of one class and a target of another, or of the same, class. */
export interface MapEdge {
  /** The id of the class of the tracers. */
  from: number;
  /** The id of the class of the targets. */
  to: number;
  /** The number of pairs. */
  certain: ByScope;
  possible: ByScope;
}

/** A program of a class. */
export interface MapProgram {
  comm: string | null;
  /** One process of that name. */
  pid: number;
  /** The number of processes of that name in the class. */
  count: number;
  /** The id of the class. */
  class: number;
}

/** A program that other processes may trace. */
export interface Exposed extends MapProgram {
  /** The number of processes that may trace the program, without those that have CAP_SYS_PTRACE over everything. */
  tracers: EdgeCounts;
  /** True for a program of SECRET_KEEPERS. */
  keepsSecrets: boolean;
}

/** A program from which code can go far. */
export interface Dangerous extends MapProgram {
  /** The number of processes that code in the program can reach, step by step, at the scope of the map. */
  reaches: { certain: number; possible: number };
  /** The same number, had the process been started by `tracegate run --confine`. Null: the kernel runs without Landlock. */
  confined: { certain: number; possible: number } | null;
}

/** A change, and the number of edges, or of processes in a reach, that the change removes. */
export interface Advice {
  what: string;
  /** Null: no command makes the change. */
  command: string | null;
  /** The number of certain edges, or processes, that the change removes, after the changes before it. */
  cuts: number;
  /** The functions that the change may break. */
  costs: string;
}

/** The map of a host: which processes may trace which. */
export interface HostMap {
  name: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** The ptrace_scope that the lists are for; the counts are for each scope. */
  scope: Reach['scope'];
  /** All processes of the snapshot; `traceable` leaves out threads, kernel threads and zombies. */
  processes: number;
  traceable: number;
  /** False if /proc hid processes of other users (hidepid), so that the snapshot lacks them. */
  isWhole: boolean;
  classes: MapClass[];
  /** Null if there are more than a million edges, which are then only counted. */
  edges: MapEdge[] | null;
  /** The number of certain edges. */
  edgesByScope: ByScope;
  /** The number of edges that the upper bound adds. */
  possibleEdgesByScope: ByScope;
  /** The most exposed first. */
  exposed: Exposed[];
  /** Null if the edges are not listed; then this list isn't computed. */
  dangerous: Dangerous[] | null;
  /** The most effective change first. */
  advice: Advice[];
  /** For each stricter scope, the attached tracers for which a new attach would be denied or unknown. */
  refusedTracers: Record<
    1 | 2 | 3,
    {
      pid: number;
      comm: string | null;
      target: { pid: number; comm: string | null };
      reattach: RunningTracer['reattach'];
    }[]
  >;
  /** Node processes whose inspector is open, or opens at SIGUSR1; ptrace_scope doesn't prevent either. */
  inspectors: { pid: number; comm: string | null; by: 'SIGUSR1' | 'command line' }[];
}
