import type { AccessMode } from './access-mode.js';

/** Each thing that can refuse, or let in beforehand. */
export type RuleId =
  | 'no-such-process'
  | 'exec'
  | 'same-thread-group'
  | 'kernel-thread'
  | 'file-permission'
  | 'perf-events'
  | 'perf-paranoid'
  | 'perf-lsm'
  | 'perfmon'
  | 'credentials'
  | 'dumpable'
  | 'capability-subset'
  | 'landlock'
  | 'yama-scope'
  | 'yama-relation'
  | 'other-lsm'
  | 'seccomp'
  | 'zombie'
  | 'already-traced';

/** `allow` ends the check, `pass` leaves it to the rules after it. */
export type Outcome = 'pass' | 'allow' | 'deny' | 'unknown';

export interface Step {
  rule: RuleId;
  outcome: Outcome;
  /** With the facts of both sides. */
  because: string;
  /** File and function of the kernel. */
  reference: string;
}

export interface Verdict {
  verdict: 'allowed' | 'denied' | 'unknown';
  /** The rule that ended the check: of a refusal the first that surely refuses, of an unknown verdict the first unknown. */
  decidedBy: RuleId;
  /** In the kernel's order. */
  steps: Step[];
  /** What might refuse without showing from outside, and was taken not to. Of a refusal nothing: it needs no other. */
  unseen: string[];
  /** The two threads that the verdict is about, where their rights allow more than those of the first threads. */
  threads: { tracer: number; target: number } | null;
}

export const REFERENCES: Record<RuleId, string> = {
  'no-such-process': 'kernel/pid.c, find_get_task_by_vpid()',
  exec: 'security/commoncap.c, cap_bprm_creds_from_file(); fs/exec.c, bprm_fill_uid()',
  'same-thread-group': 'kernel/ptrace.c, __ptrace_may_access()',
  'kernel-thread': 'kernel/ptrace.c, ptrace_attach(); kernel/fork.c, get_task_mm()',
  'file-permission': 'fs/proc/base.c, task_dump_owner(); fs/namei.c, generic_permission()',
  'perf-events': 'kernel/sys_ni.c, sys_ni_syscall()',
  'perf-paranoid':
    'kernel/events/core.c, perf_event_open(); the patch "security,perf: Allow further restriction of perf_event_open"',
  'perf-lsm': 'security/security.c, security_perf_event_open()',
  perfmon: 'kernel/fork.c, may_access_mm()',
  credentials: 'kernel/ptrace.c, __ptrace_may_access()',
  dumpable: 'kernel/ptrace.c, task_still_dumpable(), before 2026 in __ptrace_may_access()',
  'capability-subset': 'security/commoncap.c, cap_ptrace_access_check()',
  landlock: 'security/landlock/task.c, hook_ptrace_access_check()',
  'yama-scope': 'security/yama/yama_lsm.c, yama_ptrace_access_check()',
  'yama-relation': 'security/yama/yama_lsm.c, task_is_descendant() and ptracer_exception_found()',
  'other-lsm': 'security/security.c, security_ptrace_access_check()',
  seccomp: 'kernel/seccomp.c, __secure_computing()',
  zombie: 'kernel/ptrace.c, ptrace_attach(); kernel/fork.c, get_task_mm()',
  'already-traced': 'kernel/ptrace.c, ptrace_attach()',
};

/** The same rules where perf_event_open asks. */
export const PERF_REFERENCES: Partial<Record<RuleId, string>> = {
  perfmon: 'kernel/events/core.c, perf_check_permission()',
  zombie: 'kernel/events/core.c, find_get_context()',
};

/** The same rules where PTRACE_TRACEME asks. */
export const TRACEME_REFERENCES: Partial<Record<RuleId, string>> = {
  'capability-subset': 'security/commoncap.c, cap_ptrace_traceme()',
  landlock: 'security/landlock/task.c, hook_ptrace_traceme()',
  'yama-scope': 'security/yama/yama_lsm.c, yama_ptrace_traceme()',
  'other-lsm': 'security/security.c, security_ptrace_traceme()',
  'already-traced': 'kernel/ptrace.c, ptrace_traceme()',
};

/** Where a rule stands in the kernel for this mode. */
export function referenceOf(rule: RuleId, mode: AccessMode): string {
  const own = mode === 'traceme' ? TRACEME_REFERENCES : mode === 'perf' ? PERF_REFERENCES : {};
  return own[rule] ?? REFERENCES[rule];
}
