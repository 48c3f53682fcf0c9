import type { Way } from '../kernel/access-events.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import type { RuleId } from '../policy/access/verdict.js';
import type { Remedy } from '../policy/remedies/remedies.js';

/** A thread of an event. The pid is that of its process. */
export interface EventTask {
  pid: number;
  tid: number;
  /** Field 22 of /proc/PID/stat, of the process. With the pid it identifies the process. Null: it ended too soon. */
  startTime: number | null;
}

/** One of the two processes of a pair, by the first access of the pair. */
export interface Side {
  /** The file of its program. Null: not seen. */
  program: string | null;
  /** The name of the process in the kernel. Null: not seen. */
  comm: string | null;
  /** The effective uid. */
  uid: number | null;
  /** The systemd service or the container, by its cgroup. Null: in neither, or not seen. */
  unit: string | null;
  /**
   * The facts of the thread that takes part in the access, and not of other threads. So `threadRights` and
   * `tracedThreads` are empty, and an attachment at that time is left out.
   */
  facts: ProcessFacts;
}

/** The answer at one ptrace_scope. */
export interface ScopeVerdict {
  verdict: 'allowed' | 'refused' | 'unknown';
  /** The rule that decides. Null: the kernel decided, and its rule isn't seen. */
  rule: RuleId | null;
  because: string;
  /** Where it is refused: what would allow it, from what opens least to what opens most. */
  remedies: Remedy[];
  /** Where it is unknown: what isn't seen. */
  unknown: string[];
}

/** The answers at ptrace_scope 0, 1, 2 and 3. */
export type ScopeVerdicts = [ScopeVerdict, ScopeVerdict, ScopeVerdict, ScopeVerdict];

/** Accesses that no rule tells apart: the same programs, users, units, rights and relation, by the same way. */
export interface Pair {
  way: Way;
  /** The PTRACE_MODE_* flags of the access check. */
  mode: number;
  /** The ptrace_scope at the decision. Null: the kernel runs without Yama, or the scope isn't seen. */
  scope: PtraceScopeValue | null;
  /** The kernel's decision. */
  decision: 'allowed' | 'refused';
  tracer: Side;
  target: Side;
  /** Whether the target is a descendant of the tracer's process, as Yama means it. */
  relation: 'descendant' | 'other' | 'unknown';
  /** Whether the target has declared the tracer by PR_SET_PTRACER. Null: not seen. */
  declared: boolean | null;
  /** At ptrace_scope 0, 1, 2 and 3. */
  scopes: ScopeVerdicts;
}

/**
 * What an access came to. `refused`: by the rules. `failed`: the rules allowed it, and the call failed all the same, because
 * the target was traced already, say.
 */
export type AccessOutcome = 'allowed' | 'refused' | 'failed';

/** Where events come from. */
export interface WatchSource {
  name: 'bpf' | 'process-connector';
  /** What this source can't see, in words. */
  blind: readonly string[];
}

/** What is recorded: accesses in which one of the two processes fits each filter. */
export interface WatchFilters {
  /** Part of the name of a systemd service or container. */
  unit?: string;
  /** An effective uid. */
  uid?: number;
  /** Part of the path of a program, or of the name of a process. */
  program?: string;
  pid?: number;
  /** Also accesses that only read /proc: environ, maps and the like. */
  reads?: boolean;
}

/** An access to another process that the tracing rules decide. */
export interface WatchedAccess {
  event: 'access';
  /** ISO 8601, UTC. */
  time: string;
  pair: Pair;
  outcome: AccessOutcome;
  /** What the call returned, such as `EPERM`. Null: it succeeded. */
  error: string | null;
  tracer: EventTask;
  target: EventTask;
}

/** The end of an attachment. */
export interface WatchedEnd {
  event: 'end';
  time: string;
  tracer: EventTask;
  target: EventTask;
}

/** Events were lost. */
export interface WatchGap {
  event: 'gap';
  time: string;
  /** The number of events. Null: not known. */
  lost: number | null;
  because: string;
}

/** What is watched: accesses, the ends of attachments, and losses. */
export type WatchEvent = WatchedAccess | WatchedEnd | WatchGap;

/** The first line of a recording. */
export interface RecordingBegin {
  event: 'begin';
  schemaVersion: number;
  time: string;
  tracegate: string;
  host: { hostname: string; machineId?: string; kernel: string; os: string | null };
  /** The running ptrace_scope. Null: the kernel runs without Yama, or the scope isn't seen. */
  scope: PtraceScopeValue | null;
  source: WatchSource;
  filters: WatchFilters;
}

/** A pair stands before its first access in the file. */
export interface RecordedPair extends Pair {
  event: 'pair';
  /** Counted from 1 in each file. */
  id: number;
}

/** The last line of a recording that wasn't cut off. */
export interface RecordingStop {
  event: 'stop';
  time: string;
  /** `SIGINT`, `SIGTERM`, `rotated`, `time limit`, … */
  because: string;
  /** The number of accesses in the file. */
  events: number;
}

/** A line of a recording: schemas/watch.schema.json. */
export type RecordingLine =
  | RecordingBegin
  | RecordedPair
  | (Omit<WatchedAccess, 'pair'> & { pair: number })
  | WatchedEnd
  | WatchGap
  | RecordingStop;
