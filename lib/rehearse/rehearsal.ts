import type { Way } from '../kernel/access-events.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import type { RuleId } from '../policy/access/verdict.js';
import type { Remedy } from '../policy/remedies/remedies.js';
import type { RecordingBegin } from '../watch/recording.js';

/*
 * The answer of `tracegate rehearse`, as schemas/rehearse.schema.json describes it.
 */

/**
 * - `breaks`: the kernel allowed it, and would refuse it
 * - `unknown`: the kernel allowed it, and the rules don't say whether it would be refused
 * - `unchanged`: it would be allowed, or was refused when it was recorded
 */
export type Change = 'breaks' | 'unknown' | 'unchanged';
export const CHANGES: readonly Change[] = ['breaks', 'unknown', 'unchanged'];

/** A program by its executable, or, where that was not seen, by its name; both null: not seen. */
export interface Program {
  path: string | null;
  comm: string | null;
}

/** Why accesses of a pair would be refused. */
export interface Refusal {
  rule: RuleId | null;
  /** Of one of the accesses. */
  because: string;
  ways: Way[];
  accesses: number;
  /** From what opens least; of one of the accesses. */
  remedies: Remedy[];
}

/** Why it isn't known whether accesses of a pair would be refused. */
export interface Doubt {
  because: string;
  ways: Way[];
  accesses: number;
}

/** What a ptrace_scope would change for a pair of programs. */
export interface PairAtScope {
  change: Change;
  accesses: Record<Change, number>;
  /** The hosts on which something would break. */
  hosts: number;
  /** When an access was recorded last that would be refused. */
  last: string | null;
  refusals: Refusal[];
  doubts: Doubt[];
}

export interface RehearsedPair {
  tracer: Program;
  target: Program;
  /** Systemd units and containers of the tracers; at most 10. */
  units: string[];
  ways: Way[];
  /** As they were recorded. */
  accesses: { allowed: number; refused: number; failed: number };
  hosts: number;
  first: string;
  last: string;
  atScope: Partial<Record<PtraceScopeValue, PairAtScope>>;
}

export interface Recording {
  file: string;
  hostname: string;
  machineId: string | null;
  scope: PtraceScopeValue | null;
  source: string;
  filters: RecordingBegin['filters'];
  /** Of its first and of its last event. */
  begin: string;
  end: string;
  accesses: number;
  gaps: number;
  /** The lost events; null: not known. */
  lost: number | null;
  /** Why the recorder stopped. Null: the recording has no last line. It goes on, or the machine or the recorder crashed. */
  stopped: string | null;
  /** Whether its last line is incomplete. */
  isCut: boolean;
  /** A file with the same recording, whose events were not counted again. */
  copyOf: string | null;
}

/** What the recordings don't show. */
export interface Limit {
  kind: 'gap' | 'blind' | 'filter' | 'pair' | 'file';
  because: string;
  /** How many recordings have it. */
  recordings: number;
  /** Whether it may hide accesses that would be refused: then nothing proves that nothing breaks. */
  hides: boolean;
}

export interface ScopeSummary {
  change: Change;
  pairs: Record<Change, number>;
  accesses: Record<Change, number>;
  hosts: number;
}

export interface Rehearsal {
  hosts: number;
  accesses: number;
  /** Of the first and of the last event. */
  begin: string | null;
  end: string | null;
  atScope: Partial<Record<PtraceScopeValue, ScopeSummary>>;
  /** Those that break at the lowest scope first, then those with most accesses. */
  pairs: RehearsedPair[];
  limits: Limit[];
  recordings: Recording[];
  /** Hosts with recordings of the same time: their accesses may be counted twice. */
  overlapping: string[];
  failed: { file: string; because: string }[];
}
